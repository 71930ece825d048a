//! Calls of whoever a node has authorized: for its commission, and for its votes on upgrades (contracts spec 7.10, 7.14).

use sui_sdk_types::{Address, StructTag};
use sui_transaction_builder::Argument;

use super::{ContractWriter, ExecutedTransaction, TransactionError, writer::Plan};
use crate::objects::Authorized;

/// How the sender shows that it is who is authorized.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Authentication {
    /// By signing.
    Sender,
    /// By an object of its own.
    Object {
        /// The object.
        id: Address,
        /// Its type.
        object_type: StructTag,
    },
}

impl Plan<'_> {
    fn authenticate(
        &mut self,
        authentication: &Authentication,
    ) -> Result<Argument, TransactionError> {
        match authentication {
            Authentication::Sender => self.call("auth", "authenticate_sender", Vec::new()),
            Authentication::Object { id, object_type } => {
                let object = self.ptb.object(*id);
                self.ptb.call(
                    self.packages.current,
                    "auth",
                    "authenticate_with_object",
                    vec![object_type.clone().into()],
                    vec![object],
                )
            }
        }
    }

    fn authorized(&mut self, authorized: Authorized) -> Result<Argument, TransactionError> {
        let (function, id) = match authorized {
            Authorized::Address(address) => ("authorized_address", address),
            Authorized::ObjectID(object) => ("authorized_object", object),
        };
        let id = self.ptb.pure(&id)?;
        self.call("auth", function, vec![id])
    }
}

impl ContractWriter {
    /// How the sender can act for `authorized`.
    ///
    /// # Errors
    /// [`TransactionError::Build`] if it is another address; [`TransactionError::Chain`] if it is an object that cannot be read.
    pub async fn authentication(
        &self,
        authorized: Authorized,
    ) -> Result<Authentication, TransactionError> {
        match authorized {
            Authorized::Address(address) if address == self.address() => Ok(Authentication::Sender),
            Authorized::Address(address) => Err(TransactionError::build(format!(
                "only {address} may do this, and the wallet is {}",
                self.address()
            ))),
            Authorized::ObjectID(id) => {
                let object = self.reader().chain().object(id).await?;
                let object_type = object.object_type.ok_or_else(|| {
                    TransactionError::build(format!("{id} is a package, which authorizes nobody"))
                })?;
                Ok(Authentication::Object { id, object_type })
            }
        }
    }

    /// Collects the commission of a node, to the sender, who is its receiver.
    ///
    /// # Errors
    /// [`TransactionError`].
    pub async fn collect_commission(
        &self,
        node_id: Address,
        receiver: &Authentication,
    ) -> Result<ExecutedTransaction, TransactionError> {
        self.run(None, |plan| {
            let authenticated = plan.authenticate(receiver)?;
            let arguments = vec![plan.staking(), plan.ptb.pure(&node_id)?, authenticated];
            let coin = plan.call("staking", "collect_commission", arguments)?;
            plan.ptb.transfer(vec![coin], plan.sender)
        })
        .await
    }

    /// Has somebody else receive the commission of a node from now on.
    ///
    /// # Errors
    /// [`TransactionError`].
    pub async fn set_commission_receiver(
        &self,
        node_id: Address,
        receiver: &Authentication,
        new: Authorized,
    ) -> Result<ExecutedTransaction, TransactionError> {
        self.authorize("set_commission_receiver", node_id, receiver, new)
            .await
    }

    /// Has somebody else vote for a node from now on.
    ///
    /// # Errors
    /// [`TransactionError`].
    pub async fn set_governance_authorized(
        &self,
        node_id: Address,
        voter: &Authentication,
        new: Authorized,
    ) -> Result<ExecutedTransaction, TransactionError> {
        self.authorize("set_governance_authorized", node_id, voter, new)
            .await
    }

    async fn authorize(
        &self,
        function: &str,
        node_id: Address,
        present: &Authentication,
        new: Authorized,
    ) -> Result<ExecutedTransaction, TransactionError> {
        self.run(None, |plan| {
            let present = plan.authenticate(present)?;
            let new = plan.authorized(new)?;
            let arguments = vec![plan.staking(), plan.ptb.pure(&node_id)?, present, new];
            plan.call("staking", function, arguments)?;
            Ok(())
        })
        .await
    }

    /// Votes in the name of a node for an upgrade to the package with this digest. `manager` is the `upgrade::UpgradeManager`.
    ///
    /// # Errors
    /// [`TransactionError`].
    pub async fn vote_for_upgrade(
        &self,
        manager: Address,
        node_id: Address,
        voter: &Authentication,
        digest: [u8; 32],
    ) -> Result<ExecutedTransaction, TransactionError> {
        self.run(None, |plan| {
            let voter = plan.authenticate(voter)?;
            let arguments = vec![
                plan.ptb.object(manager),
                plan.staking(),
                voter,
                plan.ptb.pure(&node_id)?,
                plan.ptb.pure(&digest.to_vec())?,
            ];
            plan.call("upgrade", "vote_for_upgrade", arguments)?;
            Ok(())
        })
        .await
    }
}
