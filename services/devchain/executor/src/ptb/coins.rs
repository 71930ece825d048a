//! TransferObjects, SplitCoins and MergeCoins: they execute no Move code.

use sui_devchain_vm::object_runtime::NewOwner;
use sui_devchain_vm::{AbilitySet, Argument as VmArgument, Slot, Type, Value};
use sui_sdk_types::{
    Address, Argument, CommandArgumentError, ExecutionError, MergeCoins, SplitCoins,
    TransferObjects,
};

use super::Ptb;
use super::arguments::{Operand, Uses};
use super::slots::ResultSlot;
use crate::failure::Failure;

impl Ptb<'_> {
    pub(super) fn transfer_objects(
        &mut self,
        transfer: &TransferObjects,
    ) -> Result<Vec<ResultSlot>, Failure> {
        let mut uses = Uses::default();
        let mut objects = Vec::with_capacity(transfer.objects.len());
        for (index, argument) in transfer.objects.iter().enumerate() {
            let mut operand = Operand {
                argument: *argument,
                index,
                uses: &mut uses,
            };
            let type_ = self.transferable_type(&operand)?;
            let value = self.by_value(&mut operand, &type_, true)?;
            objects.push((type_, value));
        }
        let mut operand = Operand {
            argument: transfer.address,
            index: transfer.objects.len(),
            uses: &mut uses,
        };
        let Value::Address(recipient) = self.by_value(&mut operand, &Type::Address, false)? else {
            return Err(Failure::invariant("recipient is no address"));
        };
        for (type_, value) in objects {
            self.session
                .transfer(NewOwner::Address(recipient), &type_, value)?;
        }
        Ok(Vec::new())
    }

    fn transferable_type(&self, operand: &Operand<'_>) -> Result<Type, Failure> {
        let needed = AbilitySet::KEY.union(AbilitySet::STORE);
        match self.type_of(operand)? {
            Some(type_) if type_.abilities(&[]).has(needed) => Ok(type_),
            _ => Err(Failure::argument(
                operand.index,
                CommandArgumentError::InvalidTransferObject,
            )),
        }
    }

    pub(super) fn split_coins(&mut self, split: &SplitCoins) -> Result<Vec<ResultSlot>, Failure> {
        let mut uses = Uses::default();
        let (type_, slot) = self.coin_slot(split.coin, &mut uses)?;
        let mut amounts = Vec::with_capacity(split.amounts.len());
        for (index, argument) in split.amounts.iter().enumerate() {
            let mut operand = Operand {
                argument: *argument,
                index: index + 1,
                uses: &mut uses,
            };
            match self.by_value(&mut operand, &Type::U64, false)? {
                Value::U64(amount) => amounts.push(amount),
                _ => return Err(Failure::invariant("amount is no u64")),
            }
        }
        let total = amounts
            .iter()
            .try_fold(0u64, |sum, amount| sum.checked_add(*amount))
            .ok_or_else(overflow)?;
        let mut coin = slot.get();
        let balance = coin_value_mut(&mut coin)?;
        *balance = balance.checked_sub(total).ok_or_else(|| {
            Failure::new(
                ExecutionError::InsufficientCoinBalance,
                format!("the coin has {balance}, {total} are split off"),
            )
        })?;
        slot.set(coin);
        let mut results = Vec::with_capacity(amounts.len());
        for amount in amounts {
            let id = self.session.fresh_id()?;
            results.push(ResultSlot::new(type_.clone(), new_coin(id, amount)));
        }
        Ok(results)
    }

    pub(super) fn merge_coins(&mut self, merge: &MergeCoins) -> Result<Vec<ResultSlot>, Failure> {
        let mut uses = Uses::default();
        let (type_, slot) = self.coin_slot(merge.coin, &mut uses)?;
        let mut total = 0u64;
        for (index, argument) in merge.coins_to_merge.iter().enumerate() {
            let mut operand = Operand {
                argument: *argument,
                index: index + 1,
                uses: &mut uses,
            };
            let mut coin = self.by_value(&mut operand, &type_, false)?;
            let id = coin
                .object_id()
                .ok_or_else(|| Failure::invariant("coin without id"))?;
            total = total
                .checked_add(*coin_value_mut(&mut coin)?)
                .ok_or_else(overflow)?;
            self.session.delete_id(id)?;
        }
        let mut coin = slot.get();
        let balance = coin_value_mut(&mut coin)?;
        *balance = balance.checked_add(total).ok_or_else(overflow)?;
        slot.set(coin);
        Ok(Vec::new())
    }

    /// The place of a coin that is changed, and its type.
    fn coin_slot(&mut self, argument: Argument, uses: &mut Uses) -> Result<(Type, Slot), Failure> {
        let mut operand = Operand {
            argument,
            index: 0,
            uses,
        };
        let type_ = match self.type_of(&operand)? {
            Some(type_) if type_.is_datatype(&Address::TWO, "coin", "Coin") => type_,
            _ => return Err(Failure::argument(0, CommandArgumentError::TypeMismatch)),
        };
        match self.borrow(&mut operand, &type_, true)? {
            VmArgument::Borrow(slot) => Ok((type_, slot)),
            _ => Err(Failure::argument(0, CommandArgumentError::TypeMismatch)),
        }
    }
}

fn overflow() -> Failure {
    Failure::new(
        ExecutionError::CoinBalanceOverflow,
        "the sum of coin balances exceeds u64",
    )
}

/// `Coin<T>{id: UID{id: ID{bytes}}, balance: Balance<T>{value}}`.
pub(super) fn new_coin(id: Address, amount: u64) -> Value {
    let id = Value::Struct(vec![Value::Struct(vec![Value::Address(id)])]);
    Value::Struct(vec![id, Value::Struct(vec![Value::U64(amount)])])
}

pub(super) fn coin_value_mut(coin: &mut Value) -> Result<&mut u64, Failure> {
    let balance = match coin {
        Value::Struct(fields) => fields.get_mut(1),
        _ => None,
    };
    let value = match balance {
        Some(Value::Struct(fields)) => fields.first_mut(),
        _ => None,
    };
    match value {
        Some(Value::U64(value)) => Ok(value),
        _ => Err(Failure::invariant("a coin has another layout")),
    }
}
