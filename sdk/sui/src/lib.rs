//! The chain, typed: object layouts, transactions, event stream, deployment and wallets.
#![warn(missing_docs)]
