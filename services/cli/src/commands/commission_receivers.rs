//! Commission receivers: who gets the commission of each node, as CSV. Client spec 2.7.

use std::collections::{BTreeMap, BTreeSet};

use walrus_sui::{
    Address, Owner,
    contract::{Committee, ContractReader},
    objects::{Authorized, StakingPool},
};

use crate::{
    node_table::{NodeKey, NodeView},
    printable, standard_output,
};

const COLUMNS: [&str; 5] = [
    "node ID",
    "name",
    "receiver type",
    "receiver",
    "receiver owner",
];

/// What the chain says about the receivers.
struct Receivers {
    pools: BTreeMap<Address, StakingPool>,
    /// Who owns those that are objects; what is not there is left out.
    owners: BTreeMap<Address, Owner>,
}

/// Prints them, committee by committee.
pub(super) async fn print(reader: &ContractReader, view: NodeView) -> anyhow::Result<()> {
    let committees = reader.committees().await?;
    let sections = [
        ("Current", Some(&committees.current)),
        ("Previous", committees.previous.as_ref()),
        ("Next", committees.next.as_ref()),
    ];
    let sections = || {
        let sections = sections.iter();
        sections.filter_map(|(name, committee)| Some((*name, (*committee)?)))
    };
    let ids: BTreeSet<Address> = sections()
        .flat_map(|(_, committee)| committee.members.iter().map(|member| member.node_id))
        .collect();
    let receivers = Receivers::load(reader, &ids.into_iter().collect::<Vec<_>>()).await?;
    let mut text = String::new();
    for (name, committee) in sections() {
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&format!("{name} committee, epoch {}\n", committee.epoch));
        text.push_str(&receivers.table(committee, view));
    }
    standard_output::result(&text)
}

impl Receivers {
    async fn load(reader: &ContractReader, node_ids: &[Address]) -> anyhow::Result<Self> {
        let pools = reader.pools(node_ids).await?;
        let objects = pools
            .values()
            .filter_map(|pool| match pool.commission_receiver {
                Authorized::ObjectID(id) => Some(id),
                Authorized::Address(_) => None,
            });
        let objects: Vec<_> = objects.collect::<BTreeSet<_>>().into_iter().collect();
        let found = reader.chain().objects(&objects).await?;
        let owners = found.into_iter().flatten();
        Ok(Self {
            pools,
            owners: owners.map(|object| (object.id, object.owner)).collect(),
        })
    }

    fn table(&self, committee: &Committee, view: NodeView) -> String {
        let mut members: Vec<_> = committee.members.iter().collect();
        view.sort_plainly(&mut members, |member| NodeKey {
            name: &member.name,
            address: &member.network_address,
            id: member.node_id,
        });
        let mut text = row(COLUMNS.map(str::to_owned));
        for member in members {
            let pool = self.pools.get(&member.node_id);
            let receiver = pool.map(|pool| pool.commission_receiver);
            let (kind, receiver, owner) = match receiver {
                Some(Authorized::Address(address)) => {
                    ("address", address.to_string(), String::new())
                }
                Some(Authorized::ObjectID(id)) => ("object", id.to_string(), self.owner(id)),
                None => ("unknown", String::new(), String::new()),
            };
            let (id, name) = (member.node_id.to_string(), member.name.clone());
            text.push_str(&row([id, name, kind.to_owned(), receiver, owner]));
        }
        text
    }

    /// Who owns an object.
    fn owner(&self, object: Address) -> String {
        match self.owners.get(&object) {
            Some(Owner::Address(address)) => address.to_string(),
            Some(Owner::Object(object)) => format!("object {object}"),
            Some(Owner::Shared(_)) => "shared".to_owned(),
            Some(Owner::Immutable) => "immutable".to_owned(),
            Some(Owner::ConsensusAddress { owner, .. }) => owner.to_string(),
            Some(_) => "unknown".to_owned(),
            // It may be inside another object.
            None => "not found".to_owned(),
        }
    }
}

/// A line of CSV (RFC 4180), with a line feed alone at its end. Nodes choose their names: control characters are shown as escapes.
fn row(fields: [String; 5]) -> String {
    let fields = fields.map(|field| {
        let field = printable::line(&field);
        match field.contains([',', '"']) {
            true => format!("\"{}\"", field.replace('"', "\"\"")),
            false => field.into_owned(),
        }
    });
    format!("{}\n", fields.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_a_node_is_called_its_row_has_five_fields() {
        let fields = ["a", "b,\"c\"\nd", "", "=1", "e"].map(str::to_owned);
        assert_eq!(row(fields), "a,\"b,\"\"c\"\"\\nd\",,=1,e\n");
    }
}
