//! Random arguments for `#[random_test]` functions, the same ones in each run.

use anyhow::{Result, bail};
use sui_devchain_vm::{Type, Value};
use sui_sdk_types::Address;

/// Elements of a random vector, at most.
const VECTOR_LENGTH: u64 = 16;

/// A small deterministic generator (splitmix64).
pub(crate) struct Random(u64);

impl Random {
    /// Seeded by the test's name and the number of the call.
    pub(crate) fn new(name: &str, call: u64) -> Self {
        // FNV-1a: any spread of the names will do.
        let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        Self(hash.wrapping_add(call))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Little-endian bytes of an integer; half of them have random lengths, so that small ones occur too.
    fn integer<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        for chunk in bytes.chunks_mut(8) {
            let word = self.next().to_le_bytes();
            for (to, from) in chunk.iter_mut().zip(word) {
                *to = from;
            }
        }
        if self.next() & 1 == 1 {
            let kept = usize::try_from(self.next() % (N as u64 + 1)).unwrap_or(N);
            bytes.iter_mut().skip(kept).for_each(|byte| *byte = 0);
        }
        bytes
    }

    /// A value of a primitive type or a vector of such.
    pub(crate) fn value(&mut self, ty: &Type) -> Result<Value> {
        Ok(match ty {
            Type::Bool => Value::Bool(self.next() & 1 == 1),
            Type::U8 => Value::U8(u8::from_le_bytes(self.integer())),
            Type::U16 => Value::U16(u16::from_le_bytes(self.integer())),
            Type::U32 => Value::U32(u32::from_le_bytes(self.integer())),
            Type::U64 => Value::U64(u64::from_le_bytes(self.integer())),
            Type::U128 => Value::U128(u128::from_le_bytes(self.integer())),
            Type::U256 => Value::U256(ethnum::U256::from_le_bytes(self.integer())),
            Type::Address => Value::Address(Address::new(self.integer())),
            Type::Vector(inner) => {
                let length = self.next() % (VECTOR_LENGTH + 1);
                if **inner == Type::U8 {
                    let byte = |_| {
                        let [low, ..] = self.next().to_le_bytes();
                        low
                    };
                    Value::Bytes((0..length).map(byte).collect())
                } else {
                    let items = (0..length).map(|_| self.value(inner));
                    Value::Vector(items.collect::<Result<_>>()?)
                }
            }
            other => bail!("no random values of type {other:?}"),
        })
    }
}
