//! Keys whose bytes sort as they do.

/// The key of a table. Its bytes have a fixed length and sort as the keys do.
pub trait Key: Sized {
    /// Appends the bytes.
    fn encode(&self, bytes: &mut Vec<u8>);

    /// Takes a key off the front; `None` if the bytes do not begin with one.
    fn decode(bytes: &mut &[u8]) -> Option<Self>;

    /// The bytes.
    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(size_of::<Self>());
        self.encode(&mut bytes);
        bytes
    }

    /// The key that these bytes are, all of them.
    fn from_bytes(mut bytes: &[u8]) -> Option<Self> {
        let key = Self::decode(&mut bytes)?;
        bytes.is_empty().then_some(key)
    }
}

impl<const N: usize> Key for [u8; N] {
    fn encode(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(self);
    }

    fn decode(bytes: &mut &[u8]) -> Option<Self> {
        let (key, rest) = bytes.split_first_chunk()?;
        *bytes = rest;
        Some(*key)
    }
}

macro_rules! unsigned {
    ($($number:ty)*) => {
        $(impl Key for $number {
            fn encode(&self, bytes: &mut Vec<u8>) {
                self.to_be_bytes().encode(bytes);
            }

            fn decode(bytes: &mut &[u8]) -> Option<Self> {
                Key::decode(bytes).map(Self::from_be_bytes)
            }
        })*
    };
}

unsigned!(u8 u16 u32 u64 u128);

impl<A: Key, B: Key> Key for (A, B) {
    fn encode(&self, bytes: &mut Vec<u8>) {
        self.0.encode(bytes);
        self.1.encode(bytes);
    }

    fn decode(bytes: &mut &[u8]) -> Option<Self> {
        Some((A::decode(bytes)?, B::decode(bytes)?))
    }
}

impl<A: Key, B: Key, C: Key> Key for (A, B, C) {
    fn encode(&self, bytes: &mut Vec<u8>) {
        self.0.encode(bytes);
        self.1.encode(bytes);
        self.2.encode(bytes);
    }

    fn decode(bytes: &mut &[u8]) -> Option<Self> {
        Some((A::decode(bytes)?, B::decode(bytes)?, C::decode(bytes)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Compound = (u16, u8, [u8; 2]);

    #[test]
    fn keys_come_back_and_sort_as_their_bytes() {
        let mut keys: Vec<Compound> = vec![
            (256, 0, [0, 0]),
            (1, 255, [0, 1]),
            (1, 255, [1, 0]),
            (255, 1, [9, 9]),
            (1, 2, [255, 255]),
        ];
        keys.sort_unstable();
        let bytes: Vec<_> = keys.iter().map(Key::to_bytes).collect();
        assert!(bytes.is_sorted());
        assert_eq!(
            bytes.first().map(Vec::as_slice),
            Some(&[0, 1, 2, 255, 255][..])
        );
        for (key, bytes) in keys.iter().zip(&bytes) {
            assert_eq!(Compound::from_bytes(bytes), Some(*key));
        }
    }

    #[test]
    fn bytes_that_are_too_few_or_too_many_are_no_key() {
        assert_eq!(u32::from_bytes(&[0, 0, 1]), None);
        assert_eq!(u32::from_bytes(&[0, 0, 0, 1, 0]), None);
        assert_eq!(Compound::from_bytes(&[0, 1, 2, 3]), None);
        assert_eq!(<[u8; 0]>::from_bytes(&[]), Some([]));
    }
}
