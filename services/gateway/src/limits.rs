//! Every bound of this crate that no option sets. Defaults of client spec 3.1 where it has one.

use std::time::Duration;

/// Requests of the aggregator in work at the same time.
pub const AGGREGATOR_REQUESTS: usize = 256;
/// Requests that wait for that.
pub const AGGREGATOR_QUEUE: usize = 320;
/// So many addresses take all places of a service, and all bytes of reads, only together.
pub const ADDRESSES: usize = 2;
/// Bytes of slivers that all reads together have on their way.
pub const READ_BYTES: usize = 96 << 20;
/// Bytes of slivers that are kept because they may be asked for again.
pub const SLIVER_CACHE_BYTES: u64 = 64 << 20;
/// A sliver of more than this part of the cache is not kept: it would drive out all others.
pub const SLIVER_CACHE_PART: u64 = 8;
/// Bytes of metadata that are kept.
pub const METADATA_CACHE_BYTES: u64 = 16 << 20;
/// How long a blob that was found certified is believed to be.
pub const STATUS_BELIEVED: Duration = Duration::from_secs(60);
/// Blobs that are known to be certified before the nodes say so.
pub const JUST_CERTIFIED: usize = 4096;
/// Blobs whose ends are kept, so that what is over is told from what never was.
pub const ENDS: usize = 10_000;
/// How long the network is asked for the status of a blob.
pub const STATUS_TIMEOUT: Duration = Duration::from_secs(5);
/// Bytes of the longest range of which a proof is made: each sliver of it is fetched and encoded.
pub const PROOF_RANGE: u64 = 64 << 20;
/// Proofs that are made at the same time.
pub const PROOFS_AT_ONCE: usize = 4;
/// Ranges of one request.
pub const RANGES: usize = 16;
/// Blobs of one concatenation.
pub const CONCAT_BLOBS: usize = 256;
/// Bytes of a body that names blobs to concatenate.
pub const CONCAT_BODY: usize = 64 << 10;
/// Longest time that a read waits for its blob to be certified, in seconds.
pub const WAIT_SECONDS: u64 = 30;
/// How long a registered blob is waited for though nobody asked for that: within it a certification reaches the nodes.
pub const CERTIFICATION_LAG: Duration = Duration::from_secs(3);
/// How often it looks meanwhile.
pub const WAIT_PAUSE: Duration = Duration::from_millis(200);
/// How long open requests may take to end when the gateway stops.
pub const SHUTDOWN_GRACE: Duration = Duration::from_secs(10);

/// Bytes of the largest body of a store.
pub const PUBLISHER_BODY: u64 = 10 << 20;
/// Bytes of the largest form that makes a quilt. Client spec 3.1.
pub const QUILT_BODY: u64 = 100 << 20;
/// Files of a form. No quilt has more.
pub const QUILT_PARTS: usize = 1 << 16;
/// Bytes of the names of a form's files.
pub const QUILT_NAMES: usize = 4 << 20;
/// Bytes of a form's metadata.
pub const QUILT_METADATA: usize = 4 << 20;
/// Bytes of a form before its data begin, and between those of two parts: a name is one of at most 64 KiB.
pub const PART_HEAD: u64 = 192 << 10;
/// Stores in work at the same time.
pub const PUBLISHER_REQUESTS: usize = 8;
/// Stores that wait for that.
pub const PUBLISHER_QUEUE: usize = 8;
/// Bytes of a body that are kept in memory; a larger one is in a file.
pub const BODY_IN_MEMORY: u64 = 256 << 10;
/// Bytes of memory in which all stores of a publisher, all uploads of a relay, or all reads of whole blobs have slivers: others wait.
pub const SLIVER_MEMORY: u64 = 64 << 20;
/// Those of one of them; what is more is in files, or made again.
pub const SLIVER_MEMORY_OF_ONE: u64 = 16 << 20;
/// Bytes of a refused body that are taken, and forgotten, before the answer.
pub const DISCARDED_BODY: u64 = 64 << 20;
/// Jobs that a publisher keeps, those that are over and asked for later included ...
pub const JOBS: usize = 20_000;
/// ... and those of one account.
pub const JOBS_OF_ACCOUNT: usize = 5_000;
/// Tries of a store that nobody waits for.
pub const JOB_TRIES: u32 = 12;
/// Pause before the second of them; doubles up to [`JOB_LONGEST_PAUSE`].
pub const JOB_PAUSE: Duration = Duration::from_secs(1);
/// Longest pause between two tries.
pub const JOB_LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// Milliseconds that an answer is kept which nobody waited for.
pub const UNASKED_KEPT_MS: u64 = 15 * 60 * 1000;
/// Characters of an idempotency key.
pub const IDEMPOTENCY_KEY_BYTES: usize = 255;
/// Bytes of the largest upload in parts.
pub const UPLOAD_BODY: u64 = 16 << 30;
/// Bytes of bodies that are not stored yet, in sum ...
pub const SPOOL_BYTES: u64 = 64 << 30;
/// ... and those of one account.
pub const SPOOL_BYTES_OF_ACCOUNT: u64 = 32 << 30;
/// How long an upload lives without a new byte, and an answer is kept for whoever asks.
pub const UPLOAD_LIFETIME: Duration = Duration::from_secs(24 * 3600);
/// How often it is looked for those that have expired.
pub const EXPIRY_INTERVAL: Duration = Duration::from_secs(60);
/// Requests that write to uploads at the same time; others wait, and send nothing meanwhile.
pub const UPLOAD_WRITERS: usize = 64;
/// Bytes of a part after which it is brought to disk for good.
pub const PART_SYNC_BYTES: u64 = 8 << 20;
/// A part without a new byte for so long has ended.
pub const PART_SILENCE: Duration = Duration::from_secs(30);
/// How long the answer to the last part waits for the blob to be stored.
pub const UPLOAD_ANSWER: Duration = Duration::from_secs(20);
/// Bytes of the metadata of an upload.
pub const UPLOAD_METADATA_BYTES: usize = 4096;
/// Clients that follow uploads at the same time.
pub const FOLLOWERS: usize = 256;
/// Shortest time between two events of one upload.
pub const EVENT_PAUSE: Duration = Duration::from_millis(100);
/// After so long without an event there is a sign of life.
pub const EVENT_SILENCE: Duration = Duration::from_secs(10);
/// Objects of a key in one answer.
pub const OBJECTS_PAGE: usize = 1000;
/// Bytes of a body that sets attributes.
pub const ATTRIBUTES_BODY: usize = 64 << 10;
/// Attributes that one request sets.
pub const ATTRIBUTES: usize = 100;
/// Keys of one publisher.
pub const KEYS: usize = 10_000;
/// Characters of the name of a key.
pub const KEY_NAME: usize = 100;

/// Sub-wallets of one publisher.
pub const SUB_WALLETS: usize = 256;
/// Stores that share transactions, if they wait for a sub-wallet at the same time ...
pub const BATCH_STORES: usize = 16;
/// ... and bytes of their bodies.
pub const BATCH_BYTES: u64 = 64 << 20;
/// MIST of gas that a store takes, about: registration and certificate. A publisher whose wallets have less does not start.
pub const STORE_GAS: u64 = 20_000_000;
/// Balances that are asked for at the same time.
pub const BALANCE_REQUESTS: usize = 8;

/// Bytes of the largest body of a relay. Client spec 4.1.
pub const RELAY_BODY: u64 = 1 << 30;
/// Uploads that a relay has in work at the same time.
pub const RELAY_REQUESTS: usize = 32;
/// Uploads that wait for that.
pub const RELAY_QUEUE: usize = 64;
