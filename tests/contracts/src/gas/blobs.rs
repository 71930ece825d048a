//! Blobs, shared blobs and what committees certify about blobs.

use sui_sdk_types::{Address, Argument};
use walrus_core::messages::{
    BlobPersistence, DenyListBlobDeleted, DenyListUpdate, InvalidBlobId, ProtocolVersion,
    StorageConfirmationBody,
};

use super::Meter;
use super::storage::blob_arguments;
use crate::{Account, BlobSpec, Ptb, WAL};

impl Meter {
    /// Reserves, registers and certifies; the blob object.
    fn blob(&mut self, user: &Account, blob: &BlobSpec, epochs: u32) -> Address {
        let size = blob.encoded_size(self.network.parameters.n_shards);
        let bought = self.take(user, ("walrus", "system", "reserve_space"), |n, p| {
            let coin = n.wal_purse(p, user.address, WAL);
            vec![
                p.object(n.contracts.system),
                p.pure(&size),
                p.pure(&epochs),
                coin,
            ]
        });
        let storage = bought.created("storage_resource", "Storage");
        let registered = self.take(user, ("walrus", "system", "register_blob"), |n, p| {
            let coin = n.wal_purse(p, user.address, WAL);
            let mut arguments = vec![p.object(n.contracts.system), p.object(storage)];
            arguments.extend(blob_arguments(p, blob));
            arguments.push(coin);
            arguments
        });
        let object = registered.created("blob", "Blob");
        self.call(user, ("walrus", "system", "certify_blob"), |n, p| {
            let persistence = if blob.deletable {
                let object_id = object.into_inner();
                BlobPersistence::Deletable { object_id }
            } else {
                BlobPersistence::Permanent
            };
            let body = StorageConfirmationBody {
                blob_id: blob.id(),
                persistence,
            };
            let certificate = n.certificate(body, &n.quorum());
            let mut arguments = vec![p.read(n.contracts.system), p.object(object)];
            arguments.extend(certificate.iter().map(|part| p.pure(part)));
            arguments
        });
        object
    }

    pub(crate) fn blobs(&mut self, user: &Account) {
        let spec = BlobSpec::numbered(1, 1000);
        let blob = self.blob(user, &spec, 3);
        self.call(user, ("walrus", "system", "extend_blob"), |n, p| {
            let coin = n.wal_purse(p, user.address, WAL);
            vec![
                p.object(n.contracts.system),
                p.object(blob),
                p.pure(&2u32),
                coin,
            ]
        });
        let size = spec.encoded_size(self.network.parameters.n_shards);
        let entry = ("walrus", "system", "reserve_space_for_epochs");
        let extension = self.take(user, entry, |n, p| {
            let coin = n.wal_purse(p, user.address, WAL);
            let start = n.epoch() + 5;
            let arguments = [p.pure(&size), p.pure(&start), p.pure(&(start + 2))];
            let mut all = vec![p.object(n.contracts.system)];
            all.extend(arguments);
            all.push(coin);
            all
        });
        let extension = extension.created("storage_resource", "Storage");
        let entry = ("walrus", "system", "extend_blob_with_resource");
        self.call(user, entry, |n, p| {
            vec![
                p.read(n.contracts.system),
                p.object(blob),
                p.object(extension),
            ]
        });
        self.metadata(user, blob);
        self.call(user, ("walrus", "blob", "burn"), |_, p| {
            vec![p.object(blob)]
        });
        let deletable = self.blob(user, &BlobSpec::numbered(2, 1000).deletable(), 3);
        self.take(user, ("walrus", "system", "delete_blob"), |n, p| {
            vec![p.read(n.contracts.system), p.object(deletable)]
        });
        self.shared_blobs(user);
    }

    fn metadata(&mut self, user: &Account, blob: Address) {
        let mut call = |function, with_metadata: bool, arguments: &[&str]| {
            let package = self.network.package;
            let mut ptb = Ptb::new();
            let mut all = vec![ptb.object(blob)];
            if with_metadata {
                all.push(ptb.call(package, "metadata", "new", vec![]));
            }
            all.extend(arguments.iter().map(|text| ptb.pure(*text)));
            ptb.call(package, "blob", function, all);
            self.send(user, ("walrus", "blob", function), &ptb);
        };
        call("add_metadata", true, &[]);
        call("add_or_replace_metadata", true, &[]);
        call("insert_or_update_metadata_pair", false, &["key", "value"]);
        call("remove_metadata_pair", false, &["key"]);
        call("remove_metadata_pair_if_exists", false, &["key"]);
        call("take_metadata", false, &[]);
    }

    fn shared_blobs(&mut self, user: &Account) {
        let blob = self.blob(user, &BlobSpec::numbered(3, 1000), 3);
        self.call(user, ("walrus", "shared_blob", "new"), |_, p| {
            vec![p.object(blob)]
        });
        let blob = self.blob(user, &BlobSpec::numbered(4, 1000), 3);
        let shared = self.call(user, ("walrus", "shared_blob", "new_funded"), |n, p| {
            vec![p.object(blob), n.wal_coin(p, user.address, WAL)]
        });
        let shared = shared.created("shared_blob", "SharedBlob");
        self.call(user, ("walrus", "shared_blob", "fund"), |n, p| {
            vec![p.object(shared), n.wal_coin(p, user.address, WAL)]
        });
        self.call(user, ("walrus", "shared_blob", "extend"), |n, p| {
            vec![
                p.object(shared),
                p.object(n.contracts.system),
                p.pure(&2u32),
            ]
        });
    }

    /// What a quorum of nodes signs, apart from confirmations of storage.
    pub(crate) fn certificates(&mut self, user: &Account) {
        let node = self.network.nodes[0].clone();
        let blob_id = BlobSpec::numbered(200, 1000).id();
        self.call(user, ("walrus", "system", "invalidate_blob_id"), |n, p| {
            let body = InvalidBlobId { blob_id };
            let system = p.read(n.contracts.system);
            certified(p, vec![system], n.certificate(body, &n.quorum()))
        });
        let entry = ("walrus", "system", "delete_deny_listed_blob");
        self.call(user, entry, |n, p| {
            let body = DenyListBlobDeleted { blob_id };
            let system = p.read(n.contracts.system);
            certified(p, vec![system], n.certificate(body, &n.quorum()))
        });
        let entry = ("walrus", "system", "update_protocol_version");
        self.call(&node.account, entry, |n, p| {
            let body = ProtocolVersion {
                start_epoch: n.epoch() + 1,
                protocol_version: 2,
            };
            let arguments = vec![p.object(n.contracts.system), p.object(node.cap)];
            certified(p, arguments, n.certificate(body, &n.quorum()))
        });
        let entry = ("walrus", "system", "register_deny_list_update");
        self.call(&node.account, entry, |n, p| {
            let system = p.object(n.contracts.system);
            vec![
                system,
                p.object(node.cap),
                p.pure(&[7u8; 32]),
                p.pure(&1u64),
            ]
        });
        let entry = ("walrus", "system", "update_deny_list");
        self.call(&node.account, entry, |n, p| {
            let body = DenyListUpdate {
                node_id: node.id.into_inner(),
                sequence_number: 1,
                size: 1000,
                root: [7; 32],
            };
            let arguments = vec![p.object(n.contracts.system), p.object(node.cap)];
            certified(p, arguments, n.certificate(body, &n.quorum()))
        });
        self.event_blobs();
    }

    /// Every node votes for the same event blob; the vote that reaches the quorum certifies it.
    fn event_blobs(&mut self) {
        let blob = BlobSpec::numbered(300, 1 << 20);
        for node in self.network.nodes.clone() {
            let entry = ("walrus", "system", "certify_event_blob");
            self.call(&node.account, entry, |n, p| {
                let mut arguments = vec![p.object(n.contracts.system), p.object(node.cap)];
                // All but whether it is deletable.
                arguments.extend(blob_arguments(p, &blob).into_iter().take(4));
                arguments.push(p.pure(&1000u64));
                arguments.push(p.pure(&n.epoch()));
                arguments
            });
        }
    }
}

/// `arguments`, then the certificate.
fn certified(
    ptb: &mut Ptb,
    mut arguments: Vec<Argument>,
    certificate: [Vec<u8>; 3],
) -> Vec<Argument> {
    arguments.extend(certificate.iter().map(|part| ptb.pure(part)));
    arguments
}
