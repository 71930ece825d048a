//! SUI for WAL at the exchanges of test networks (contracts spec 11.1).

use sui_sdk_types::Address;

use super::{ContractWriter, ExecutedTransaction, TransactionError};
use crate::objects::Exchange;

impl ContractWriter {
    /// Exchanges `mist` of the sender's SUI for WAL at the shared object `exchange`. What a client configuration lists under
    /// `exchange_objects` are such objects.
    ///
    /// # Errors
    /// [`TransactionError`]; among them an abort of `wal_exchange` when the exchange has not enough WAL, and
    /// [`TransactionError::Chain`] when the object is no exchange.
    pub async fn exchange_sui_for_wal(
        &self,
        exchange: Address,
        mist: u64,
    ) -> Result<ExecutedTransaction, TransactionError> {
        let object = self.reader().chain().object(exchange).await?;
        let package = *object.expect_type("wal_exchange", "Exchange")?.address();
        self.run(None, |plan| {
            plan.ptb.make_unique();
            let sui = plan.ptb.split_gas(&[mist])?;
            let mut arguments = vec![plan.ptb.object(exchange)];
            arguments.extend(sui);
            let (module, function) = ("wal_exchange", "exchange_all_for_wal");
            let wal = plan
                .ptb
                .call(package, module, function, vec![], arguments)?;
            plan.ptb.transfer(vec![wal], plan.sender)
        })
        .await
    }

    /// The funds and the rate of an exchange.
    ///
    /// # Errors
    /// [`TransactionError::Chain`] when there is no such object or it is no exchange.
    pub async fn exchange(&self, exchange: Address) -> Result<Exchange, TransactionError> {
        let object = self.reader().chain().object(exchange).await?;
        object.expect_type("wal_exchange", "Exchange")?;
        Ok(object.decode()?)
    }
}
