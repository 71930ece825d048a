//! Every field of `bls.json`.

use serde_json::{Value, json};
use walrus_core::{
    BlobId, BlsPublicKey, BlsSignature, ShardIndex, SliverType,
    bls::BlsKeyPair,
    certificate::{ProtocolMessageCertificate, signers_bitmap, signers_from_bitmap},
    messages::{
        BlobPersistence, DenyListBlobDeleted, DenyListUpdate, InvalidBlobId, MessageBody,
        ProofOfPossession, ProtocolMessage, ProtocolVersion, StorageConfirmationBody,
        SyncShardRequest, SyncShardRequestV1,
    },
    signed_message::{SignedMessage, StorageConfirmation},
};

use crate::vector_files::{bytes, index, list, load, number, text};

fn array<const N: usize>(value: &Value) -> [u8; N] {
    bytes(value).try_into().unwrap()
}

fn keys(file: &Value) -> Vec<BlsKeyPair> {
    list(&file["keys"])
        .iter()
        .map(|vector| {
            let pair = BlsKeyPair::from_secret_bytes(&array(&vector["secret_key_be_hex"])).unwrap();
            assert_eq!(
                pair.to_text().as_str(),
                text(&vector["tagged_keypair_base64"])
            );
            let parsed: BlsKeyPair = text(&vector["tagged_keypair_base64"]).parse().unwrap();
            assert_eq!(
                parsed.secret_bytes().to_vec(),
                bytes(&vector["secret_key_be_hex"])
            );
            assert_eq!(
                pair.public_key().as_bytes().to_vec(),
                bytes(&vector["public_key_hex"])
            );
            pair
        })
        .collect()
}

fn check<B: MessageBody>(
    vector: &Value,
    keys: &[BlsKeyPair],
    epoch: u32,
    body: B,
) -> SignedMessage<B> {
    let message = ProtocolMessage::new(epoch, body);
    let wire = bytes(&vector["message_hex"]);
    assert_eq!(message.to_bytes(), wire, "{}", vector["name"]);
    assert_eq!(wire.len() as u64, number(&vector["message_len"]));
    assert_eq!(ProtocolMessage::<B>::from_bytes(&wire).unwrap(), message);
    let key = &keys[number(&vector["signer"]) as usize];
    let signed = key.sign(&message);
    assert_eq!(
        signed.signature().as_bytes().to_vec(),
        bytes(&vector["signature_hex"])
    );
    assert_eq!(
        signed.verify(&key.public_key(), epoch).unwrap(),
        message.body
    );
    assert!(signed.verify(&key.public_key(), epoch + 1).is_err());
    assert_eq!(
        SignedMessage::<B>::from_bcs(&signed.to_bcs()).unwrap(),
        signed
    );
    for position in 0..wire.len() {
        let mut changed = wire.clone();
        changed[position] ^= 1;
        let forged = SignedMessage::<B>::from_parts(changed, *signed.signature());
        assert!(
            forged.verify(&key.public_key(), epoch).is_err(),
            "byte {position}"
        );
    }
    let mut longer = wire;
    longer.push(0);
    assert!(ProtocolMessage::<B>::from_bytes(&longer).is_err());
    signed
}

#[test]
fn message_vectors() {
    let file = load("bls.json");
    let keys = keys(&file);
    assert_eq!(list(&file["messages"]).len(), 8);
    for vector in list(&file["messages"]) {
        let fields = &vector["fields"];
        let epoch = fields.get("epoch").unwrap_or(&fields["message_epoch"]);
        let epoch = number(epoch) as u32;
        let blob_id = || BlobId(array(&fields["blob_id_hex"]));
        match text(&vector["name"]) {
            "proof_of_possession" => {
                let sui_address = array(&fields["sui_address_hex"]);
                let public_key = BlsPublicKey(array(&fields["bls_public_key_hex"]));
                let signed = check(
                    vector,
                    &keys,
                    epoch,
                    ProofOfPossession {
                        sui_address,
                        public_key,
                    },
                );
                let key = &keys[number(&vector["signer"]) as usize];
                assert_eq!(key.prove_possession(epoch, sui_address), signed);
            }
            "storage_confirmation_permanent" => {
                let persistence = BlobPersistence::Permanent;
                check(
                    vector,
                    &keys,
                    epoch,
                    StorageConfirmationBody {
                        blob_id: blob_id(),
                        persistence,
                    },
                );
            }
            "storage_confirmation_deletable" => {
                let persistence = BlobPersistence::Deletable {
                    object_id: array(&fields["object_id_hex"]),
                };
                check(
                    vector,
                    &keys,
                    epoch,
                    StorageConfirmationBody {
                        blob_id: blob_id(),
                        persistence,
                    },
                );
            }
            "invalid_blob_id" => {
                check(vector, &keys, epoch, InvalidBlobId { blob_id: blob_id() });
            }
            "sync_shard_request_v1" => {
                let sliver_type: SliverType =
                    text(&fields["sliver_type"]).to_lowercase().parse().unwrap();
                let request = SyncShardRequest::V1(SyncShardRequestV1 {
                    shard_index: ShardIndex(index(&fields["shard_index"])),
                    sliver_type,
                    starting_blob_id: BlobId(array(&fields["starting_blob_id_hex"])),
                    sliver_count: number(&fields["sliver_count"]),
                    epoch: number(&fields["request_epoch"]) as u32,
                });
                check(vector, &keys, epoch, request);
            }
            "deny_list_update" => {
                let update = DenyListUpdate {
                    node_id: array(&fields["storage_node_id_hex"]),
                    sequence_number: number(&fields["deny_list_sequence_number"]),
                    size: number(&fields["deny_list_size"]),
                    root: array(&fields["deny_list_root_le_hex"]),
                };
                check(vector, &keys, epoch, update);
            }
            "deny_list_blob_deleted" => {
                check(
                    vector,
                    &keys,
                    epoch,
                    DenyListBlobDeleted { blob_id: blob_id() },
                );
            }
            "protocol_version" => {
                let start_epoch = number(&fields["start_epoch"]) as u32;
                let protocol_version = number(&fields["protocol_version"]);
                check(
                    vector,
                    &keys,
                    epoch,
                    ProtocolVersion {
                        start_epoch,
                        protocol_version,
                    },
                );
            }
            other => panic!("unknown vector {other}"),
        }
    }
}

#[test]
fn aggregate_vector() {
    let file = load("bls.json");
    let keys = keys(&file);
    let vector = &file["aggregate"];
    let wire = bytes(&vector["message_hex"]);
    let signers: Vec<u16> = list(&vector["signers"]).iter().map(index).collect();
    let signed: Vec<(u16, SignedMessage<StorageConfirmationBody>)> = signers
        .iter()
        .zip(list(&vector["signatures_hex"]))
        .map(|(signer, expected)| {
            let signature = keys[usize::from(*signer)].sign_bytes(&wire);
            assert_eq!(signature.as_bytes().to_vec(), bytes(expected));
            (*signer, SignedMessage::from_parts(wire.clone(), signature))
        })
        .collect();
    assert_eq!(
        signed[0].1.to_bcs(),
        bytes(&vector["signed_message_bcs_hex_first_signer"])
    );

    let certificate = ProtocolMessageCertificate::aggregate(signed.clone()).unwrap();
    assert_eq!(
        certificate.signature.as_bytes().to_vec(),
        bytes(&vector["aggregate_signature_hex"])
    );
    assert_eq!(
        bcs::to_bytes(&certificate).unwrap(),
        bytes(&vector["certificate_bcs_hex"])
    );
    let size = index(&vector["committee_size"]);
    let bitmap = certificate.signers_bitmap(size).unwrap();
    assert_eq!(bitmap, bytes(&vector["signers_bitmap_hex"]));
    assert_eq!(signers_from_bitmap(&bitmap, size).unwrap(), signers);
    let committee: Vec<_> = keys.iter().map(BlsKeyPair::public_key).collect();
    let message = certificate.verify(&committee).unwrap();
    assert_eq!(message.to_bytes(), wire);

    let mut fewer = certificate.clone();
    fewer.signers.pop();
    assert!(fewer.verify(&committee).is_err());
    let mut beyond = certificate.clone();
    beyond.signers.push(size);
    assert!(beyond.verify(&committee).is_err());
    let twice = signed.iter().cloned().chain([signed[0].clone()]);
    assert!(ProtocolMessageCertificate::aggregate(twice).is_err());
    assert!(ProtocolMessageCertificate::<StorageConfirmationBody>::aggregate([]).is_err());
}

#[test]
fn json_forms() {
    let file = load("bls.json");
    let key = &keys(&file)[0];
    let blob_id = BlobId([7; 32]);
    let persistence = BlobPersistence::Permanent;
    let body = StorageConfirmationBody {
        blob_id,
        persistence,
    };
    let signed = key.sign(&ProtocolMessage::new(3, body));
    let confirmation = StorageConfirmation::Signed(signed.clone());
    let value = serde_json::to_value(&confirmation).unwrap();
    let inner = &value["signed"];
    assert_eq!(inner.as_object().unwrap().len(), 2);
    assert!(
        inner["serializedMessage"]
            .as_str()
            .unwrap()
            .starts_with("AQADAwAAAA")
    );
    assert_eq!(inner["signature"], json!(signed.signature().to_string()));
    let parsed: StorageConfirmation = serde_json::from_value(value).unwrap();
    parsed
        .verify(&key.public_key(), 3, &blob_id, persistence)
        .unwrap();
    let deletable = BlobPersistence::Deletable { object_id: [1; 32] };
    assert!(
        parsed
            .verify(&key.public_key(), 3, &blob_id, deletable)
            .is_err()
    );
    assert!(
        parsed
            .verify(&key.public_key(), 3, &BlobId([8; 32]), persistence)
            .is_err()
    );
    assert_eq!(bcs::to_bytes(&parsed).unwrap()[0], 0);

    let certificate = ProtocolMessageCertificate::aggregate([(4, signed)]).unwrap();
    let value = serde_json::to_value(&certificate).unwrap();
    assert_eq!(value["signers"], json!([4]));
    assert_eq!(value["serialized_message"][0], json!(1));
    assert!(value["signature"].is_string());
    let back: ProtocolMessageCertificate<StorageConfirmationBody> =
        serde_json::from_value(value).unwrap();
    assert_eq!(back, certificate);
}

#[test]
fn bad_points_and_keys_are_refused() {
    let file = load("bls.json");
    let key = &keys(&file)[0];
    assert!(BlsKeyPair::from_secret_bytes(&[0; 32]).is_err());
    assert!(BlsKeyPair::from_secret_bytes(&[0xff; 32]).is_err());
    let mut infinity = [0; 48];
    infinity[0] = 0xc0;
    assert!(BlsPublicKey(infinity).validate().is_err());
    assert!(BlsPublicKey([0; 48]).validate().is_err());
    assert!(
        key.public_key()
            .verify(b"message", &BlsSignature([0; 96]))
            .is_err()
    );
    let signature = key.sign_bytes(b"message");
    for position in 0..96 {
        let mut changed = signature;
        changed.0[position] ^= 1;
        assert!(
            key.public_key().verify(b"message", &changed).is_err(),
            "byte {position}"
        );
    }
    assert_eq!(signers_bitmap(&[0, 2, 3], 5).unwrap(), [0x0d]);
    assert!(signers_bitmap(&[5], 5).is_err());
    assert!(signers_from_bitmap(&[0x20], 5).is_err());
    assert!(signers_from_bitmap(&[0, 0], 5).is_err());
    assert!(signers_from_bitmap(&[], 5).unwrap().is_empty());
}
