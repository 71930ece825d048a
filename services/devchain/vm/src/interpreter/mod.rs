//! Interpreter loop (devchain spec 3.2 to 3.4).

mod arithmetic;
mod frame;
#[cfg(test)]
mod limit_tests;
pub(crate) mod vector;

use std::sync::Arc;

use crate::{
    error::{VmError, VmResult},
    host::{NativeError, NativeFunction, State},
    limits,
    loader::{Context, Function, LinkedModule, Loader, Op},
    types::Type,
    value::{Reference, Value},
};

use frame::{Frame, Local};

/// Runs one call tree.
pub(crate) struct Interpreter<'s, 'a> {
    loader: &'s Loader<'a>,
    state: &'s mut State<'a>,
    context: Arc<Context>,
    stack: Vec<Value>,
    locals: Vec<Local>,
    frames: Vec<Frame>,
}

/// What the inner loop stopped for.
enum Step {
    Call(Arc<LinkedModule>, Arc<Function>, Arc<[Type]>),
    Return,
}

impl<'s, 'a> Interpreter<'s, 'a> {
    pub(crate) fn new(
        loader: &'s Loader<'a>,
        state: &'s mut State<'a>,
        context: Arc<Context>,
    ) -> Self {
        Self {
            loader,
            state,
            context,
            stack: Vec::with_capacity(32),
            locals: Vec::with_capacity(64),
            frames: Vec::new(),
        }
    }

    /// Calls a function with its arguments and returns its results.
    pub(crate) fn run(
        mut self,
        module: Arc<LinkedModule>,
        function: Arc<Function>,
        type_arguments: Arc<[Type]>,
        arguments: Vec<Value>,
    ) -> VmResult<Vec<Value>> {
        let results = function.returns.len();
        self.stack.extend(arguments);
        self.enter(module, function, type_arguments)?;
        while let Some(mut frame) = self.frames.pop() {
            match self.step(&mut frame) {
                Ok(Step::Return) => self.locals.truncate(frame.base),
                Ok(Step::Call(module, function, type_arguments)) => {
                    self.frames.push(frame);
                    self.enter(module, function, type_arguments)?;
                }
                Err(error) => return Err(locate(error, &frame.module, &frame.function, frame.pc)),
            }
        }
        if self.stack.len() == results {
            Ok(self.stack)
        } else {
            Err(VmError::invariant("wrong number of results"))
        }
    }

    /// Enters a function whose arguments are on the stack; natives run at once.
    fn enter(
        &mut self,
        module: Arc<LinkedModule>,
        function: Arc<Function>,
        types: Arc<[Type]>,
    ) -> VmResult<()> {
        use crate::loader::Body;
        let count = function.parameters.len();
        let from = self
            .stack
            .len()
            .checked_sub(count)
            .ok_or_else(|| VmError::invariant("stack underflow"))?;
        match &function.body {
            Body::Code(_) => self.enter_code(module, function, types, from),
            Body::Native(native) => self.call_native(*native, &module, &function, &types, from),
            Body::Missing => Err(VmError::NativeMissing {
                package: module.original_id,
                module: module.name.clone(),
                function: function.name.clone(),
            }),
        }
    }

    /// Makes a frame of a function with code; its arguments are on the stack behind `from`.
    fn enter_code(
        &mut self,
        module: Arc<LinkedModule>,
        function: Arc<Function>,
        types: Arc<[Type]>,
        from: usize,
    ) -> VmResult<()> {
        if self.frames.len() >= limits::CALL_DEPTH {
            let error = VmError::primitive("call stack overflow");
            return Err(locate(error, &module, &function, 0));
        }
        let base = self.locals.len();
        self.locals
            .extend(self.stack.drain(from..).map(Local::Plain));
        self.locals
            .resize_with(base + function.locals, || Local::Empty);
        self.frames.push(Frame {
            module,
            function,
            types,
            base,
            pc: 0,
        });
        Ok(())
    }

    /// Runs a native; its arguments are on the stack behind `from`, where its results come.
    fn call_native(
        &mut self,
        native: NativeFunction,
        module: &LinkedModule,
        function: &Function,
        types: &Arc<[Type]>,
        from: usize,
    ) -> VmResult<()> {
        let mut arguments: Vec<Value> = self.stack.drain(from..).collect();
        let result = native(self.state, types, &mut arguments).and_then(|results| {
            let bytes = results.iter().map(Value::size).sum();
            self.state
                .gas
                .instruction(results.len() as u64, bytes, self.stack.len())?;
            Ok(results)
        });
        match result {
            Ok(results) => {
                if results.len() != function.returns.len() {
                    return Err(VmError::invariant(format!(
                        "native {} results",
                        function.name
                    )));
                }
                self.stack.extend(results);
                self.check_height()
            }
            Err(NativeError::Abort(code)) => Err(VmError::Abort {
                location: module.location(function, 0, true),
                code,
            }),
            Err(NativeError::Vm(error)) => Err(locate(error, module, function, 0)),
        }
    }

    fn check_height(&self) -> VmResult<()> {
        if self.stack.len() > limits::OPERAND_STACK {
            return Err(VmError::primitive("operand stack overflow"));
        }
        Ok(())
    }

    fn pop(&mut self) -> VmResult<Value> {
        self.stack
            .pop()
            .ok_or_else(|| VmError::invariant("stack underflow"))
    }

    fn pop_bool(&mut self) -> VmResult<bool> {
        match self.pop()? {
            Value::Bool(value) => Ok(value),
            _ => Err(VmError::invariant("bool expected")),
        }
    }

    fn pop_u64(&mut self) -> VmResult<u64> {
        match self.pop()? {
            Value::U64(value) => Ok(value),
            _ => Err(VmError::invariant("u64 expected")),
        }
    }

    fn pop_reference(&mut self) -> VmResult<Reference> {
        match self.pop()? {
            Value::Reference(reference) => Ok(reference),
            _ => Err(VmError::invariant("reference expected")),
        }
    }

    fn pop_many(&mut self, count: usize) -> VmResult<Vec<Value>> {
        let from = self
            .stack
            .len()
            .checked_sub(count)
            .ok_or_else(|| VmError::invariant("stack underflow"))?;
        Ok(self.stack.split_off(from))
    }

    fn push(&mut self, value: Value) -> VmResult<()> {
        if self.stack.len() >= limits::OPERAND_STACK {
            return Err(VmError::primitive("operand stack overflow"));
        }
        self.stack.push(value);
        Ok(())
    }

    fn charge(&mut self, pushed: u64, bytes: u64) -> VmResult<()> {
        self.state.gas.instruction(pushed, bytes, self.stack.len())
    }

    fn local(&mut self, frame: &Frame, index: u16) -> VmResult<&mut Local> {
        if usize::from(index) >= frame.function.locals {
            return Err(VmError::invariant("local out of range"));
        }
        self.locals
            .get_mut(frame.base + usize::from(index))
            .ok_or_else(|| VmError::invariant("local out of range"))
    }

    /// Runs until the frame calls or returns; `frame.pc` is the instruction to go on with (or that failed).
    fn step(&mut self, frame: &mut Frame) -> VmResult<Step> {
        let function = frame.function.clone();
        let crate::loader::Body::Code(code) = &function.body else {
            return Err(VmError::invariant("frame without code"));
        };
        loop {
            let op = code
                .get(frame.pc)
                .ok_or_else(|| VmError::invariant("program counter out of range"))?;
            #[cfg(feature = "coverage")]
            if let Some(executed) = function.executed.get(frame.pc) {
                executed.store(true, std::sync::atomic::Ordering::Relaxed);
            }
            match op {
                Op::Ret => {
                    self.charge(0, 0)?;
                    return Ok(Step::Return);
                }
                Op::Call(handle) => {
                    self.charge(0, 0)?;
                    let (module, target) =
                        self.loader.handle(&self.context, &frame.module, *handle)?;
                    frame.pc += 1;
                    return Ok(Step::Call(module, target, Arc::new([])));
                }
                Op::CallGeneric(handle, arguments) => {
                    self.charge(0, 0)?;
                    let types = if arguments.open {
                        let mut closed = Vec::with_capacity(arguments.types.len());
                        for ty in arguments.types.iter() {
                            let ty = ty.substitute(&frame.types)?;
                            ty.check_size()?;
                            closed.push(ty);
                        }
                        closed.into()
                    } else {
                        arguments.types.clone()
                    };
                    check_instantiation(&frame.types, &types)?;
                    let (module, target) =
                        self.loader.handle(&self.context, &frame.module, *handle)?;
                    frame.pc += 1;
                    return Ok(Step::Call(module, target, types));
                }
                Op::Branch(target) => {
                    self.charge(0, 0)?;
                    frame.pc = usize::from(*target);
                    continue;
                }
                Op::BrTrue(target) | Op::BrFalse(target) => {
                    self.charge(0, 0)?;
                    if self.pop_bool()? == matches!(op, Op::BrTrue(_)) {
                        frame.pc = usize::from(*target);
                        continue;
                    }
                }
                Op::Switch(targets) => {
                    self.charge(0, 0)?;
                    let tag = self.pop_reference()?.look(|value| match value {
                        Value::Variant(tag, _) => Ok(*tag),
                        _ => Err(VmError::invariant("enum expected")),
                    })?;
                    let target = targets
                        .get(usize::from(tag))
                        .ok_or_else(|| VmError::invariant("jump table"))?;
                    frame.pc = usize::from(*target);
                    continue;
                }
                Op::Abort => {
                    self.charge(0, 0)?;
                    let code = self.pop_u64()?;
                    return Err(VmError::Abort {
                        location: frame.module.location(&function, frame.pc, true),
                        code,
                    });
                }
                op => self.plain(frame, op)?,
            }
            frame.pc += 1;
        }
    }

    /// Instructions that neither call nor jump.
    fn plain(&mut self, frame: &Frame, op: &Op) -> VmResult<()> {
        match op {
            Op::Pop => {
                self.charge(0, 0)?;
                self.pop().map(drop)
            }
            Op::U64(value) => {
                self.charge(1, 8)?;
                self.push(Value::U64(*value))
            }
            Op::Bool(value) => {
                self.charge(1, 1)?;
                self.push(Value::Bool(*value))
            }
            Op::Constant(constant) => {
                let (value, bytes) = constant.load()?;
                self.charge(1, bytes)?;
                self.state.gas.values(value.count())?;
                self.push(value)
            }
            Op::CopyLoc(index) => {
                let (size, count) = self.local(frame, *index)?.size()?;
                self.charge(1, size)?;
                self.state.gas.values(count)?;
                let value = self.local(frame, *index)?.copy()?;
                self.push(value)
            }
            Op::MoveLoc(index) => {
                self.charge(1, 8)?;
                let value = self.local(frame, *index)?.take()?;
                self.push(value)
            }
            Op::StLoc(index) => {
                self.charge(0, 0)?;
                let value = self.pop()?;
                *self.local(frame, *index)? = Local::Plain(value);
                Ok(())
            }
            Op::BorrowLoc(index) => {
                self.charge(1, 8)?;
                let reference = self.local(frame, *index)?.borrow()?;
                self.push(Value::Reference(reference))
            }
            Op::BorrowField(field) => {
                self.charge(1, 8)?;
                let reference = self.pop_reference()?;
                self.push(Value::Reference(reference.child(u32::from(*field))))
            }
            Op::Pack(count) => {
                let items = self.pop_many(usize::from(*count))?;
                self.charge(1, 2)?;
                self.state.gas.values(u64::from(*count))?;
                self.push(Value::Struct(items))
            }
            Op::Unpack(count) => match self.pop()? {
                Value::Struct(items) if items.len() == usize::from(*count) => self.spread(items),
                _ => Err(VmError::invariant("struct expected")),
            },
            Op::PackVariant(tag, count) => {
                let items = self.pop_many(usize::from(*count))?;
                self.charge(1, 2)?;
                self.state.gas.values(u64::from(*count))?;
                self.push(Value::Variant(*tag, items))
            }
            Op::UnpackVariant(tag) => match self.pop()? {
                Value::Variant(actual, items) if actual == *tag => self.spread(items),
                Value::Variant(..) => Err(VmError::primitive("variant mismatch")),
                _ => Err(VmError::invariant("enum expected")),
            },
            Op::BorrowVariant(tag) => self.borrow_variant(*tag),
            Op::ReadRef => {
                let reference = self.pop_reference()?;
                let (size, count) = reference.look(|value| Ok((value.size(), value.count())))?;
                self.charge(1, size)?;
                self.state.gas.values(count)?;
                let value = reference.read()?;
                self.push(value)
            }
            Op::WriteRef => {
                let reference = self.pop_reference()?;
                let value = self.pop()?;
                self.charge(0, value.size())?;
                reference.write(value)
            }
            Op::Freeze => self.charge(1, 8),
            Op::Nop => self.charge(0, 0),
            Op::Not => {
                self.charge(1, 1)?;
                let value = self.pop_bool()?;
                self.push(Value::Bool(!value))
            }
            Op::Binary(operation) => self.binary(*operation),
            Op::Cast(width) => self.cast(*width),
            op => self.vector(frame, op),
        }
    }

    fn spread(&mut self, items: Vec<Value>) -> VmResult<()> {
        self.charge(items.len() as u64, 0)?;
        self.stack.extend(items);
        self.check_height()
    }

    fn borrow_variant(&mut self, tag: u16) -> VmResult<()> {
        let reference = self.pop_reference()?;
        let count = reference.look(|value| match value {
            Value::Variant(actual, items) if *actual == tag => Ok(items.len()),
            Value::Variant(..) => Err(VmError::primitive("variant mismatch")),
            _ => Err(VmError::invariant("enum expected")),
        })?;
        self.charge(count as u64, 8 * count as u64)?;
        for index in 0..count {
            let field = reference.variant_child(tag, u16::try_from(index).unwrap_or(u16::MAX));
            self.push(Value::Reference(field))?;
        }
        Ok(())
    }
}

/// A function passes on type arguments as long as they and its own ones are small together, so that recursion does not
/// make ever larger types.
fn check_instantiation(own: &[Type], given: &[Type]) -> VmResult<()> {
    let nodes = own
        .iter()
        .chain(given)
        .map(|ty| ty.measure().0)
        .fold(1, usize::saturating_add);
    if nodes > limits::INSTANTIATION_NODES {
        return Err(VmError::primitive(format!(
            "the type arguments of a call and of its caller have {nodes} nodes, the limit is {}",
            limits::INSTANTIATION_NODES
        )));
    }
    Ok(())
}

/// Gives a primitive error its place, if it has none.
fn locate(error: VmError, module: &LinkedModule, function: &Function, pc: usize) -> VmError {
    match error {
        VmError::Primitive {
            location: None,
            message,
        } => VmError::Primitive {
            location: Some(module.location(function, pc, false)),
            message,
        },
        error => error,
    }
}
