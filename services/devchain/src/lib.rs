//! An embedded Sui-compatible chain: ledger, checkpoints, gRPC and faucet.
