//! Differential test of the ring of coming epochs under random sales, subsidies and epoch changes: contracts against model.

use sui_devchain_vm::{Argument, Slot, Value};
use walrus_economy::{Abort, ring::Ring, storage::Storage, system::System};

use crate::machine::{
    Contracts, Failure, Machine,
    values::{self, balance, borrow, coin, fields, number, u32, u64},
};
use crate::random::Random;

/// Epoch, capacity and money of each slot, the current one first.
fn slots(ring: &Value) -> Vec<(u64, u64, u64)> {
    let [current, length, buffer] = fields(ring) else {
        panic!("{ring:?}")
    };
    let (current, length) = (number(current) as usize, number(length) as usize);
    let buffer = values::elements(buffer);
    assert_eq!(buffer.len(), length);
    let slot = |offset: usize| {
        let slot: Vec<u64> = fields(&buffer[(current + offset) % length])
            .iter()
            .map(number)
            .collect();
        (slot[0], slot[1], slot[2])
    };
    (0..length).map(slot).collect()
}

fn model_slots(ring: &Ring) -> Vec<(u64, u64, u64)> {
    let slot =
        |slot: &walrus_economy::ring::Slot| (slot.epoch.into(), slot.used_capacity, slot.rewards);
    ring.slots().map(slot).collect()
}

struct Both<'a> {
    contracts: Contracts<'a>,
    theirs: Slot,
    ours: System,
}

impl Both<'_> {
    fn call(
        &mut self,
        module: &str,
        function: &str,
        rest: Vec<Argument>,
    ) -> Result<Vec<Value>, Failure> {
        let arguments = [vec![borrow(&self.theirs)], rest].concat();
        self.contracts.call(module, function, arguments)
    }

    /// Sells with the same money, enough or not.
    fn sell(&mut self, random: &mut Random) -> bool {
        let length = u64::from(self.ours.ring.length());
        let start = random.between(0, length - 1) as u32;
        let end = start + random.between(1, length - u64::from(start)) as u32;
        let (size, funds) = (random.up_to(1 << 44) + 1, random.magnitude());
        self.ours.storage_price = random.up_to(1 << 20);

        let mut ours = self.ours.clone();
        let mut purse = funds;
        let epoch = ours.epoch;
        let result = ours.reserve_for_epochs(size, epoch + start, epoch + end, &mut purse);
        let before = self.theirs.get();
        let paid = Slot::new(coin(funds));
        let arguments = vec![
            u64(ours.storage_price),
            u64(size),
            u32(start),
            u32(end),
            borrow(&paid),
        ];
        let theirs = self.call("storage_market", "sell", arguments);
        match result {
            Ok(storage) => {
                assert_eq!(storage.end - storage.start, end - start);
                theirs.unwrap();
                assert_eq!(number(&fields(&paid.get())[1]), purse);
                self.ours = ours;
                true
            }
            Err(abort) => {
                assert_eq!(theirs.unwrap_err(), Failure::from(abort));
                self.theirs.set(before);
                false
            }
        }
    }

    fn write_fee(&mut self, random: &mut Random) {
        let size = random.up_to(1 << 40);
        self.ours.write_price = random.up_to(1 << 20);
        let due = walrus_economy::price::cost(size, self.ours.write_price).unwrap();
        let arguments = vec![
            u64(self.ours.write_price),
            u64(size),
            values::reference(coin(due)),
        ];
        self.call("storage_market", "charge_write_fee", arguments)
            .unwrap();
        self.ours.ring.at(0).unwrap().rewards += due;
    }

    fn subsidize(&mut self, random: &mut Random) {
        let (amount, epochs) = (
            random.up_to(1 << 50),
            random.between(1, u64::from(self.ours.ring.length())) as u32,
        );
        let arguments = vec![Argument::Value(balance(amount)), u32(epochs)];
        self.call("storage_market", "spread", arguments).unwrap();
        self.ours.ring.spread(amount, epochs).unwrap();
    }

    /// Three percent are burned, and the next epoch begins.
    fn advance(&mut self) {
        let slot = self
            .call("storage_accounting", "ring_lookup_mut", vec![u32(0)])
            .unwrap();
        let arguments = slot.into_iter().map(Argument::Value).collect();
        let burned = self
            .contracts
            .call("storage_accounting", "extract_burn_balance", arguments)
            .unwrap();
        assert_eq!(number(&burned[0]), self.ours.ring.extract_burn().unwrap());
        let ended = self
            .call("storage_accounting", "ring_pop_expand", vec![])
            .unwrap();
        let ours = self.ours.ring.advance(self.ours.epoch).unwrap();
        let theirs: Vec<u64> = fields(&ended[0]).iter().map(number).collect();
        assert_eq!(
            theirs,
            [u64::from(ours.epoch), ours.used_capacity, ours.rewards]
        );
        self.ours.epoch += 1;
    }

    fn release(&mut self, sold: &Storage) {
        // What is sold of the current epoch stays sold.
        let start = sold.start.max(self.ours.epoch + 1) - self.ours.epoch;
        let end = sold.end.max(self.ours.epoch) - self.ours.epoch;
        self.call(
            "storage_market",
            "release",
            vec![u64(sold.size), u32(start), u32(end)],
        )
        .unwrap();
        self.ours.release(sold).unwrap();
    }
}

#[test]
fn money_and_capacity_of_all_slots() {
    let machine = Machine::new();
    let mut random = Random::new(20);
    let (mut sold, mut refused) = (0, 0);
    for length in [1, 2, 3, 7, 53] {
        let mut contracts = machine.session();
        let ring = contracts
            .get("storage_accounting", "ring_new", vec![u32(length)])
            .unwrap();
        let mut ours = System::new(length);
        ours.total_capacity = u64::MAX;
        let mut both = Both {
            contracts,
            theirs: Slot::new(ring),
            ours,
        };
        for _ in 0..400 {
            match random.between(0, 9) {
                0..=4 if both.sell(&mut random) => sold += 1,
                0..=4 => refused += 1,
                5 => both.write_fee(&mut random),
                6 => both.subsidize(&mut random),
                7 => {
                    let (start, size) = (both.ours.epoch, 1000);
                    let end = start + length;
                    let funds = u64::MAX;
                    both.ours.storage_price = 0;
                    let storage = both
                        .ours
                        .reserve_for_epochs(size, start, end, &mut { funds })
                        .unwrap();
                    let arguments = vec![
                        u64(0),
                        u64(size),
                        u32(0),
                        u32(length),
                        values::reference(coin(funds)),
                    ];
                    both.call("storage_market", "sell", arguments).unwrap();
                    both.advance();
                    both.release(&storage);
                }
                _ => both.advance(),
            }
            assert_eq!(slots(&both.theirs.get()), model_slots(&both.ours.ring));
            let arguments = vec![borrow(&both.theirs)];
            let most = both
                .contracts
                .get("storage_market", "max_used_capacity", arguments)
                .unwrap();
            assert_eq!(number(&most), both.ours.ring.max_used_capacity());
        }
        let beyond = both.call("storage_accounting", "ring_lookup", vec![u32(length)]);
        assert_eq!(
            beyond.unwrap_err(),
            Failure::from(Abort::code("storage_accounting", 0))
        );
    }
    assert!(
        sold > 300 && refused > 100,
        "{sold} sales and {refused} refusals are no fair mix"
    );
}
