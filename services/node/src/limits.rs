//! Every bound of the node that is not configured. Node spec 9.1.

use std::time::Duration;

use walrus_service::server::Pace;

/// An upload of which nothing came for so long is over, or has failed.
pub(crate) const UPLOAD_PAUSE: Duration = Duration::from_secs(5);
/// Verified metadata that is remembered.
pub(crate) const VERIFIED_METADATA: usize = 8;
/// Largest body of a metadata upload; 66 bytes for each shard fit many times.
pub(crate) const MAX_METADATA_BODY: usize = 4 << 20;
/// What the BCS form of a sliver may add to its symbols.
pub(crate) const SLIVER_HEADROOM: usize = 128;
/// Introductions of peers that are remembered as verified, some 200 bytes each. A peer has a new one every minute.
pub(crate) const MAX_KNOWN_INTRODUCTIONS: usize = 8192;
/// Pieces of one request that are held until they are written together, in bytes; one that is larger is written alone.
pub(crate) const INTAKE_BATCH: usize = 8 << 20;
/// Bytes of pieces that are held of a blob whose registration was not seen yet.
pub(crate) const INTAKE_UNREGISTERED: usize = 1 << 20;
/// How fast a piece of an upload, or an answer of shard sync, is to move at the least: memory is held meanwhile.
pub(crate) const LEAST_PACE: Pace = Pace {
    bytes: 30 * (64 << 10),
    within: Duration::from_secs(30),
};
/// Slivers of such a batch that are verified at the same time, if the machine has cores for it.
pub(crate) const VERIFIED_AT_ONCE: usize = 8;
/// Most slivers in one answer.
pub(crate) const MAX_SLIVERS_PER_REQUEST: usize = 2000;
/// Of the memory for bodies and of that for answers, one part in so many is left to peers.
pub(crate) const PEERS_SHARE_OF_MEMORY: usize = 4;
/// Most bytes of one symbol with its proof.
pub(crate) const MAX_SYMBOL_BYTES: usize = 66 << 10;
/// Most bytes of symbols in one answer; of more, the first are sent.
pub(crate) const MAX_SYMBOL_ANSWER: usize = 16 << 20;
/// Bytes of symbols that are in memory at once for one answer.
pub(crate) const SYMBOL_PIECE: usize = 1 << 20;
/// How often pending uploads are looked through for those whose time is over.
pub(crate) const PENDING_SWEEP: Duration = Duration::from_secs(5);
/// Most symbols or target slivers named in one request.
pub(crate) const MAX_SYMBOLS_PER_REQUEST: usize = 65_536;
/// Expanded slivers that are computed at once for peers and clients.
pub(crate) const MAX_SYMBOL_WORK: usize = 64;
/// Memory of expanded slivers that are kept for the next request of symbols. One of a blob of 32 MiB on 1000 shards takes 250 kB.
pub(crate) const MAX_SYMBOL_TREE_BYTES: usize = 64 << 20;
/// Objects whose blobs are compared with their records in one go, some 200 bytes each.
pub(crate) const OBJECTS_COMPARED_AT_ONCE: u64 = 200_000;
/// Snapshots that are sent at once.
pub(crate) const MAX_SNAPSHOT_READERS: usize = 4;
/// Times that the committee is asked for its snapshot, before a node begins without.
pub(crate) const SNAPSHOT_ASKS: u32 = 5;
/// Pause between two such times.
pub(crate) const SNAPSHOT_ASK_PAUSE: Duration = Duration::from_secs(2);
/// How long one node has for its answer.
pub(crate) const SNAPSHOT_ASK_PATIENCE: Duration = Duration::from_secs(10);
/// Nodes that are asked at once.
pub(crate) const SNAPSHOT_ASKED_AT_ONCE: usize = 16;
/// A snapshot of which nothing came for so long is asked for from another node.
pub(crate) const SNAPSHOT_SILENCE: Duration = Duration::from_secs(20);
/// Entries read from a table in one go.
pub(crate) const SCAN_BATCH: usize = 2000;
/// Entries of the queue of recoveries that are in memory, some 150 bytes each; of more, none is, and they are read from the database.
pub(crate) const RESIDENT_REPAIRS: usize = 50_000;
/// The same of tables that have an entry for each event blob that is being made.
pub(crate) const RESIDENT_EVENT_BLOBS: usize = 1000;
/// Records of a table that are counted for the health document; of more, this many are told.
pub(crate) const MAX_COUNTED: u64 = 10_000;
/// Blobs whose failed recoveries are remembered, some 100 bytes each.
pub(crate) const MAX_REMEMBERED_FAILURES: usize = 50_000;
/// First pause of retries against the chain.
pub(crate) const CHAIN_RETRY_MIN: Duration = Duration::from_millis(500);
/// Longest pause of retries against the chain.
pub(crate) const CHAIN_RETRY_MAX: Duration = Duration::from_secs(60);
/// How often the state of the chain is looked at while waiting for it to agree with an event.
pub(crate) const CHAIN_POLL: Duration = Duration::from_millis(500);
/// How often the epoch driver looks at the chain at least.
pub(crate) const DRIVER_POLL_MAX: Duration = Duration::from_secs(60);
/// Longest jitter of a call that any node may make.
pub(crate) const MAX_JITTER: Duration = Duration::from_secs(180);
/// How long before the end of an epoch subsidies are processed, or a tenth of the epoch if that is less.
pub(crate) const SUBSIDIES_BEFORE_END: Duration = Duration::from_secs(300);
/// Calls in a row by which one node has subsidies handed out. Each pays 50 of the nodes that have left with a claim.
pub(crate) const MAX_SUBSIDIES_CALLS: usize = 20;
/// Answers of shard sync that are in memory at once, each until it is sent.
pub(crate) const MAX_SHARD_SYNCS: usize = 4;
/// Of these, those of one caller.
pub(crate) const MAX_SHARD_SYNCS_PER_CALLER: usize = 2;
/// Bytes of slivers in one answer of shard sync; one sliver is sent however large it is.
pub(crate) const MAX_SYNC_ANSWER_BYTES: usize = 16 << 20;
/// Bytes of such an answer that are handed to the connection at once.
pub(crate) const SYNC_CHUNK: usize = 64 << 10;
/// Bytes of a segment of a shard that is being filled which may not be durable, at the most.
pub(crate) const UNSYNCED_BYTES: u64 = 96 << 20;
/// Slivers of one upload that are together no longer than this are made durable in the database, and in their segments later.
pub(crate) const SMALL_UPLOAD: usize = 128 << 10;
/// Bytes of slivers that are durable in the database alone, before their segments are synchronized.
pub(crate) const AHEAD_BYTES: u64 = 4 << 20;
/// Bytes of slivers of one shard that are verified and stored together while the next arrive.
pub(crate) const SYNC_BATCH_BYTES: usize = 4 << 20;
/// Requests for symbols that one peer is asked at once, by all recoveries together; others are asked meanwhile.
pub(crate) const MAX_REQUESTS_PER_PEER: usize = 16;
/// Peers asked at once for symbols of one sliver.
pub(crate) const PEERS_AT_ONCE: usize = 4;
/// After so long without an answer from one peer, the next is asked as well.
pub(crate) const SLOW_ANSWER: Duration = Duration::from_secs(2);
/// After so long without an attestation from one of those that were asked, others are asked as well; to verify a proof takes long.
pub(crate) const SLOW_ATTESTATION: Duration = Duration::from_secs(15);
/// For how long a peer that did not answer in time is asked after all others.
pub(crate) const SLOW_PEER: Duration = Duration::from_secs(300);
/// Patience with one node for a sliver; the other nodes have symbols of it.
pub(crate) const SLIVER_TIME: Duration = Duration::from_secs(10);
/// Largest blob that is read whole to recover many of its slivers, in bytes; encoding it takes some seven times as much.
pub(crate) const MAX_WHOLE_BLOB: u64 = 8 << 20;
/// Blobs that are read whole at the same time.
pub(crate) const WHOLE_BLOBS_AT_ONCE: usize = 1;
/// Slivers that are asked for at once when a blob is read whole.
pub(crate) const WHOLE_SLIVERS_AT_ONCE: usize = 8;
/// Segment files that stay open, of all shards together.
pub(crate) const MAX_OPEN_SEGMENTS: usize = 512;
/// Blobs whose slivers are removed in one batch for each shard.
pub(crate) const MAX_REMOVALS_AT_ONCE: usize = 500;
/// Bytes of slivers that compaction moves in one step.
pub(crate) const COMPACTION_STEP_BYTES: u64 = 16 << 20;
/// How often compaction looks for something to do.
pub(crate) const COMPACTION_INTERVAL: Duration = Duration::from_secs(30);
/// Pause of compaction after a step, in multiples of its length.
pub(crate) const COMPACTION_THROTTLE: u32 = 2;
/// Event blobs that are complete and not certified. When there are more, nothing is recorded until some are certified.
pub(crate) const MAX_UNCERTIFIED_EVENT_BLOBS: usize = 64;
/// Memory in which an event blob is encoded, in bytes.
pub(crate) const EVENT_BLOB_ENCODING_MEMORY: usize = 64 << 20;
/// Event blobs that are followed back; at most two a day are made.
pub(crate) const MAX_EVENT_BLOB_CHAIN: usize = 4096;
/// Elements of event blobs that wait to be processed.
pub(crate) const CATCH_UP_QUEUE: usize = 256;
/// Times that nodes are asked for the newest event blob while they say that there is none.
pub(crate) const NEWEST_EVENT_BLOB_LOOKS: u32 = 30;
/// Pause between two such times.
pub(crate) const NEWEST_EVENT_BLOB_PAUSE: Duration = Duration::from_secs(1);
/// How long the reading of one event blob may take.
pub(crate) const CATCH_UP_PATIENCE: Duration = Duration::from_secs(600);
/// How often the chain is asked what became of an event blob that waits for other nodes.
pub(crate) const EVENT_BLOB_POLL: Duration = Duration::from_secs(60);
/// Times that the vote for one event blob is sent in one epoch.
pub(crate) const MAX_EVENT_BLOB_VOTES: u32 = 10;
