//! Random programmable transactions over everything that is published.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::expect_used)]

pub mod conservation;

use std::collections::BTreeMap;

use rand::Rng;
use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;
use sui_devchain_vm::declarations::{Declarations, FunctionDeclaration, Signature};
use sui_devchain_vm::package::Module;
use sui_devchain_vm::{AbilitySet, Visibility};
use sui_sdk_types::*;

use crate::world::{ALICE, BOB, Body, World};

/// Whether something with a chance of one in `count` happens.
pub fn one_in(random: &mut SmallRng, count: u32) -> bool {
    random.random_ratio(1, count)
}

/// What can be called, and the declarations of all types.
pub struct Catalog {
    pub modules: BTreeMap<(Address, String), Declarations>,
    functions: Vec<(Address, String, FunctionDeclaration)>,
}

impl Catalog {
    /// Everything that the packages of a store declare. `favourites` are modules to call often.
    pub fn of(world: &World, favourites: &[(Address, &str)]) -> Self {
        let mut modules = BTreeMap::new();
        let mut functions = Vec::new();
        for object in world.store.live() {
            let ObjectData::Package(package) = object.data() else {
                continue;
            };
            for (name, bytes) in &package.modules {
                let declared = Module::parse(bytes).unwrap().declarations();
                let favourite = favourites.contains(&(package.id, name.as_str()));
                for function in &declared.functions {
                    let callable = function.visibility == Visibility::Public || function.is_entry;
                    let copies = match (favourite, callable) {
                        (true, true) => 60,
                        (false, true) => 1,
                        _ if function.name.len() % 16 == 0 => 1,
                        _ => 0,
                    };
                    for _ in 0..copies {
                        functions.push((package.id, name.to_string(), function.clone()));
                    }
                }
                modules.insert((package.id, name.to_string()), declared);
            }
        }
        Self { modules, functions }
    }
}

/// A transaction under construction: what every argument holds, as the text of its type.
struct Draft {
    body: Body,
    known: Vec<(Argument, String)>,
    types: Vec<TypeTag>,
}

/// A random body: mostly well typed, sometimes not at all.
pub fn body(world: &World, catalog: &Catalog, random: &mut SmallRng, types: &[TypeTag]) -> Body {
    let mut draft = Draft {
        body: Body::new(),
        known: vec![(Argument::Gas, coin_text())],
        types: types.to_vec(),
    };
    draft.objects(world, random);
    for _ in 0..random.random_range(1..=5) {
        match random.random_range(0..10) {
            0 => draft.split(random),
            1 => draft.merge(random),
            2 => draft.vector(random),
            3 => draft.give(random),
            _ => draft.call(catalog, random),
        }
    }
    if !one_in(random, 4) {
        draft.give_all();
    }
    draft.body
}

fn coin_text() -> String {
    StructTag::gas_coin().to_string()
}

impl Draft {
    fn objects(&mut self, world: &World, random: &mut SmallRng) {
        let mut coins = world.coins(ALICE);
        coins.sort_by_key(|id| std::cmp::Reverse(crate::world::balance(&world.latest(id))));
        let gas = coins[0];
        let live: Vec<&Object> = world.store.live().map(|object| &**object).collect();
        for object in live {
            let Some(value) = object.as_struct() else {
                continue;
            };
            let id = object.object_id();
            let chance = if *object.owner() == Owner::Address(ALICE) {
                3
            } else {
                120
            };
            let system = id.as_bytes()[..30] == [0; 30];
            if !one_in(random, chance)
                || (system && !one_in(random, 10))
                || (id == gas && !one_in(random, 40))
            {
                continue;
            }
            let reference = world.reference(&id);
            let input = match object.owner() {
                Owner::Shared(version) => {
                    Input::Shared(SharedInput::new(id, *version, !one_in(random, 3)))
                }
                Owner::Immutable => Input::ImmutableOrOwned(reference),
                _ if one_in(random, 30) => Input::Receiving(reference),
                _ => Input::ImmutableOrOwned(reference),
            };
            let argument = self.body.input(input);
            self.known.push((argument, value.object_type().to_string()));
        }
        if one_in(random, 12) {
            let coin_type = StructTag::sui().into();
            let funds = FundsWithdrawal::new(
                random.random_range(0..2000),
                coin_type,
                WithdrawFrom::Sender,
            );
            let argument = self.body.input(Input::FundsWithdrawal(funds));
            self.known.push((
                argument,
                format!(
                    "{}::funds_accumulator::Withdrawal<{}::balance::Balance<{}>>",
                    Address::TWO,
                    Address::TWO,
                    StructTag::sui()
                ),
            ));
        }
    }

    /// An argument for a type: one that has it, a literal, or (rarely) anything. What is used by value is mostly used once.
    fn argument(&mut self, wanted: &str, random: &mut SmallRng) -> Argument {
        if one_in(random, 80) {
            return self.anything(random);
        }
        let plain = wanted.trim_start_matches("&mut ").trim_start_matches('&');
        let by_value = plain == wanted;
        let fitting: Vec<Argument> = self.fitting(plain, by_value);
        let literal = self.literal(plain, random);
        let found = match (fitting.choose(random), literal) {
            (Some(argument), literal) if literal.is_none() || !one_in(random, 3) => *argument,
            (_, Some(bytes)) => return self.body.input(Input::Pure(bytes)),
            _ => return self.anything(random),
        };
        if by_value && !one_in(random, 40) {
            self.known.retain(|(argument, _)| *argument != found);
        }
        found
    }

    fn fitting(&self, plain: &str, by_value: bool) -> Vec<Argument> {
        let known = self
            .known
            .iter()
            .filter(|(argument, text)| text == plain && !(by_value && *argument == Argument::Gas));
        known.map(|(argument, _)| *argument).collect()
    }

    fn literal(&self, wanted: &str, random: &mut SmallRng) -> Option<Vec<u8>> {
        let number: u64 = match random.random_range(0..4) {
            0 => random.random_range(0..3),
            1 => random.random_range(10..20),
            2 => random.random_range(0..100_000),
            _ if one_in(random, 4) => random.random(),
            _ => 1,
        };
        let string = ["::string::String", "::ascii::String", "vector<u8>"]
            .iter()
            .any(|text| wanted.ends_with(text));
        Some(match wanted {
            "bool" => vec![(number % 2) as u8],
            "u8" => vec![number as u8],
            "u16" => (number as u16).to_le_bytes().to_vec(),
            "u32" => (number as u32).to_le_bytes().to_vec(),
            "u64" => number.to_le_bytes().to_vec(),
            "u128" => u128::from(number).to_le_bytes().to_vec(),
            "u256" | "address" => [ALICE, BOB, Address::ZERO]
                .choose(random)?
                .as_bytes()
                .to_vec(),
            _ if string => ::bcs::to_bytes(&"text".repeat(random.random_range(0..5))).ok()?,
            _ if wanted.contains("::object::ID") && !wanted.contains('<') => {
                BOB.as_bytes().to_vec()
            }
            _ if wanted.starts_with("vector<") => vec![0],
            _ if wanted.contains("::option::Option<") => vec![0],
            _ => return None,
        })
    }

    fn anything(&mut self, random: &mut SmallRng) -> Argument {
        let commands = self.body.0.commands.len();
        match random.random_range(0..5) {
            0 => Argument::Gas,
            1 => Argument::Input(random.random_range(0..=self.body.0.inputs.len()) as u16),
            2 => Argument::Result(random.random_range(0..=commands) as u16),
            3 => Argument::NestedResult(
                random.random_range(0..=commands) as u16,
                random.random_range(0..3) as u16,
            ),
            _ => {
                let bytes = (0..random.random_range(0..40))
                    .map(|_| random.random())
                    .collect();
                self.body.input(Input::Pure(bytes))
            }
        }
    }

    fn split(&mut self, random: &mut SmallRng) {
        let coin = self.argument(&coin_text(), random);
        let amounts: Vec<Argument> = (0..random.random_range(1..=3))
            .map(|_| self.argument("u64", random))
            .collect();
        let count = amounts.len();
        self.body
            .command(Command::SplitCoins(SplitCoins { coin, amounts }));
        self.results(vec![coin_text(); count]);
    }

    fn merge(&mut self, random: &mut SmallRng) {
        let coin = self.argument(&coin_text(), random);
        let coins_to_merge = (0..random.random_range(1..=2))
            .map(|_| self.argument(&coin_text(), random))
            .collect();
        self.body.command(Command::MergeCoins(MergeCoins {
            coin,
            coins_to_merge,
        }));
        self.results(Vec::new());
    }

    fn vector(&mut self, random: &mut SmallRng) {
        let tag = self.types.choose(random).cloned().unwrap_or(TypeTag::U64);
        let text = tag.to_string();
        let elements = (0..random.random_range(0..4))
            .map(|_| self.argument(&text, random))
            .collect();
        let type_ = (!one_in(random, 3)).then_some(tag);
        self.body
            .command(Command::MakeMoveVector(MakeMoveVector { type_, elements }));
        self.results(vec![format!("vector<{text}>")]);
    }

    fn give(&mut self, random: &mut SmallRng) {
        let text = self
            .known
            .choose(random)
            .map(|(_, text)| text.clone())
            .unwrap_or_default();
        let objects = vec![self.argument(&text, random)];
        let address = self.argument("address", random);
        self.body.command(Command::TransferObjects(TransferObjects {
            objects,
            address,
        }));
        self.results(Vec::new());
    }

    /// Gives away every coin and object result, so that transactions succeed more often.
    fn give_all(&mut self) {
        let used: Vec<Argument> = self.body.0.commands.iter().flat_map(operands).collect();
        let left: Vec<Argument> = self
            .known
            .iter()
            .filter(|(argument, text)| {
                matches!(argument, Argument::NestedResult(..))
                    && !used.contains(argument)
                    && text.contains("::")
                    && !text.contains("::balance::")
            })
            .map(|(argument, _)| *argument)
            .collect();
        for object in left {
            let address = self.body.pure(&ALICE);
            self.body.command(Command::TransferObjects(TransferObjects {
                objects: vec![object],
                address,
            }));
        }
    }

    fn call(&mut self, catalog: &Catalog, random: &mut SmallRng) {
        // Prefers a function whose arguments are at hand.
        for attempt in 0..30 {
            let Some((package, module, function)) = catalog.functions.choose(random) else {
                return;
            };
            let type_arguments: Vec<TypeTag> = function
                .type_parameters
                .iter()
                .map(|needed| self.type_argument(*needed, random))
                .collect();
            let hopeless = function.parameters.iter().any(|signature| {
                let text = text_of(signature, &type_arguments);
                let plain = text.trim_start_matches("&mut ").trim_start_matches('&');
                !plain.ends_with("::tx_context::TxContext")
                    && self.literal(plain, random).is_none()
                    && self.fitting(plain, plain == text).is_empty()
            });
            if !hopeless || attempt == 29 {
                self.call_function((package, module, function), type_arguments, random);
                return;
            }
        }
    }

    fn call_function(
        &mut self,
        (package, module, function): (&Address, &str, &FunctionDeclaration),
        type_arguments: Vec<TypeTag>,
        random: &mut SmallRng,
    ) {
        let text = |signature: &Signature| text_of(signature, &type_arguments);
        let parameters: Vec<String> = function
            .parameters
            .iter()
            .map(text)
            .filter(|text| !text.ends_with("::tx_context::TxContext"))
            .collect();
        let returns: Vec<String> = function.returns.iter().map(text).collect();
        let arguments = parameters
            .iter()
            .map(|wanted| self.argument(wanted, random))
            .collect();
        self.body.command(Command::MoveCall(MoveCall {
            package: *package,
            module: Identifier::new(module).unwrap(),
            function: Identifier::new(&function.name).unwrap(),
            type_arguments,
            arguments,
        }));
        self.results(returns);
    }

    fn type_argument(&self, needed: AbilitySet, random: &mut SmallRng) -> TypeTag {
        if needed.has(AbilitySet::COPY) && !one_in(random, 10) {
            return TypeTag::U64;
        }
        if needed.has(AbilitySet::KEY) && !one_in(random, 10) {
            return StructTag::gas_coin().into();
        }
        self.types.choose(random).cloned().unwrap_or(TypeTag::U8)
    }

    fn results(&mut self, texts: Vec<String>) {
        let command = self.body.0.commands.len() as u16 - 1;
        for (index, text) in texts.into_iter().enumerate() {
            self.known
                .push((Argument::NestedResult(command, index as u16), text));
        }
    }
}

fn operands(command: &Command) -> Vec<Argument> {
    match command {
        Command::MoveCall(call) => call.arguments.clone(),
        Command::TransferObjects(transfer) => transfer.objects.clone(),
        Command::MergeCoins(merge) => merge.coins_to_merge.clone(),
        Command::MakeMoveVector(make) => make.elements.clone(),
        _ => Vec::new(),
    }
}

/// The text of a declared type with type arguments filled in, as type tags print themselves.
fn text_of(signature: &Signature, arguments: &[TypeTag]) -> String {
    let inner = |signature: &Signature| text_of(signature, arguments);
    match signature {
        Signature::Reference(target) => format!("&{}", inner(target)),
        Signature::MutableReference(target) => format!("&mut {}", inner(target)),
        other => {
            conservation::closed(other, arguments).map_or_else(String::new, |tag| tag.to_string())
        }
    }
}
