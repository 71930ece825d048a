//! The fixture package `toys`, published.
#![allow(
    dead_code,
    unreachable_pub,
    unused_imports,
    clippy::expect_used,
    clippy::unwrap_used
)]

use sui_devchain_executor::Outcome;
use sui_sdk_types::*;

use super::{ALICE, Body, World, written_of};

pub const TOYS: &str = include_str!("../../fixtures/move/artifacts/toys.json");
pub const UPGRADED: &str = include_str!("../../fixtures/move/artifacts/toys_upgraded.json");
pub const BROKEN: &str = include_str!("../../fixtures/move/artifacts/toys_broken.json");

/// A world with the package, its upgrade cap and its shared counter.
pub struct Toys {
    pub world: World,
    pub package: Address,
    pub cap: Address,
    pub counter: Address,
    pub published: Outcome,
}

pub fn modules(json: &str) -> Vec<Vec<u8>> {
    walrus_artifacts::parse(json).unwrap()[0].bytecode()
}

pub fn dependencies() -> Vec<Address> {
    vec![Address::from_static("0x1"), Address::TWO]
}

impl Toys {
    pub fn publish() -> Self {
        let mut world = World::boot();
        let mut body = Body::new();
        let cap = body.command(Command::Publish(Publish {
            modules: modules(TOYS),
            dependencies: dependencies(),
        }));
        body.transfer(vec![cap], ALICE);
        let published = world.succeed(body);
        let package = published.packages().next().unwrap().object_id();
        let cap = written_of(&published, "UpgradeCap")[0];
        let counter = written_of(&published, "Counter")[0];
        Self {
            world,
            package,
            cap,
            counter,
            published,
        }
    }

    /// Makes a toy that Alice owns.
    pub fn toy(&mut self, value: u64) -> Address {
        let mut body = Body::new();
        let value = body.pure(&value);
        let toy = body.call(self.package, "toys", "make", vec![value]);
        body.transfer(vec![toy], ALICE);
        let outcome = self.world.succeed(body);
        written_of(&outcome, "Toy")[0]
    }

    /// Calls `toys::function` on an owned toy with u64 arguments.
    pub fn on_toy(&mut self, function: &str, toy: Address, numbers: &[u64]) -> Outcome {
        let mut body = Body::new();
        let mut arguments = vec![body.object(&self.world, toy)];
        arguments.extend(numbers.iter().map(|number| body.pure(number)));
        body.call(self.package, "toys", function, arguments);
        self.world.run(body)
    }

    pub fn tag(&self, name: &str) -> TypeTag {
        StructTag::new(
            self.package,
            Identifier::from_static("toys"),
            Identifier::new(name).unwrap(),
            vec![],
        )
        .into()
    }
}
