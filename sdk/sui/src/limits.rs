//! Limits: every bound of this crate.

use std::time::Duration;

/// Deadline of one read call.
pub const READ_DEADLINE: Duration = Duration::from_secs(10);
/// Deadline of one simulation.
pub const SIMULATE_DEADLINE: Duration = Duration::from_secs(30);
/// Deadline of executing a transaction and seeing it in a checkpoint.
pub const EXECUTE_DEADLINE: Duration = Duration::from_secs(60);
/// How long an RPC server may take to say that it can take over from one that failed.
pub const TAKE_OVER_DEADLINE: Duration = Duration::from_secs(3);
/// Times that servers are asked whether they have caught up with one that failed.
pub const TAKE_OVER_ROUNDS: u32 = 8;
/// How long one of several servers may take to execute a transaction before another one is asked.
pub const EXECUTE_PATIENCE: Duration = Duration::from_secs(15);
/// Times in a row that an input of a transaction must be seen to be used by another one before its refusal counts.
pub const OVERTAKEN_LOOKS: u32 = 3;
/// After so long no server is still at work on a transaction that the chain does not know, so that its refusal counts.
pub const FORGOTTEN_AFTER: Duration = Duration::from_secs(600);
/// Tries of a read call before its error is returned.
pub const READ_ATTEMPTS: u32 = 5;
/// Pause before the second try; doubles up to [`MAX_BACKOFF`].
pub const MIN_BACKOFF: Duration = Duration::from_millis(100);
/// Longest pause between two tries.
pub const MAX_BACKOFF: Duration = Duration::from_secs(5);
/// Objects per batch request; the protocol's limit.
pub const OBJECTS_PER_BATCH: usize = 50;
/// Objects per page of a listing.
pub const PAGE_SIZE: u32 = 200;
/// Objects a listing returns at most.
pub const MAX_LISTED_OBJECTS: usize = 50_000;
/// Largest gRPC answer.
pub const MAX_MESSAGE_BYTES: usize = 128 * 1024 * 1024;
/// Tries of a transaction whose inputs were used by another one in the meantime; enough for sixteen programs that use one
/// wallet at once.
pub const TRANSACTION_ATTEMPTS: u32 = 24;
/// Longest pause before the second such try; doubles up to [`MAX_CONFLICT_PAUSE`].
pub const MIN_CONFLICT_PAUSE: Duration = Duration::from_millis(100);
/// Longest pause between two such tries.
pub const MAX_CONFLICT_PAUSE: Duration = Duration::from_secs(2);
/// Coins that one payment takes at most.
pub const MAX_PAYMENT_COINS: usize = 200;
/// Coins that one transaction merges at most; the protocol takes 512 arguments in a command.
pub const MAX_MERGED_COINS: usize = 500;
/// Coins whose balances are remembered.
pub const KNOWN_COINS: usize = 256;
/// Transactions that merge coins before one payment.
pub const MERGE_ROUNDS: u32 = 20;
/// SUI coins that pay for the gas of one transaction at most; the protocol's limit is 256.
pub const MAX_GAS_COINS: usize = 255;
/// Largest gas budget the protocol allows, in MIST.
pub const MAX_GAS_BUDGET: u64 = 50_000_000_000;
/// Gas units that any transaction takes.
pub const TRANSACTION_UNITS: u64 = 1000;
/// Gas units that a certificate takes, with the largest committee that was measured (`tests/contracts/GAS.md`).
pub const CERTIFY_UNITS: u64 = 1700;
/// MIST of storage that a certified blob object takes more than its rebate.
pub const CERTIFY_STORAGE: u64 = 100_000;
/// Percent of the estimated gas added to the budget: shared objects may grow between estimate and execution.
pub const GAS_MARGIN_PERCENT: u64 = 20;
/// Checkpoints fetched at the same time while an event stream catches up.
pub const CATCH_UP_CONCURRENCY: usize = 8;
/// Events and watermarks that wait in an event stream until they are taken.
pub const EVENT_STREAM_QUEUE: usize = 1024;
/// Packages of others that an event stream remembers, 32 bytes each.
pub const MAX_FOREIGN_PACKAGES: usize = 65_536;
/// How long a chain may be behind the cursor of an event stream: full nodes of one network are not equally far.
pub const BEHIND_PATIENCE: Duration = Duration::from_secs(60);
/// Checkpoints that no full node of the same network is behind another: about an hour of them.
pub const BEHIND_CHECKPOINTS: u64 = 15_000;
/// A subscription that is silent for so long is opened again.
pub const SUBSCRIPTION_IDLE: Duration = Duration::from_secs(30);
/// Largest configuration, wallet or key file.
pub const MAX_FILE_BYTES: u64 = 4 * 1024 * 1024;
