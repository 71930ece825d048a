//! Type checking of the operand stack, block by block (stage V3). A block starts and ends with an empty stack, except that a
//! block which returns ends with the results.

use std::{collections::BTreeSet, sync::Arc};

use crate::{
    error::VmResult,
    format::{Code, CompiledModule, Instruction, Operand, Token, entry_index},
    loader::{Context, Function, LinkedModule, Loader},
    types::{AbilitySet, DatatypeBody, Field, Type},
};

use super::{Work, refused, well_formed};

/// The type of a datatype of this module in terms of its own parameters.
pub(super) fn own_datatype(
    loader: &Loader<'_>,
    context: &Context,
    module: &CompiledModule,
    handle: u16,
) -> VmResult<Type> {
    let entry = module
        .datatype_handles
        .get(usize::from(handle))
        .ok_or_else(|| refused("datatype handle"))?;
    let arguments = (0..entry.parameters.len())
        .map(|index| entry_index(index).map(Token::Param))
        .collect::<VmResult<_>>()?;
    loader.token(context, module, &Token::Datatype(handle, arguments))
}

struct Checker<'c, 'a> {
    loader: &'c Loader<'a>,
    context: &'c Context,
    linked: &'c Arc<LinkedModule>,
    module: &'c CompiledModule,
    function: &'c Function,
    code: &'c Code,
    locals: &'c [Type],
    work: &'c Work,
    stack: Vec<Type>,
    /// Lowest height of the stack during the instruction: it pops first and pushes then.
    low: usize,
}

/// A function whose code is checked.
pub(super) struct Subject<'c> {
    pub(super) function: &'c Function,
    pub(super) code: &'c Code,
    /// Types of its locals, parameters included.
    pub(super) locals: &'c [Type],
    /// First instructions of its blocks.
    pub(super) leaders: &'c BTreeSet<usize>,
}

/// Checks the code of one function.
pub(super) fn check(
    loader: &Loader<'_>,
    context: &Context,
    linked: &Arc<LinkedModule>,
    subject: &Subject<'_>,
    work: &Work,
) -> VmResult<()> {
    let Subject {
        function,
        code,
        locals,
        leaders,
    } = *subject;
    let module = &linked.compiled;
    let mut checker = Checker {
        loader,
        context,
        linked,
        module,
        function,
        code,
        locals,
        work,
        stack: Vec::new(),
        low: 0,
    };
    let mut pushes = 0usize;
    for (pc, instruction) in code.instructions.iter().enumerate() {
        if leaders.contains(&pc) {
            pushes = 0;
        }
        checker.low = checker.stack.len();
        checker.instruction(instruction)?;
        pushes = pushes.saturating_add(checker.stack.len().saturating_sub(checker.low));
        if pushes > crate::limits::BLOCK_PUSHES {
            return Err(refused("a basic block pushes too many values"));
        }
        if leaders.contains(&(pc + 1)) && !checker.stack.is_empty() {
            return Err(refused(format!(
                "stack is not empty after instruction {pc}"
            )));
        }
        if checker.stack.len() > crate::limits::OPERAND_STACK {
            return Err(refused("operand stack overflow"));
        }
    }
    Ok(())
}

fn is_integer(ty: &Type) -> bool {
    matches!(
        ty,
        Type::U8 | Type::U16 | Type::U32 | Type::U64 | Type::U128 | Type::U256
    )
}

impl Checker<'_, '_> {
    fn pop(&mut self) -> VmResult<Type> {
        let ty = self.stack.pop().ok_or_else(|| refused("stack underflow"))?;
        self.low = self.low.min(self.stack.len());
        Ok(ty)
    }

    fn expect(&mut self, expected: &Type) -> VmResult<()> {
        let actual = self.pop()?;
        let same = actual == *expected
            || matches!((&actual, expected), (Type::MutableReference(actual), Type::Reference(wanted)) if actual == wanted);
        if same {
            Ok(())
        } else {
            Err(refused(format!("{expected} expected, {actual} found")))
        }
    }

    fn has(&self, ty: &Type, ability: AbilitySet) -> VmResult<()> {
        if ty.abilities(&self.function.type_parameters).has(ability) {
            Ok(())
        } else {
            Err(refused("a value lacks an ability"))
        }
    }

    fn local(&self, index: u16) -> VmResult<Type> {
        self.locals
            .get(usize::from(index))
            .cloned()
            .ok_or_else(|| refused("local out of range"))
    }

    fn arguments(&self, signature: u16) -> VmResult<Vec<Type>> {
        let types =
            self.loader
                .tokens(self.context, self.module, self.module.signature(signature))?;
        types
            .iter()
            .try_for_each(|ty| well_formed(ty, &self.function.type_parameters))?;
        Ok(types)
    }

    /// A datatype of this module with type arguments.
    fn datatype(&self, handle: u16, arguments: Vec<Type>) -> VmResult<Type> {
        let Type::Datatype(datatype, parameters) =
            own_datatype(self.loader, self.context, self.module, handle)?
        else {
            return Err(refused("datatype expected"));
        };
        if parameters.len() != arguments.len() {
            return Err(refused("number of type arguments"));
        }
        let ty = Type::Datatype(datatype, arguments.into());
        well_formed(&ty, &self.function.type_parameters)?;
        Ok(ty)
    }

    fn struct_type(&self, index: u16, generic: bool) -> VmResult<Type> {
        let (def, arguments) = if generic {
            let entry = self.module.struct_instantiations.get(usize::from(index));
            let entry = entry.ok_or_else(|| refused("struct instantiation"))?;
            (entry.base, self.arguments(entry.arguments)?)
        } else {
            (index, Vec::new())
        };
        let def = self
            .module
            .struct_defs
            .get(usize::from(def))
            .ok_or_else(|| refused("struct definition"))?;
        self.datatype(def.handle, arguments)
    }

    fn variant_type(&self, index: u16, generic: bool) -> VmResult<(Type, u16)> {
        let (def, tag, arguments) = if generic {
            let handle = self.module.variant_instantiations.get(usize::from(index));
            let handle = handle.ok_or_else(|| refused("variant"))?;
            let entry = self
                .module
                .enum_instantiations
                .get(usize::from(handle.owner));
            let entry = entry.ok_or_else(|| refused("enum instantiation"))?;
            (entry.base, handle.tag, self.arguments(entry.arguments)?)
        } else {
            let handle = self
                .module
                .variant_handles
                .get(usize::from(index))
                .ok_or_else(|| refused("variant"))?;
            (handle.owner, handle.tag, Vec::new())
        };
        let def = self
            .module
            .enum_defs
            .get(usize::from(def))
            .ok_or_else(|| refused("enum definition"))?;
        Ok((self.datatype(def.handle, arguments)?, tag))
    }

    /// Field types of a struct, or of one variant of an enum.
    fn fields(&self, ty: &Type, tag: Option<u16>) -> VmResult<Vec<Type>> {
        let Type::Datatype(datatype, arguments) = ty else {
            return Err(refused("datatype expected"));
        };
        let fields: &[Field] = match (&datatype.body, tag) {
            (DatatypeBody::Struct(fields), None) => fields,
            (DatatypeBody::Enum(variants), Some(tag)) => {
                &variants
                    .get(usize::from(tag))
                    .ok_or_else(|| refused("unknown variant"))?
                    .fields
            }
            _ => return Err(refused("struct and enum confused")),
        };
        fields
            .iter()
            .map(|field| self.work.made(field.ty.substitute(arguments)?))
            .collect()
    }

    fn pack(&mut self, ty: Type, tag: Option<u16>) -> VmResult<()> {
        for field in self.fields(&ty, tag)?.iter().rev() {
            self.expect(field)?;
        }
        self.stack.push(ty);
        Ok(())
    }

    fn unpack(&mut self, ty: &Type, tag: Option<u16>) -> VmResult<()> {
        self.expect(ty)?;
        let fields = self.fields(ty, tag)?;
        self.stack.extend(fields);
        Ok(())
    }

    fn borrow_variant(&mut self, ty: &Type, tag: u16, mutable: bool) -> VmResult<()> {
        let wrap = |ty: Type| wrap(ty, mutable);
        self.expect(&wrap(ty.clone()))?;
        let fields = self.fields(ty, Some(tag))?;
        self.stack.extend(fields.into_iter().map(wrap));
        Ok(())
    }

    fn borrow_field(&mut self, index: u16, generic: bool, mutable: bool) -> VmResult<()> {
        let (handle, arguments) = if generic {
            let entry = self.module.field_instantiations.get(usize::from(index));
            let entry = entry.ok_or_else(|| refused("field instantiation"))?;
            (entry.base, self.arguments(entry.arguments)?)
        } else {
            (index, Vec::new())
        };
        let handle = self
            .module
            .field_handles
            .get(usize::from(handle))
            .ok_or_else(|| refused("field handle"))?;
        let def = self
            .module
            .struct_defs
            .get(usize::from(handle.owner))
            .ok_or_else(|| refused("struct"))?;
        let ty = self.datatype(def.handle, arguments)?;
        let field = self
            .fields(&ty, None)?
            .into_iter()
            .nth(usize::from(handle.field));
        self.expect(&wrap(ty, mutable))?;
        self.stack.push(wrap(
            field.ok_or_else(|| refused("field out of range"))?,
            mutable,
        ));
        Ok(())
    }

    fn call(&mut self, handle: u16, arguments: &[Type]) -> VmResult<()> {
        let (_, target) = self.loader.handle(self.context, self.linked, handle)?;
        if target.type_parameters.len() != arguments.len() {
            return Err(refused("number of type arguments of a call"));
        }
        for (constraint, argument) in target.type_parameters.iter().zip(arguments) {
            self.has(argument, *constraint)?;
        }
        for parameter in target.parameters.iter().rev() {
            self.expect(&self.work.made(parameter.substitute(arguments)?)?)?;
        }
        for result in &target.returns {
            self.stack
                .push(self.work.made(result.substitute(arguments)?)?);
        }
        Ok(())
    }

    fn instruction(&mut self, instruction: &Instruction) -> VmResult<()> {
        match &instruction.operand {
            Operand::None => self.simple(instruction.code),
            Operand::U8(_) => self.push(Type::U8),
            Operand::U16(_) => self.push(Type::U16),
            Operand::U32(_) => self.push(Type::U32),
            Operand::U64(_) => self.push(Type::U64),
            Operand::U128(_) => self.push(Type::U128),
            Operand::U256(_) => self.push(Type::U256),
            Operand::Index(index) => self.indexed(instruction.code, *index),
            Operand::Vector(signature, count) => {
                let element = self.element(*signature)?;
                if *count > 65_535 {
                    return Err(refused("vector instruction with too many elements"));
                }
                if instruction.code == 0x40 {
                    (0..*count).try_for_each(|_| self.expect(&element))?;
                    self.push(Type::Vector(Arc::new(element)))
                } else {
                    self.expect(&Type::Vector(Arc::new(element.clone())))?;
                    if *count > crate::limits::OPERAND_STACK as u64 {
                        return Err(refused("operand stack overflow"));
                    }
                    (0..*count).try_for_each(|_| self.push(element.clone()))
                }
            }
        }
    }

    fn push(&mut self, ty: Type) -> VmResult<()> {
        self.stack.push(ty);
        Ok(())
    }

    fn element(&self, signature: u16) -> VmResult<Type> {
        self.arguments(signature)?
            .into_iter()
            .next()
            .ok_or_else(|| refused("vector instruction without type"))
    }

    fn simple(&mut self, code: u8) -> VmResult<()> {
        match code {
            0x01 => {
                let ty = self.pop()?;
                self.has(&ty, AbilitySet::DROP)
            }
            0x02 => {
                for result in self.function.returns.clone().iter().rev() {
                    self.expect(result)?;
                }
                Ok(())
            }
            0x08 | 0x09 => self.push(Type::Bool),
            0x14 => {
                let target = self.pop_reference()?;
                self.has(&target, AbilitySet::COPY)?;
                self.push(target)
            }
            0x15 => {
                let Type::MutableReference(target) = self.pop()? else {
                    return Err(refused("&mut expected"));
                };
                self.has(&target, AbilitySet::DROP)?;
                self.expect(&target)
            }
            0x16..=0x1D => {
                let ty = self.same_integers()?;
                self.push(ty)
            }
            0x1E | 0x1F => {
                self.expect(&Type::Bool)?;
                self.expect(&Type::Bool)?;
                self.push(Type::Bool)
            }
            0x20 => {
                self.expect(&Type::Bool)?;
                self.push(Type::Bool)
            }
            0x21 | 0x22 => {
                let right = self.pop()?;
                let left = self.pop()?;
                self.has(&left, AbilitySet::DROP)?;
                let same = match (&left, &right) {
                    (
                        Type::Reference(left) | Type::MutableReference(left),
                        Type::Reference(right) | Type::MutableReference(right),
                    ) => left == right,
                    _ => left == right,
                };
                if same {
                    self.push(Type::Bool)
                } else {
                    Err(refused("comparison of different types"))
                }
            }
            0x23..=0x26 => {
                self.same_integers()?;
                self.push(Type::Bool)
            }
            0x27 => {
                self.expect(&Type::U64)?;
                // The values below vanish with the transaction.
                self.stack.clear();
                Ok(())
            }
            0x2E => match self.pop()? {
                Type::MutableReference(target) => self.push(Type::Reference(target)),
                _ => Err(refused("&mut expected")),
            },
            0x2F | 0x30 => {
                self.expect(&Type::U8)?;
                let ty = self.pop_integer()?;
                self.push(ty)
            }
            0x33 => self.cast(Type::U8),
            0x34 => self.cast(Type::U64),
            0x35 => self.cast(Type::U128),
            0x4B => self.cast(Type::U16),
            0x4C => self.cast(Type::U32),
            0x4D => self.cast(Type::U256),
            _ => Ok(()),
        }
    }

    fn cast(&mut self, to: Type) -> VmResult<()> {
        self.pop_integer()?;
        self.push(to)
    }

    fn pop_integer(&mut self) -> VmResult<Type> {
        let ty = self.pop()?;
        if is_integer(&ty) {
            Ok(ty)
        } else {
            Err(refused("integer expected"))
        }
    }

    fn same_integers(&mut self) -> VmResult<Type> {
        let (right, left) = (self.pop_integer()?, self.pop_integer()?);
        if left == right {
            Ok(left)
        } else {
            Err(refused("integers of different types"))
        }
    }

    fn pop_reference(&mut self) -> VmResult<Type> {
        match self.pop()? {
            Type::Reference(target) | Type::MutableReference(target) => Ok((*target).clone()),
            _ => Err(refused("reference expected")),
        }
    }

    fn indexed(&mut self, code: u8, index: u16) -> VmResult<()> {
        match code {
            0x03 | 0x04 => self.expect(&Type::Bool),
            0x05 => Ok(()),
            0x07 => {
                let constant = self
                    .module
                    .constants
                    .get(usize::from(index))
                    .ok_or_else(|| refused("constant"))?;
                let ty = self
                    .loader
                    .token(self.context, self.module, &constant.token)?;
                self.push(ty)
            }
            0x0A => {
                let ty = self.local(index)?;
                self.has(&ty, AbilitySet::COPY)?;
                self.push(ty)
            }
            0x0B => {
                let ty = self.local(index)?;
                self.push(ty)
            }
            0x0C => {
                let ty = self.local(index)?;
                self.expect(&ty)
            }
            0x0D | 0x0E => {
                let ty = self.local(index)?;
                if matches!(ty, Type::Reference(_) | Type::MutableReference(_)) {
                    return Err(refused("reference to a reference"));
                }
                self.push(wrap(ty, code == 0x0D))
            }
            0x0F | 0x10 => self.borrow_field(index, false, code == 0x0F),
            0x36 | 0x37 => self.borrow_field(index, true, code == 0x36),
            0x11 => self.call(index, &[]),
            0x38 => {
                let entry = self.module.function_instantiations.get(usize::from(index));
                let entry = entry.ok_or_else(|| refused("function instantiation"))?;
                let arguments = self.arguments(entry.arguments)?;
                self.call(entry.base, &arguments)
            }
            0x12 | 0x39 => {
                let ty = self.struct_type(index, code == 0x39)?;
                self.pack(ty, None)
            }
            0x13 | 0x3A => {
                let ty = self.struct_type(index, code == 0x3A)?;
                self.unpack(&ty, None)
            }
            0x41..=0x45 | 0x47 => self.vector(code, index),
            0x4E | 0x4F => {
                let (ty, tag) = self.variant_type(index, code == 0x4F)?;
                self.pack(ty, Some(tag))
            }
            0x50 | 0x53 => {
                let (ty, tag) = self.variant_type(index, code == 0x53)?;
                self.unpack(&ty, Some(tag))
            }
            0x51 | 0x52 | 0x54 | 0x55 => {
                let (ty, tag) = self.variant_type(index, code >= 0x53)?;
                self.borrow_variant(&ty, tag, matches!(code, 0x52 | 0x55))
            }
            0x56 => self.switch(index),
            _ => Err(refused("unknown instruction")),
        }
    }

    fn switch(&mut self, index: u16) -> VmResult<()> {
        let table = self
            .code
            .jump_tables
            .get(usize::from(index))
            .ok_or_else(|| refused("jump table"))?;
        let def = self
            .module
            .enum_defs
            .get(usize::from(table.enum_def))
            .ok_or_else(|| refused("enum"))?;
        let own = own_datatype(self.loader, self.context, self.module, def.handle)?;
        match (self.pop_reference()?, own) {
            (Type::Datatype(actual, _), Type::Datatype(own, _)) if actual == own => Ok(()),
            _ => Err(refused("switch over another type")),
        }
    }

    fn vector(&mut self, code: u8, signature: u16) -> VmResult<()> {
        let element = self.element(signature)?;
        let vector = Type::Vector(Arc::new(element.clone()));
        match code {
            0x41 => {
                self.expect(&wrap(vector, false))?;
                self.push(Type::U64)
            }
            0x42 | 0x43 => {
                self.expect(&Type::U64)?;
                self.expect(&wrap(vector, code == 0x43))?;
                self.push(wrap(element, code == 0x43))
            }
            0x44 => {
                self.expect(&element)?;
                self.expect(&wrap(vector, true))
            }
            0x45 => {
                self.expect(&wrap(vector, true))?;
                self.push(element)
            }
            _ => {
                self.expect(&Type::U64)?;
                self.expect(&Type::U64)?;
                self.expect(&wrap(vector, true))
            }
        }
    }
}

fn wrap(ty: Type, mutable: bool) -> Type {
    if mutable {
        Type::MutableReference(Arc::new(ty))
    } else {
        Type::Reference(Arc::new(ty))
    }
}
