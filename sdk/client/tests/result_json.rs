//! The JSON of store results is what other programs parse. Client spec 2.5.
#![allow(clippy::unwrap_used)]

use serde_json::json;
use walrus_core::{BlobId, EncodingType};
use walrus_node_client::EventId;
use walrus_sdk::{
    BlobObject, BlobStoreResult, BoughtStorage, DryRun, EventOrObject, PlannedAction,
    ResourceOperation, ReusedStorage, StorageResource,
};
use walrus_sui::Address;

const BLOB: BlobId = BlobId([0; 32]);
const BLOB_TEXT: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

fn address(number: u8) -> (Address, String) {
    let text = format!("0x{}", format!("{number:02x}").repeat(32));
    (Address::new([number; 32]), text)
}

fn assert_json(result: BlobStoreResult, expected: serde_json::Value) {
    assert_eq!(serde_json::to_value(&result).unwrap(), expected);
    assert_eq!(
        serde_json::from_value::<BlobStoreResult>(expected).unwrap(),
        result
    );
}

#[test]
fn a_new_blob() {
    let ((id, id_text), (storage, storage_text)) = (address(1), address(2));
    let blob_object = BlobObject {
        id,
        registered_epoch: 3,
        blob_id: BLOB,
        size: 17,
        encoding_type: EncodingType::RS2,
        certified_epoch: None,
        storage: StorageResource {
            id: storage,
            start_epoch: 3,
            end_epoch: 8,
            storage_size: 66_034_000,
        },
        deletable: true,
    };
    let result = BlobStoreResult::NewlyCreated {
        blob_object,
        resource_operation: ResourceOperation::RegisterFromScratch {
            encoded_length: 66_034_000,
            epochs_ahead: 5,
        },
        cost: 99,
        shared_blob_object: None,
    };
    assert_json(
        result,
        json!({"newlyCreated": {
            "blobObject": {
                "id": id_text, "registeredEpoch": 3, "blobId": BLOB_TEXT, "size": 17, "encodingType": "RS2",
                "certifiedEpoch": null,
                "storage": {"id": storage_text, "startEpoch": 3, "endEpoch": 8, "storageSize": 66_034_000},
                "deletable": true,
            },
            "resourceOperation": {"registerFromScratch": {"encodedLength": 66_034_000, "epochsAhead": 5}},
            "cost": 99,
        }}),
    );
}

#[test]
fn a_blob_that_is_stored_already() {
    let event = EventId {
        tx_digest: [0; 32],
        event_seq: 4,
    };
    let event_json = json!({"txDigest": "1".repeat(32), "eventSeq": "4"});
    let certified = |event_or_object| BlobStoreResult::AlreadyCertified {
        blob_id: BLOB,
        event_or_object,
        end_epoch: 9,
    };
    assert_json(
        certified(EventOrObject::Event(event)),
        json!({"alreadyCertified": {"blobId": BLOB_TEXT, "event": event_json, "endEpoch": 9}}),
    );
    let (id, id_text) = address(1);
    assert_json(
        certified(EventOrObject::Object(id)),
        json!({"alreadyCertified": {"blobId": BLOB_TEXT, "object": id_text, "endEpoch": 9}}),
    );
    assert_json(
        BlobStoreResult::MarkedInvalid {
            blob_id: BLOB,
            event,
        },
        json!({"markedInvalid": {"blobId": BLOB_TEXT, "event": event_json}}),
    );
}

#[test]
fn a_failure() {
    let result = BlobStoreResult::Error {
        blob_id: None,
        failure_phase: "encode".to_owned(),
        error_msg: "too large".to_owned(),
    };
    assert_json(
        result,
        json!({"error": {"blobId": null, "failurePhase": "encode", "errorMsg": "too large"}}),
    );
}

#[test]
fn a_dry_run() {
    let (resource, resource_text) = address(1);
    let (size, encoded) = (17, 66_034_000);
    let planned = DryRun {
        label: "file".to_owned(),
        blob_id: BLOB,
        unencoded_size: size,
        encoded_size: encoded,
        storage_cost: 99,
        encoding_type: EncodingType::RS2,
        cost: 9,
        end_epoch: 8,
        action: PlannedAction::ResourceOperation(ResourceOperation::ReuseStorage {
            encoded_length: encoded,
        }),
        reused_storage: vec![ReusedStorage {
            resource,
            taken: encoded,
            start_epoch: 3,
            end_epoch: 8,
            left: 5,
            resource_end_epoch: 20,
            left_before_from: None,
        }],
        bought_storage: vec![BoughtStorage {
            size: 4,
            start_epoch: 3,
            end_epoch: 5,
        }],
        registration_gas: Some(-7),
        extension_gas: None,
        certification_gas: Some(5),
        merges_coins: false,
        cannot_pay: None,
        parts: Vec::new(),
    };
    let fields = json!({
        "path": "file", "blobId": BLOB_TEXT, "unencodedSize": 17, "encodedSize": 66_034_000, "storageCost": 99,
        "encodingType": "RS2", "cost": 9, "endEpoch": 8,
        "resourceOperation": {"reuseStorage": {"encodedLength": 66_034_000}},
        "reusedStorage": [{
            "resource": resource_text, "taken": 66_034_000, "startEpoch": 3, "endEpoch": 8, "left": 5,
            "resourceEndEpoch": 20,
        }],
        "boughtStorage": [{"size": 4, "startEpoch": 3, "endEpoch": 5}],
        "registrationGas": -7, "certificationGas": 5,
    });
    assert_eq!(serde_json::to_value(&planned).unwrap(), fields);
    assert_eq!(serde_json::from_value::<DryRun>(fields).unwrap(), planned);
    let nothing = DryRun {
        cost: 0,
        action: PlannedAction::AlreadyCertified(EventOrObject::Object(resource)),
        reused_storage: Vec::new(),
        bought_storage: Vec::new(),
        registration_gas: None,
        certification_gas: None,
        ..planned
    };
    assert_eq!(
        serde_json::to_value(&nothing).unwrap(),
        json!({
            "path": "file", "blobId": BLOB_TEXT, "unencodedSize": 17, "encodedSize": 66_034_000, "storageCost": 99,
            "encodingType": "RS2", "cost": 0, "endEpoch": 8, "alreadyCertified": {"object": resource_text},
        })
    );
}
