//! Sealed keys: the configuration and what it names that is secret, in an archive that only the holder of an age identity opens. With it
//! and a backup a node can be made again on another machine; `age --decrypt` and `tar` are all it takes.

#[cfg(feature = "encrypted-keys")]
pub(crate) use self::with_age::{Recipient, seal};
#[cfg(not(feature = "encrypted-keys"))]
pub(crate) use self::without::{Recipient, seal};

#[cfg(feature = "encrypted-keys")]
mod with_age;
#[cfg(not(feature = "encrypted-keys"))]
mod without;
