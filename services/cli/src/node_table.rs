//! Node table: the storage nodes of a committee, and in which order they are shown.

use std::cmp::Ordering;

use walrus_sui::Address;

use crate::{
    args::NodeOrder,
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

/// What nodes are sorted by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NodeKey<'a> {
    pub(crate) name: &'a str,
    pub(crate) address: &'a str,
    pub(crate) id: Address,
}

/// How nodes are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NodeView {
    pub(crate) order: NodeOrder,
    /// The other way round.
    pub(crate) descends: bool,
    /// With node IDs and addresses.
    pub(crate) has_details: bool,
}

impl NodeView {
    /// Sorts for people: by names and the numbers in them, or by what was asked for.
    pub(crate) fn sort<T>(self, nodes: &mut [T], key: impl for<'a> Fn(&'a T) -> NodeKey<'a>) {
        self.sort_with(nodes, key, |a, b| alphanumeric_sort::compare_str(a, b));
    }

    /// Sorts for programs: by lower-cased names, or by what was asked for. Client spec 2.7.
    pub(crate) fn sort_plainly<T>(
        self,
        nodes: &mut [T],
        key: impl for<'a> Fn(&'a T) -> NodeKey<'a>,
    ) {
        self.sort_with(nodes, key, |a, b| a.to_lowercase().cmp(&b.to_lowercase()));
    }

    fn sort_with<T>(
        self,
        nodes: &mut [T],
        key: impl for<'a> Fn(&'a T) -> NodeKey<'a>,
        by_name: impl Fn(&str, &str) -> Ordering,
    ) {
        nodes.sort_by(|a, b| {
            let (a, b) = (key(a), key(b));
            let order = match self.order {
                NodeOrder::Id => a.id.cmp(&b.id),
                NodeOrder::Name => by_name(a.name, b.name),
                NodeOrder::Url => alphanumeric_sort::compare_str(a.address, b.address),
            };
            if self.descends {
                order.reverse()
            } else {
                order
            }
        });
    }
}

/// The nodes in this order. Node IDs, and addresses if one of them is long, are under the rows, whole, so that they can be copied.
pub(crate) fn node_table(mut nodes: Vec<NodeRow<'_>>, view: NodeView) -> Table<4> {
    view.sort(&mut nodes, |node| NodeKey {
        name: node.name,
        address: node.address,
        id: node.id,
    });
    let table = |has_addresses: bool| {
        let has_addresses = has_addresses && view.has_details;
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
                false if view.has_details => (String::new(), vec![address, id]),
                false => (String::new(), Vec::new()),
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

    const BY_NAME: NodeView = NodeView {
        order: NodeOrder::Name,
        descends: false,
        has_details: true,
    };

    #[test]
    fn node_2_is_before_node_10() {
        let address = "127.0.0.1:9000";
        let names = ["node-10", "node-2", "node-1"].map(|name| node(name, address));
        let lines = node_table(names.to_vec(), BY_NAME).all_lines();
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
    fn nodes_are_in_the_order_that_was_asked_for() {
        let sorted = |order, descends, names: [&'static str; 3]| {
            let view = NodeView {
                order,
                descends,
                has_details: false,
            };
            let addresses = ["c:1", "a:10", "a:9"];
            let mut nodes: Vec<_> = names
                .into_iter()
                .zip(addresses)
                .zip(1..)
                .map(|((name, address), number)| NodeKey {
                    name,
                    address,
                    id: Address::new([number; 32]),
                })
                .collect();
            let names = |nodes: &[NodeKey<'static>]| -> Vec<_> {
                nodes.iter().map(|node| node.name).collect()
            };
            view.sort(&mut nodes, |node| *node);
            let people = names(&nodes);
            view.sort_plainly(&mut nodes, |node| *node);
            (people, names(&nodes))
        };
        let names = ["n10", "N2", "m"];
        let (people, programs) = sorted(NodeOrder::Name, false, ["n10", "n2", "m"]);
        assert_eq!(
            (people, programs),
            (vec!["m", "n2", "n10"], vec!["m", "n10", "n2"])
        );
        assert_eq!(sorted(NodeOrder::Id, true, names).0, ["m", "N2", "n10"]);
        assert_eq!(sorted(NodeOrder::Url, false, names).1, ["m", "N2", "n10"]);
        assert_eq!(sorted(NodeOrder::Url, true, names).0, ["n10", "N2", "m"]);
    }

    #[test]
    fn without_details_a_node_is_a_line() {
        let view = NodeView {
            has_details: false,
            ..BY_NAME
        };
        let lines = node_table(vec![node("a", "127.0.0.1:9000")], view).all_lines();
        assert_eq!(lines.len(), 2, "{lines:?}");
        assert!(!lines.concat().contains("9000"));
    }

    #[test]
    fn whatever_nodes_are_called_the_table_fits_the_terminal_and_addresses_are_whole() {
        let long = format!("storage.{}.example.com:9185", "x".repeat(40));
        let name = "n".repeat(100);
        for address in [&long, "10.0.0.1:9185"] {
            let lines = node_table(vec![node(&name, address)], BY_NAME).all_lines();
            assert!(lines.iter().any(|line| line.contains(address)), "{lines:?}");
            for line in lines {
                assert!(line.chars().count() <= COLUMNS, "{line}");
            }
        }
    }
}
