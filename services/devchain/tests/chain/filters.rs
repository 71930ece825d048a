//! Filters of lists: what a filter finds and what its negation finds are together everything, each once.

use futures::StreamExt;
use sui_rpc::Client;
use sui_rpc::proto::sui::rpc::v2 as proto;
use sui_rpc::proto::sui::rpc::v2::transaction_literal::Predicate;

use crate::support::{boot, client, listing, payment, run, stranger};

/// Positions of the transactions for which a predicate holds, or does not.
async fn found(client: &Client, predicate: &Predicate, negated: bool) -> Vec<(u64, u64)> {
    let mut literal = proto::TransactionLiteral::default();
    literal.negated = negated;
    literal.predicate = Some(predicate.clone());
    let mut term = proto::TransactionTerm::default();
    term.literals = vec![literal];
    let mut request = proto::ListTransactionsRequest::default();
    let mut filter = proto::TransactionFilter::default();
    filter.terms = vec![term];
    request.filter = Some(filter);
    let answer = client
        .clone()
        .ledger_client()
        .list_transactions(request)
        .await;
    let found = answer.unwrap().into_inner().filter_map(async |frame| {
        let transaction = frame.unwrap().transaction?;
        Some((transaction.checkpoint(), transaction.transaction_index()))
    });
    found.collect().await
}

macro_rules! predicate {
    ($kind:ident, $message:ident, $field:ident: $value:expr) => {{
        let mut message = proto::$message::default();
        message.$field = Some($value.to_string());
        Predicate::$kind(message)
    }};
}

#[tokio::test]
async fn a_filter_and_its_negation_find_everything_once() {
    let chain = boot().await;
    let mut client = client(&chain);
    let [one, other] = chain.accounts() else {
        panic!("two accounts");
    };
    for number in 0..6 {
        run(&mut client, one, payment(stranger(number), 1)).await;
        run(&mut client, other, listing(stranger(number), 5)).await;
    }
    let kiosk = "0x2::kiosk";
    // What is searched for, and whether it is there at all.
    let searched = [
        (predicate!(Sender, SenderFilter, address: one.address), true),
        (
            predicate!(Sender, SenderFilter, address: stranger(1)),
            false,
        ),
        (
            predicate!(AffectedAddress, AffectedAddressFilter, address: stranger(1)),
            true,
        ),
        (
            predicate!(AffectedAddress, AffectedAddressFilter, address: stranger(99)),
            false,
        ),
        (
            predicate!(AffectedObject, AffectedObjectFilter, object_id: "0x6"),
            true,
        ),
        (
            predicate!(AffectedObject, AffectedObjectFilter, object_id: "0x66"),
            false,
        ),
        (predicate!(MoveCall, MoveCallFilter, function: "0x2"), true),
        (predicate!(MoveCall, MoveCallFilter, function: kiosk), true),
        (
            predicate!(MoveCall, MoveCallFilter, function: "0x2::kiosk::list"),
            true,
        ),
        (
            predicate!(MoveCall, MoveCallFilter, function: "0x2::kiosk::lis"),
            false,
        ),
        (predicate!(MoveCall, MoveCallFilter, function: "0x3"), false),
        (
            predicate!(EmitModule, EmitModuleFilter, module: "0x2"),
            true,
        ),
        (
            predicate!(EmitModule, EmitModuleFilter, module: kiosk),
            true,
        ),
        (
            predicate!(EmitModule, EmitModuleFilter, module: "0x2::coin"),
            false,
        ),
        (
            predicate!(EventType, EventTypeFilter, event_type: "0x2"),
            true,
        ),
        (
            predicate!(EventType, EventTypeFilter, event_type: kiosk),
            true,
        ),
        (
            predicate!(EventType, EventTypeFilter, event_type: "0x2::kiosk::ItemListed"),
            true,
        ),
        (
            predicate!(EventType, EventTypeFilter,
                event_type: "0x2::kiosk::ItemListed<0x2::coin::Coin<0x2::sui::SUI>>"),
            true,
        ),
        (
            predicate!(EventType, EventTypeFilter, event_type: "0x2::kiosk::ItemListed<0x2::sui::SUI>"),
            false,
        ),
        (
            Predicate::PackageWrite(proto::PackageWriteFilter::default()),
            true,
        ),
    ];
    for (predicate, expected) in searched {
        let some = found(&client, &predicate, false).await;
        let rest = found(&client, &predicate, true).await;
        assert_eq!(!some.is_empty(), expected, "{predicate:?}");
        let mut all: Vec<_> = some.into_iter().chain(rest).collect();
        all.sort_unstable();
        let count = all.len();
        all.dedup();
        assert_eq!(all.len(), count, "{predicate:?}");
        // Genesis and all that followed, each checkpoint with a prologue.
        assert_eq!(all.first(), Some(&(0, 0)), "{predicate:?}");
        let checkpoints = all.iter().filter(|(_, index)| *index == 0).count();
        assert_eq!(checkpoints as u64, chain.height() + 1, "{predicate:?}");
        assert!(all.len() >= checkpoints + 12, "{predicate:?}");
    }
}
