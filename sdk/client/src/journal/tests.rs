//! What is left of stores that are cut off, and who may go on with it.

use std::{fs, path::Path, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use walrus_core::EncodingType;
use walrus_sui::{
    Address,
    objects::Storage,
    transactions::{BlobRegistration, StorageSource},
};

use super::*;
use crate::{ResourceOperation, Stored, limits};

fn network() -> Address {
    Address::new([1; 32])
}

/// Who signs all of them.
fn signer() -> Address {
    Address::new([2; 32])
}

fn key(name: &str) -> UploadKey {
    UploadKey::of([name])
}

/// A transaction without inputs and commands; `budget` makes it another one.
fn transaction(budget: u64) -> SignedTransaction {
    let mut bytes = vec![0, 0, 0, 0];
    bytes.extend([2; 32]);
    bytes.push(0);
    bytes.extend([2; 32]);
    bytes.extend(1000_u64.to_le_bytes());
    bytes.extend(budget.to_le_bytes());
    bytes.push(0);
    let written = serde_json::json!({
        "transaction": STANDARD.encode(bytes),
        "signature": STANDARD.encode([0; 97]),
    });
    serde_json::from_value(written).unwrap()
}

fn paid(key: UploadKey) -> PaidUpload {
    PaidUpload {
        key,
        network: network(),
        begun: 0,
        generation: 0,
        registration: BlobRegistration {
            blob_id: walrus_core::BlobId([3; 32]),
            root_hash: [4; 32],
            unencoded_size: 5,
            encoded_size: 13_000,
            encoding_type: EncodingType::RS2,
            deletable: true,
            storage: StorageSource::Buy { epochs_ahead: 3 },
            attributes: Vec::new(),
        },
        cost: 7,
        operation: ResourceOperation::RegisterFromScratch {
            encoded_length: 13_000,
            epochs_ahead: 3,
        },
        reused: Vec::new(),
        bought: Vec::new(),
    }
}

fn object() -> Blob {
    Blob {
        id: Address::new([8; 32]),
        registered_epoch: 5,
        blob_id: walrus_core::BlobId([3; 32]),
        size: 5,
        encoding_type: 1,
        certified_epoch: None,
        storage: Storage {
            id: Address::new([9; 32]),
            start_epoch: 5,
            end_epoch: 8,
            storage_size: 13_000,
        },
        deletable: true,
    }
}

async fn begin(journal: &Journal, keys: &[UploadKey]) -> Beginning {
    journal.begin(keys.to_vec()).await.unwrap()
}

/// A store that pays for these and is cut off.
async fn leave(journal: &Journal, keys: &[UploadKey], budget: u64) {
    let Beginning { log, .. } = begin(journal, keys).await;
    let noted = log.paying(keys.iter().map(|key| paid(*key)).collect());
    noted.note(transaction(budget)).await.unwrap();
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let paths = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    paths.filter(|path| !path.ends_with("lock")).collect()
}

#[tokio::test]
async fn what_never_paid_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::in_folder(folder.path().join("a/b"));
    assert_eq!(journal.open_uploads().await.unwrap(), []);
    let Beginning { log, left, busy } = begin(&journal, &[key("a")]).await;
    assert!(left.is_empty() && busy.is_empty());
    drop(log);
    assert!(files(journal.folder()).is_empty());
}

#[tokio::test]
async fn what_was_about_to_be_paid_is_found_by_its_key_until_it_is_over() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::in_folder(folder.path());
    let keys = [key("a"), key("b")];
    leave(&journal, &keys, 1).await;
    let open = journal.open_upload(&keys[0]).await.unwrap().unwrap();
    assert_eq!((open.stage, open.cost), (UploadStage::Paying, 7));
    assert_eq!((open.network, open.signer), (network(), signer()));
    assert!(open.begun > UNIX_EPOCH + Duration::from_secs(1_700_000_000));

    let Beginning { log, left, .. } = begin(&journal, &keys[..1]).await;
    assert_eq!(*left[&keys[0]].transaction, transaction(1));
    // The other one is free for whoever wants it.
    let other = begin(&journal, &keys[1..]).await;
    assert_eq!(
        other.left[&keys[1]].paid.registration,
        paid(keys[1]).registration
    );
    assert!(other.busy.is_empty());

    log.registered(vec![(keys[0], object())]).await.unwrap();
    let certificate = BlobCertificate {
        signature: vec![1; 96],
        signers_bitmap: vec![3],
        message: vec![4; 40],
    };
    log.confirmed(6, vec![(keys[0], certificate.clone())])
        .await
        .unwrap();
    log.sharing(keys[0]).note(transaction(2)).await.unwrap();
    drop((log, other));

    let Beginning { log, left, .. } = begin(&journal, &keys).await;
    let entry = &left[&keys[0]];
    assert_eq!(entry.object, Some(object()));
    assert_eq!(entry.certificate, Some((6, certificate)));
    assert_eq!(entry.sharing, Some(transaction(2)));
    assert_eq!(left[&keys[1]].stage(), UploadStage::Paying);
    assert_eq!(files(folder.path()).len(), 1);
    log.ended(keys.to_vec()).await.unwrap();
    drop(log);
    assert!(files(folder.path()).is_empty());
}

#[tokio::test]
async fn a_store_that_runs_has_its_uploads_to_itself() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::in_folder(folder.path());
    let first = begin(&journal, &[key("a"), key("b")]).await;
    let second = begin(&journal, &[key("a"), key("c")]).await;
    assert_eq!(Vec::from_iter(second.busy), [key("a")]);
    assert!(matches!(
        journal.forget(&key("b")).await,
        Err(JournalError::Busy { .. })
    ));
    first.log.ended(vec![key("a")]).await.unwrap();
    let third = begin(&journal, &[key("a"), key("b"), key("c")]).await;
    assert_eq!(third.busy.len(), 2, "a is done with");
    drop(first);
    assert!(begin(&journal, &[key("b")]).await.busy.is_empty());
}

#[tokio::test]
async fn results_are_kept_until_they_are_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::in_folder(folder.path()).keeping_results();
    let a = key("a");
    let Beginning { log, .. } = begin(&journal, &[a]).await;
    assert!(log.keeps_results());
    log.paying(vec![paid(a)])
        .note(transaction(1))
        .await
        .unwrap();
    let result = KeptResult {
        stored: Stored::NewlyCreated {
            blob_object: (&object()).into(),
            resource_operation: paid(a).operation,
            cost: 7,
            shared_blob_object: None,
        },
        certify_digest: Some(transaction(2).digest()),
    };
    log.stored(vec![(a, result.clone())]).await.unwrap();
    drop(log);
    for _ in 0..2 {
        let Beginning { left, .. } = begin(&journal, &[a]).await;
        assert_eq!(left[&a].stored, Some(result.clone()));
    }
    let open = journal.open_upload(&a).await.unwrap();
    assert_eq!(open.map(|open| open.stage), Some(UploadStage::Stored));
    journal.forget(&a).await.unwrap();
    assert!(files(folder.path()).is_empty());
    journal.forget(&a).await.unwrap();
}

#[tokio::test]
async fn a_line_that_a_crash_cut_off_does_not_count() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::in_folder(folder.path());
    leave(&journal, &[key("a")], 1).await;
    let path = files(folder.path()).pop().unwrap();
    let whole = fs::read(&path).unwrap();
    let lines = whole.iter().filter(|byte| **byte == b'\n').count();
    assert_eq!(lines, 2);
    for tail in [
        &b"{\"ended\":{\"keys\":[\""[..],
        &[0; 100],
        b"{\"ended\"}\n",
    ] {
        fs::write(&path, [&whole, tail].concat()).unwrap();
        let open = journal.open_uploads().await.unwrap();
        assert_eq!(open.len(), 1);
        let Beginning { log, left, .. } = begin(&journal, &[key("a")]).await;
        assert_eq!(left.len(), 1);
        log.ended(vec![key("a")]).await.unwrap();
    }
    // Without its last line nothing was sent.
    fs::write(&path, &whole[..whole.len() - 1]).unwrap();
    assert!(begin(&journal, &[key("a")]).await.left.is_empty());
    assert!(files(folder.path()).is_empty());
}

#[tokio::test]
async fn a_damaged_file_is_the_error_of_its_own_uploads_alone() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::in_folder(folder.path());
    leave(&journal, &[key("a")], 1).await;
    let path = files(folder.path()).pop().unwrap();
    let whole = String::from_utf8(fs::read(&path).unwrap()).unwrap();
    let (first, second) = whole.split_once('\n').unwrap();
    fs::write(&path, format!("{first}\n{{}}\n{second}")).unwrap();
    let error = journal.begin(vec![key("a")]).await.unwrap_err();
    let JournalError::Damaged { line, .. } = &error else {
        panic!("{error}");
    };
    assert_eq!(*line, 2);
    assert!(
        error.to_string().contains(path.to_str().unwrap()),
        "{error}"
    );
    assert!(begin(&journal, &[key("b")]).await.left.is_empty());
    assert!(path.exists(), "somebody may want to look at it");

    let later = first.replace("\"format\":1", "\"format\":2");
    fs::write(&path, format!("{later}\n{second}")).unwrap();
    let error = journal.begin(vec![key("a")]).await.unwrap_err();
    assert!(error.to_string().contains("another version"), "{error}");
}

#[tokio::test]
async fn of_two_records_the_one_counts_that_was_gone_on_with() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::in_folder(folder.path());
    let a = key("a");
    leave(&journal, &[a], 1).await;
    let path = files(folder.path()).pop().unwrap();
    let old = fs::read(&path).unwrap();
    let Beginning { log, left, .. } = begin(&journal, &[a]).await;
    let generation = left[&a].paid.generation + 1;
    let again = PaidUpload {
        generation,
        ..paid(a)
    };
    log.paying(vec![again]).note(transaction(2)).await.unwrap();
    drop(log);
    // As if the machine had lost power before the old file was gone for good.
    fs::write(&path, old).unwrap();
    let Beginning { left, .. } = begin(&journal, &[a]).await;
    assert_eq!(*left[&a].transaction, transaction(2));
}

#[tokio::test]
async fn what_nobody_has_gone_on_with_for_long_is_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::in_folder(folder.path());
    leave(&journal, &[key("a")], 1).await;
    let path = files(folder.path()).pop().unwrap();
    let file = fs::File::options().write(true).open(&path).unwrap();
    let age = limits::JOURNAL_KEPT - Duration::from_secs(3600);
    file.set_modified(SystemTime::now() - age).unwrap();
    drop(begin(&journal, &[key("b")]).await);
    assert!(path.exists());
    file.set_modified(SystemTime::now() - limits::JOURNAL_KEPT)
        .unwrap();
    drop(begin(&journal, &[key("b")]).await);
    assert!(!path.exists());
}
