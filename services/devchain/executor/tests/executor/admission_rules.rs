//! Signatures and structure at the door (devchain spec 2.3).

use crate::world::{self, ALICE, Body, World};
use sui_crypto::SuiSigner;
use sui_crypto::ed25519::Ed25519PrivateKey;
use sui_devchain_executor::AdmissionError;
use sui_sdk_types::*;

/// A world where the key's address has a coin.
fn funded() -> (World, Ed25519PrivateKey, Address) {
    let key = Ed25519PrivateKey::new([5; 32]);
    let address = key.public_key().derive_address();
    let mut world = World::boot();
    let mut body = Body::new();
    let coin = body.split(Argument::Gas, 100_000_000_000);
    body.transfer(vec![coin], address);
    world.succeed(body);
    (world, key, address)
}

fn signed(key: &Ed25519PrivateKey, transaction: Transaction) -> SignedTransaction {
    let signature = key.sign_transaction(&transaction).unwrap();
    SignedTransaction {
        transaction,
        signatures: vec![signature],
    }
}

#[test]
fn the_senders_signature_is_needed_and_enough() {
    let (world, key, address) = funded();
    let admit =
        |signed: &SignedTransaction| world.executor.admit(&world.store, &world.params, signed);
    let mut body = Body::new();
    let coin = body.split(Argument::Gas, 1);
    body.transfer(vec![coin], ALICE);
    let good = signed(&key, world.transaction(address, body));
    assert_eq!(admit(&good), Ok(()));

    let mut missing = good.clone();
    missing.signatures.clear();
    assert!(matches!(admit(&missing), Err(AdmissionError::Signature(_))));
    let other = Ed25519PrivateKey::new([6; 32]);
    let foreign = signed(&other, good.transaction.clone());
    assert!(matches!(admit(&foreign), Err(AdmissionError::Signature(_))));
    let mut changed = good;
    changed.transaction.gas_payment.budget += 1;
    assert!(matches!(admit(&changed), Err(AdmissionError::Signature(_))));
}

#[test]
fn a_sponsor_signs_too() {
    let (mut world, key, address) = funded();
    let sponsor = Ed25519PrivateKey::new([6; 32]);
    let payer = sponsor.public_key().derive_address();
    let mut body = Body::new();
    let coin = body.split(Argument::Gas, 50_000_000_000);
    body.transfer(vec![coin], payer);
    world.succeed(body);
    let gas = world.coins(payer);
    let mut body = Body::new();
    let coin = body.object(&world, world.coins(address)[0]);
    body.transfer(vec![coin], ALICE);
    let mut transaction = world.paid_by(address, body, &gas, world::BUDGET);
    transaction.gas_payment.owner = payer;
    let mut both = signed(&key, transaction.clone());
    assert!(
        world
            .executor
            .admit(&world.store, &world.params, &both)
            .is_err()
    );
    both.signatures
        .push(sponsor.sign_transaction(&transaction).unwrap());
    assert_eq!(
        world.executor.admit(&world.store, &world.params, &both),
        Ok(())
    );
    assert!(world.commit(&transaction).is_success());
}

#[test]
fn malformed_programs_do_not_enter() {
    let world = World::boot();
    let refused = |body: Body| {
        let transaction = world.transaction(ALICE, body);
        let mode = sui_devchain_executor::Mode::Normal;
        world
            .executor
            .execute(&world.store, &world.params, &transaction, mode)
            .unwrap_err()
    };
    let mut body = Body::new();
    let address = body.pure(&ALICE);
    body.command(Command::TransferObjects(TransferObjects {
        objects: vec![],
        address,
    }));
    assert!(matches!(refused(body), AdmissionError::Malformed(_)));

    let mut body = Body::new();
    body.transfer(vec![Argument::Result(0)], ALICE);
    assert!(matches!(refused(body), AdmissionError::Malformed(_)));

    let mut body = Body::new();
    body.shared(&world, Address::from_static("0x6"), true);
    assert!(matches!(refused(body), AdmissionError::Ownership { .. }));

    let mut body = Body::new();
    body.call(Address::from_static("0x777"), "m", "f", vec![]);
    assert!(matches!(
        refused(body),
        AdmissionError::PackageNotFound { .. }
    ));

    let mut body = Body::new();
    body.input(Input::Pure(vec![0; 16_384]));
    assert!(matches!(
        refused(body),
        AdmissionError::LimitExceeded { .. }
    ));
}
