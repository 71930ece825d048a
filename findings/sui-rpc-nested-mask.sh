#!/usr/bin/env bash
# Guessed: `merge_from(source, mask)` of the crate sui-rpc copies what the mask names, at every depth, as the RPC server does for its clients.
# Seen: in sui-rpc 0.4.0 the mask `kind.programmable_transaction.inputs` on a `Transaction` copies the whole `kind`, commands included; nothing
#   below `kind` is looked at. On `ExecutedTransaction`, whose fields do look further, `transaction.sender` copies the sender alone.
# For users: whoever serves or caches with it has to cut nested fields on their own; a client must not take an absent field for an unasked one.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"
mkdir src
cat >Cargo.toml <<'TOML'
[package]
name = "shown"
version = "0.0.0"
edition = "2024"

[dependencies]
sui-rpc = "=0.4.0"
TOML
cat >src/main.rs <<'RUST'
use sui_rpc::field::{FieldMask, FieldMaskTree, FieldMaskUtil};
use sui_rpc::merge::Merge;
use sui_rpc::proto::sui::rpc::v2::{
    Command, ExecutedTransaction, Input, ProgrammableTransaction, Transaction, TransactionKind,
    transaction_kind::Data,
};

fn main() {
    let mut programmable = ProgrammableTransaction::default();
    programmable.inputs = vec![Input::default()];
    programmable.commands = vec![Command::default()];
    let mut kind = TransactionKind::default();
    kind.data = Some(Data::ProgrammableTransaction(programmable));
    let mut transaction = Transaction::default();
    transaction.sender = Some("0x1".to_owned());
    transaction.kind = Some(kind);
    let mut executed = ExecutedTransaction::default();
    executed.transaction = Some(transaction.clone());

    let mask = |path| FieldMaskTree::from(FieldMask::from_str(path));
    let cut = Transaction::merge_from(&transaction, &mask("kind.programmable_transaction.inputs"));
    let Some(Data::ProgrammableTransaction(cut)) = cut.kind.and_then(|kind| kind.data) else {
        panic!("the kind is not there");
    };
    println!("asked for the inputs: {} inputs, {} commands", cut.inputs.len(), cut.commands.len());
    assert_eq!((cut.inputs.len(), cut.commands.len()), (1, 1));

    let cut = ExecutedTransaction::merge_from(&executed, &mask("transaction.sender"));
    let cut = cut.transaction.expect("the transaction was asked for");
    println!("asked for the sender: sender {:?}, kind there: {}", cut.sender, cut.kind.is_some());
    assert!(cut.sender.is_some() && cut.kind.is_none());
}
RUST
cargo run --quiet
