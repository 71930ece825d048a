//! Public networks, by the objects that everybody knows them by. What is reached at a private address has no place in them.

use sui_sdk_types::Address;

/// The system objects of Mainnet and Testnet.
const SYSTEM_OBJECTS: [Address; 2] = [
    Address::from_static("0x2134d52768ea07e8c43570ef975eb3e4c27a39fa6396bef985b5abc58d03ddd2"),
    Address::from_static("0x6c2547cbbc38025cf3adac45f63cb0a8d12ecf777cdc75a4971612bf97fdf6af"),
];

/// Whether the network with this system object is a public one.
pub fn is_public_network(system_object: &Address) -> bool {
    SYSTEM_OBJECTS.contains(system_object)
}
