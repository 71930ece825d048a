//! Bounds of the server: bodies, pages, streams and queues (devchain spec 1.1, 1.2, 1.3).

use std::time::Duration;

/// Largest request message in bytes.
pub const MAX_REQUEST_BYTES: usize = 8 * 1024 * 1024;
/// Largest response message in bytes.
pub const MAX_RESPONSE_BYTES: usize = 64 * 1024 * 1024;
/// A list page is cut after about this many bytes of encoded items.
pub const PAGE_BYTES: usize = 512 * 1024;
/// Items on a page when the request names no size.
pub const DEFAULT_PAGE_SIZE: usize = 50;
/// Most items on a page.
pub const MAX_PAGE_SIZE: usize = 1000;
/// Most elements of a batch request.
pub const MAX_BATCH: usize = 1000;
/// Longest page token in bytes: a token holds a type, which may be long.
pub const MAX_PAGE_TOKEN_BYTES: usize = 128 * 1024;
/// Longest text of an error in bytes. Headers carry it twice: percent-encoded, and with the field's own in base64.
pub const MAX_ERROR_BYTES: usize = 1024;
/// Items of a list stream when the request names no limit.
pub const DEFAULT_STREAM_LIMIT: usize = 100;
/// Most items of one list stream; the client resumes with the cursor.
pub const MAX_STREAM_LIMIT: usize = 1000;
/// Most transactions, commands and events together that one list stream looks at before it ends with `SCAN_LIMIT`.
pub const MAX_STREAM_SCAN: u64 = 100_000;
/// Lists that are put together at a time; more wait.
pub const MAX_CONCURRENT_SCANS: usize = 2;
/// Most literals in a filter.
pub const MAX_FILTER_LITERALS: usize = 100;
/// Concurrent subscribers; more are refused with UNAVAILABLE.
pub const MAX_SUBSCRIBERS: usize = 1024;
/// Rendered frames buffered for one subscriber: one is sent while the next is made. A frame may be a checkpoint with all
/// its objects.
pub const SUBSCRIBER_BUFFER: usize = 2;
/// Longest silence of a subscription before it sends a progress frame, and of the chain before it
/// makes an empty checkpoint for its subscribers.
pub const HEARTBEAT: Duration = Duration::from_secs(5);
/// Connections whose first byte or TLS handshake is waited for at a time; more wait in the listen queue. Only with TLS.
pub const MAX_CONCURRENT_HANDSHAKES: usize = 1024;
/// Patience with the first byte of a connection and its TLS handshake.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// Pause after a connection could not be accepted.
pub const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// Concurrent HTTP/2 streams of one connection.
pub const MAX_CONCURRENT_STREAMS: u32 = 1024;
/// Most concurrent simulations; a machine with fewer processors runs as many as it has, and more wait. The writer is a
/// thread of its own and holds no lock that they do, so that they slow it down by its share of the processors at most.
pub const MAX_CONCURRENT_SIMULATIONS: usize = 4;
/// Transactions waiting for the writer; more callers wait.
pub const WRITER_QUEUE: usize = 256;
/// Most user transactions in one checkpoint.
pub const MAX_TRANSACTIONS_PER_CHECKPOINT: usize = 64;
/// Bytes of one log record; nothing longer is written, and a longer length is none.
pub const MAX_RECORD_BYTES: u32 = 512 * 1024 * 1024;
/// Bytes that are read at most to find whole records after a damaged one; a log that takes more is taken for damaged.
pub const MAX_TAIL_READ_BYTES: u64 = 2 * 1024 * 1024 * 1024;
/// Bytes of log records, as they are on disk, whose checkpoints are kept in memory because they are new or were asked for lately.
pub const HISTORY_CACHE_BYTES: u64 = 8 * 1024 * 1024;
/// Bytes of modules whose declarations are kept in memory because they were asked for lately.
pub const DECLARATIONS_CACHE_BYTES: u64 = 4 * 1024 * 1024;
/// Bytes of one section of a snapshot; an object with its length is the largest piece that is not divided.
pub const MAX_SNAPSHOT_SECTION_BYTES: u32 = 64 * 1024 * 1024;
/// Bytes that are added to the log at least before a running chain makes a new snapshot.
pub const SNAPSHOT_AFTER_BYTES: u64 = 24 * 1024 * 1024;
/// The same as a part of the log, where that is more: one in this many bytes is read again after a crash at most.
pub const SNAPSHOT_AFTER_PART: u64 = 8;
/// Bytes that were added to the log at least when a chain makes a snapshot before it stops.
pub const SNAPSHOT_AT_STOP_BYTES: u64 = 256 * 1024;
/// Largest faucet request body in bytes.
pub const MAX_FAUCET_BODY: usize = 16 * 1024;
/// Payment objects that gas selection takes at most.
pub const MAX_GAS_COINS: usize = 256;
/// Values of a rendered `json` field before the field is left out.
pub const MAX_JSON_NODES: usize = 10_000;
/// Nesting of a rendered `json` field before the field is left out.
pub const MAX_JSON_DEPTH: usize = 64;
/// How long shutdown waits for open connections.
pub const SHUTDOWN_GRACE: Duration = Duration::from_secs(2);
