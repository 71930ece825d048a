//! Node table: the storage nodes of a committee.

use walrus_sui::Address;

use crate::{
    report::{COLUMNS, wal_only},
    table::{
        Align::{Left, Right},
        Table,
    },
};

/// What the table tells of a node.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NodeRow<'a> {
    pub(crate) name: &'a str,
    pub(crate) shards: usize,
    /// FROST.
    pub(crate) stake: u64,
    pub(crate) address: &'a str,
    pub(crate) id: Address,
}

/// The nodes in the order of their names and the numbers in them. Node IDs, and addresses if one of them is long, are under the
/// rows, whole, so that they can be copied.
pub(crate) fn node_table(mut nodes: Vec<NodeRow<'_>>) -> Table<4> {
    nodes.sort_by(|a, b| alphanumeric_sort::compare_str(a.name, b.name));
    let table = |has_addresses: bool| {
        let address = if has_addresses { "address" } else { "" };
        let mut table = Table::new([
            ("name", Left),
            ("shards", Right),
            ("stake", Left),
            (address, Left),
        ]);
        for node in &nodes {
            let (address, id) = (node.address.to_owned(), node.id.to_string());
            let (cell, below) = match has_addresses {
                true => (address, vec![id]),
                false => (String::new(), vec![address, id]),
            };
            let (shards, stake) = (node.shards.to_string(), wal_only(node.stake));
            table.row([node.name.to_owned(), shards, stake, cell], below);
        }
        table
    };
    let whole = table(true);
    match whole.width() <= COLUMNS && !whole.is_cut() {
        true => whole,
        false => table(false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node<'a>(name: &'a str, address: &'a str) -> NodeRow<'a> {
        NodeRow {
            name,
            shards: 100,
            stake: 1_234_567_890_123_456_789,
            address,
            id: Address::ZERO,
        }
    }

    #[test]
    fn node_2_is_before_node_10() {
        let address = "127.0.0.1:9000";
        let names = ["node-10", "node-2", "node-1"].map(|name| node(name, address));
        let lines = node_table(names.to_vec()).all_lines();
        let id = format!("    {}", Address::ZERO);
        assert_eq!(
            lines,
            [
                "  name     shards  stake                     address",
                "  node-1      100  1234567890.123456789 WAL  127.0.0.1:9000",
                &id,
                "  node-2      100  1234567890.123456789 WAL  127.0.0.1:9000",
                &id,
                "  node-10     100  1234567890.123456789 WAL  127.0.0.1:9000",
                &id,
            ]
        );
    }

    #[test]
    fn whatever_nodes_are_called_the_table_fits_the_terminal_and_addresses_are_whole() {
        let long = format!("storage.{}.example.com:9185", "x".repeat(40));
        let name = "n".repeat(100);
        for address in [&long, "10.0.0.1:9185"] {
            let lines = node_table(vec![node(&name, address)]).all_lines();
            assert!(lines.iter().any(|line| line.contains(address)), "{lines:?}");
            for line in lines {
                assert!(line.chars().count() <= COLUMNS, "{line}");
            }
        }
    }
}
