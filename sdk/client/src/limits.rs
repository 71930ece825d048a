//! Every bound of this crate. Defaults of client spec 1.9 where it has one.

use std::time::Duration;

/// Bytes of slivers that may be on their way to nodes at the same time.
pub const MAX_DATA_IN_FLIGHT: usize = 512_000_000;
/// Bytes of slivers that a read asks for at the same time, before slow nodes are taken into account.
pub const MAX_READ_IN_FLIGHT: usize = 128_000_000;
/// Bytes of slivers that a read asks one node for at the same time.
pub const MAX_READ_IN_FLIGHT_PER_NODE: usize = 32_000_000;
/// Slivers that a read asks one node for at the same time.
pub const MAX_NODE_READS: usize = 64;
/// Bytes of slivers that a read asks a node for in one request, where the node offers that.
pub const SLIVERS_AT_ONCE_BYTES: usize = 1 << 20;
/// Slivers that may be on their way to nodes at the same time.
pub const MAX_CONCURRENT_WRITES: usize = 1000;
/// Below this many bytes, asking whether a node has a sliver costs more than sending it. Client spec 1.6.2.
pub const STATUS_CHECK_BYTES: usize = 5560;
/// Requests to one node at the same time.
pub const MAX_NODE_CONNECTIONS: usize = 10;
/// Slivers requested at the same time by one read, before slow nodes are taken into account.
pub const MAX_CONCURRENT_READS: usize = 256;
/// Blobs of one store that are uploaded at the same time.
pub const MAX_CONCURRENT_BLOBS: usize = 8;
/// Blobs that a store has encoded at the same time; more are stored one batch after the other.
pub const BLOBS_AT_ONCE: usize = 500;
/// Bytes of parts of one body that a store has encoded at the same time; their slivers take five times as much of the disk.
pub const PARTS_AT_ONCE_BYTES: u64 = 1 << 30;
/// Bytes of a blob whose recovery slivers are made while they are sent, however little memory there is: each time some of them are
/// made, all of the blob is read. Slivers of larger ones go into a file.
pub const MAX_BYTES_ON_DEMAND: u64 = 4 << 30;
/// The memory for that is at least this part of a blob, so that the blob is not read for ever more often.
pub const ON_DEMAND_MEMORY_DIVISOR: u64 = 10;
/// Memory in which a blob is encoded, at the least: with less the encoder reads it in pieces that are too short.
pub const LEAST_ENCODING_MEMORY: usize = 32 << 20;
/// Slivers side by side that are made together: it takes little more than to make one of them.
pub const SLIVER_RUN: u16 = 16;
/// How long the first upload of such a blob waits for others, so that their slivers are made together.
pub const GATHERING: Duration = Duration::from_millis(10);
/// An upload that takes nothing for so long, while another one waits for memory, has to wait for its slivers to be made again.
pub const STANDSTILL: Duration = Duration::from_secs(5);
/// Bytes of a blob that are read at once while they are sent.
pub const SOURCE_PART: usize = 128 << 10;
/// Metadata requests of one read at the same time.
pub const METADATA_READS: usize = 3;

/// Tries of an upload by a relay that does not answer, or is busy.
pub const RELAY_TRIES: u32 = 4;
/// Longest time of such an upload, and a second more for each MiB.
pub const RELAY_UPLOAD: Duration = Duration::from_secs(300);
/// Longest answer of a relay.
pub const RELAY_ANSWER_BYTES: usize = 1 << 20;

/// Largest file of the journal of uploads.
pub const JOURNAL_FILE_BYTES: u64 = 64 << 20;
/// Files of unfinished uploads in one journal.
pub const JOURNAL_FILES: usize = 4096;
/// After so long nobody goes on with an upload any more.
pub const JOURNAL_KEPT: Duration = Duration::from_secs(60 * 24 * 3600);

/// Events of a store or a read that are kept for a follower who has not come for them yet.
pub const EVENTS_KEPT: usize = 1024;

/// Checkpoints of a chain whose events are read from the beginning. A local network makes hundreds of them in an hour.
pub const HISTORY_CHECKPOINTS: u64 = 50_000;
/// Longest time for that.
pub const HISTORY_PATIENCE: Duration = Duration::from_secs(15);
/// Objects of one blob, and storage pools, that are kept meanwhile.
pub const HISTORY_OBJECTS: usize = 20_000;

/// Pause before the second try of a request to a node; doubles up to [`MAX_BACKOFF`].
pub const MIN_BACKOFF: Duration = Duration::from_millis(50);
/// Longest pause between two tries.
pub const MAX_BACKOFF: Duration = Duration::from_secs(1);
/// A node that gave no answer at all so many times in a row is lost.
pub const UNREACHABLE_TRIES: u32 = 2;
/// Tries of a request that a node refuses as overloaded or with an internal error.
pub const BUSY_TRIES: u32 = 6;
/// How long a node may take to see the registration of a blob.
pub const REGISTRATION_WAIT: Duration = Duration::from_secs(30);
/// How often an upload looks whether the epoch has changed, so that the storage it is for may be over.
pub const EPOCH_CHECK: Duration = Duration::from_secs(5);
/// The same if the storage may be over with this epoch.
pub const LAST_EPOCH_CHECK: Duration = Duration::from_secs(1);
/// How long one confirmation request waits at the node.
pub const CONFIRMATION_LONG_POLL: Duration = Duration::from_secs(5);
/// Longest time of a request that carries little data: metadata, status, confirmation.
pub const SMALL_REQUEST: Duration = Duration::from_secs(10);
/// Nodes that are asked for the status of a blob before a store; only if one of them knows it, or does not answer, all are.
pub const STATUS_SAMPLE: usize = 8;
/// Rounds of sending slivers again to a node that says it misses some.
pub const REUPLOAD_ROUNDS: u32 = 2;

/// Uploads that are not needed any more may go on for so long ...
pub const TAIL_BASE: Duration = Duration::from_millis(500);
/// ... plus so many times the time the upload took. Client spec 1.6.4.
pub const TAIL_FACTOR: f64 = 0.5;

/// Without a new sliver for so long, a read asks further nodes, unless large slivers are arriving ...
pub const HEDGE_AFTER: Duration = Duration::from_millis(250);
/// ... which means a sliver divided by this in that time.
pub const HEDGE_DIVISOR: u64 = 16;
/// Bytes of slivers that one stream of them has on their way or in memory ...
pub const MAX_STREAM_IN_FLIGHT: usize = 16_000_000;
/// ... and most slivers. Two it may always have, if the budget has room for them.
pub const MAX_STREAM_SLIVERS: usize = 32;
/// Largest part of a sliver that a stream hands out at once, so that it is seen how it comes along.
pub const STREAM_PART: usize = 128 << 10;
/// Slivers that one reader recovers from symbols, because their nodes do not give them.
pub const RECOVERED_SLIVERS: usize = 100;
/// A sliver that is asked for by its index is asked of others as well if it has not come after [`HEDGE_AFTER`] and the time that it
/// takes at this speed ...
pub const USUAL_BYTES_PER_SECOND: u64 = 8_000_000;
/// ... and its node is given up after [`SMALL_REQUEST`] and the time at this one.
pub const SLOW_BYTES_PER_SECOND: u64 = 200_000;
/// Bytes of columns of the index of a quilt beside the first one: more than that no index that is of any use has.
pub const MAX_QUILT_INDEX_BYTES: u64 = 64 << 20;
/// Slivers of at least so many bytes are asked for one by one as they are needed, those that are bytes of the blob first: what
/// decoding, or one that is not needed, takes is more than another request.
pub const LARGE_SLIVER: usize = 64 << 10;
/// Rounds over the nodes in which a read looks for slivers, metadata included.
pub const READ_ROUNDS: u32 = 2;
/// Pause between two such rounds.
pub const READ_ROUND_PAUSE: Duration = Duration::from_millis(200);
/// How long the network is asked for the status of a blob before it is stored or read.
pub const STATUS_TIMEOUT: Duration = Duration::from_secs(5);

/// Times that a store or read starts over because the committee changed. Client spec 1.8.
pub const COMMITTEE_CHANGES: u32 = 5;
/// Pause before it starts over.
pub const COMMITTEE_CHANGE_PAUSE: Duration = Duration::from_secs(1);
/// Health requests at the same time.
pub const MAX_HEALTH_REQUESTS: usize = 60;
/// Blobs registered or certified by one transaction.
pub const BLOBS_PER_TRANSACTION: usize = 50;
/// Pieces of owned storage that one blob is put together from.
pub const PIECES_PER_BLOB: usize = 32;
/// The same for all blobs of one transaction: a piece takes up to five commands, of which a transaction has 1024.
pub const PIECES_PER_TRANSACTION: usize = 150;
/// Times that a blob is registered again because its object was taken away by another program of the wallet.
pub const OBJECTS_PER_BLOB: u32 = 4;
/// Times that registrations are planned anew because something else used what they were planned with; enough for sixteen
/// programs that use one wallet at once.
pub const PLANS: u32 = 24;
