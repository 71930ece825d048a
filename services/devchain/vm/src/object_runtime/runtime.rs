//! Record of what a session did to objects, and the store of its children.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet, HashMap},
    rc::Rc,
};

use sui_sdk_types::Address;

use super::{
    AccumulatorEvent, Event, InputOwner, LoadedChild, NewOwner, ObjectChanges, WrittenChild,
    WrittenObject,
};
use crate::{
    error::{VmError, VmResult},
    limits,
    store::{ChildStore, StoredObject},
    types::{AbilitySet, Type},
    value::{Value, bcs},
};

/// Why a child or a received object is not there; the numbers are abort codes of the natives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Absent {
    Missing,
    OtherType,
    Undecodable,
}

struct Child {
    parent: Address,
    stored: Option<(Address, StoredObject)>,
    /// Type of the current or the last value.
    ty: Option<Type>,
    value: Option<Rc<RefCell<Value>>>,
    /// Whether the stored value was taken or materialised, so that the store is no longer authoritative.
    touched: bool,
}

/// An object that was given an owner.
struct Transferred {
    /// Its place in the order of the first transfers of objects.
    place: usize,
    owner: NewOwner,
    ty: Type,
    value: Value,
}

impl Child {
    fn present(&self) -> bool {
        match &self.value {
            Some(cell) => cell
                .try_borrow()
                .map(|value| !matches!(*value, Value::Invalid))
                .unwrap_or(true),
            None => !self.touched && self.stored.is_some(),
        }
    }
}

pub(crate) struct ObjectRuntime {
    pub(crate) new_ids: BTreeSet<Address>,
    pub(crate) deleted_ids: BTreeSet<Address>,
    inputs: HashMap<Address, InputOwner>,
    transfers: BTreeMap<Address, Transferred>,
    children: BTreeMap<Address, Child>,
    received: BTreeMap<Address, u64>,
    events: Vec<Event>,
    event_count: usize,
    event_bytes: usize,
    pub(crate) accumulator_events: Vec<AccumulatorEvent>,
    /// Values decoded from the store and not yet counted by the meter.
    decoded: u64,
    id_limit: usize,
    child_limit: usize,
}

fn too_many(what: &str) -> VmError {
    VmError::primitive(format!("too many {what}"))
}

/// Ids of objects that only the system creates (devchain spec 2.6).
fn is_system_id(id: &Address) -> bool {
    let bytes = id.as_bytes();
    let (head, tail) = bytes.split_at(bytes.len().saturating_sub(2));
    head.iter().all(|byte| *byte == 0)
        && matches!(tail, [0, 0x5..=0xa | 0xc | 0xd] | [0x4, 0x3] | [0xa, 0xcc])
}

impl ObjectRuntime {
    pub(crate) fn new(system: bool) -> Self {
        Self {
            new_ids: BTreeSet::new(),
            deleted_ids: BTreeSet::new(),
            inputs: HashMap::new(),
            transfers: BTreeMap::new(),
            children: BTreeMap::new(),
            received: BTreeMap::new(),
            events: Vec::new(),
            event_count: 0,
            event_bytes: 0,
            accumulator_events: Vec::new(),
            decoded: 0,
            id_limit: if system {
                limits::SYSTEM_IDS
            } else {
                limits::IDS
            },
            child_limit: if system {
                limits::SYSTEM_CHILDREN
            } else {
                limits::CHILDREN
            },
        }
    }

    pub(crate) fn declare_input(&mut self, id: Address, owner: InputOwner) {
        self.inputs.insert(id, owner);
    }

    pub(crate) fn record_new(&mut self, id: Address) -> VmResult<()> {
        if self.deleted_ids.remove(&id) {
            return Ok(());
        }
        if self.new_ids.len() >= self.id_limit {
            return Err(too_many("new ids"));
        }
        self.new_ids.insert(id);
        Ok(())
    }

    pub(crate) fn record_deleted(&mut self, id: Address) -> VmResult<()> {
        if self.new_ids.remove(&id) {
            return Ok(());
        }
        if self.deleted_ids.len() >= self.id_limit {
            return Err(too_many("deleted ids"));
        }
        self.deleted_ids.insert(id);
        Ok(())
    }

    /// Records a transfer; `Ok(false)` if an object may not be shared.
    pub(crate) fn transfer(&mut self, owner: NewOwner, ty: Type, value: Value) -> VmResult<bool> {
        let id = value
            .object_id()
            .ok_or_else(|| VmError::invariant("transfer of something without an id"))?;
        let known = self.new_ids.contains(&id) || self.inputs.contains_key(&id);
        if is_system_id(&id) && !known {
            self.new_ids.insert(id);
        }
        if owner == NewOwner::Shared
            && !self.new_ids.contains(&id)
            && self.inputs.get(&id) != Some(&InputOwner::Shared)
        {
            return Ok(false);
        }
        if self.transfers.len() >= self.id_limit {
            return Err(too_many("transferred objects"));
        }
        let place = self.transfers.len();
        let place = self.transfers.get(&id).map_or(place, |last| last.place);
        let transferred = Transferred {
            place,
            owner,
            ty,
            value,
        };
        self.transfers.insert(id, transferred);
        Ok(true)
    }

    /// The owner that a transfer gave to an object.
    pub(crate) fn new_owner(&self, id: &Address) -> Option<NewOwner> {
        self.transfers.get(id).map(|transferred| transferred.owner)
    }

    fn child(
        &mut self,
        store: &dyn ChildStore,
        parent: Address,
        id: Address,
    ) -> VmResult<Option<&mut Child>> {
        let stale = match self.children.get(&id) {
            None => true,
            Some(child) => {
                child.parent != parent
                    && child.stored.is_none()
                    && !child.touched
                    && child.value.is_none()
            }
        };
        if stale {
            if self.children.len() >= self.child_limit {
                return Err(too_many("dynamic fields looked up"));
            }
            let stored = if self.new_ids.contains(&parent) {
                None
            } else {
                store.child(parent, id)?
            };
            let stored = stored.map(|object| (parent, object));
            self.children.insert(
                id,
                Child {
                    parent,
                    stored,
                    ty: None,
                    value: None,
                    touched: false,
                },
            );
        }
        Ok(self
            .children
            .get_mut(&id)
            .filter(|child| child.parent == parent))
    }

    pub(crate) fn has_child(
        &mut self,
        store: &dyn ChildStore,
        parent: Address,
        id: Address,
    ) -> VmResult<bool> {
        Ok(self
            .child(store, parent, id)?
            .is_some_and(|child| child.present()))
    }

    pub(crate) fn has_child_of(
        &mut self,
        store: &dyn ChildStore,
        parent: Address,
        id: Address,
        ty: &Type,
    ) -> VmResult<bool> {
        let Some(child) = self.child(store, parent, id)? else {
            return Ok(false);
        };
        if !child.present() {
            return Ok(false);
        }
        match (&child.ty, &child.stored) {
            (Some(actual), _) => Ok(actual == ty),
            (None, Some((_, stored))) => Ok(stored.object_type == ty.to_struct_tag()?),
            (None, None) => Ok(false),
        }
    }

    /// The cell of a child of type `ty`, materialised if need be, and its size when it was loaded now.
    pub(crate) fn borrow_child(
        &mut self,
        store: &dyn ChildStore,
        parent: Address,
        id: Address,
        ty: &Type,
    ) -> VmResult<Result<Rc<RefCell<Value>>, Absent>> {
        let Some(child) = self.child(store, parent, id)? else {
            return Ok(Err(Absent::Missing));
        };
        if let Some(actual) = &child.ty
            && actual != ty
        {
            return Ok(Err(Absent::OtherType));
        }
        let mut decoded = 0;
        if let (None, Some((_, stored)), false) = (&child.value, &child.stored, child.touched) {
            if stored.object_type != ty.to_struct_tag()? {
                return Ok(Err(Absent::OtherType));
            }
            let Ok(value) = bcs::decode(ty, &stored.contents) else {
                return Ok(Err(Absent::Undecodable));
            };
            decoded = value.count();
            child.value = Some(Rc::new(RefCell::new(value)));
            child.ty = Some(ty.clone());
            child.touched = true;
        }
        let found = match &child.value {
            Some(cell) if child.present() => Ok(cell.clone()),
            _ => Err(Absent::Missing),
        };
        self.decoded = self.decoded.saturating_add(decoded);
        Ok(found)
    }

    /// Values decoded from the store since the last call.
    pub(crate) fn take_decoded(&mut self) -> u64 {
        std::mem::take(&mut self.decoded)
    }

    pub(crate) fn remove_child(
        &mut self,
        store: &dyn ChildStore,
        parent: Address,
        id: Address,
        ty: &Type,
    ) -> VmResult<Result<Value, Absent>> {
        let cell = match self.borrow_child(store, parent, id, ty)? {
            Ok(cell) => cell,
            Err(absent) => return Ok(Err(absent)),
        };
        let mut place = cell
            .try_borrow_mut()
            .map_err(|_| VmError::invariant("child is borrowed"))?;
        Ok(Ok(std::mem::take(&mut *place)))
    }

    pub(crate) fn add_child(&mut self, parent: Address, ty: Type, value: Value) -> VmResult<()> {
        let id = value
            .object_id()
            .ok_or_else(|| VmError::invariant("child without an id"))?;
        if self.children.len() >= self.child_limit && !self.children.contains_key(&id) {
            return Err(too_many("dynamic fields"));
        }
        let child = self.children.entry(id).or_insert_with(|| Child {
            parent,
            stored: None,
            ty: None,
            value: None,
            touched: true,
        });
        if child.present() {
            return Err(VmError::invariant("child exists already"));
        }
        child.parent = parent;
        child.ty = Some(ty);
        child.value = Some(Rc::new(RefCell::new(value)));
        child.touched = true;
        Ok(())
    }

    pub(crate) fn receive(
        &mut self,
        store: &dyn ChildStore,
        parent: Address,
        id: Address,
        version: u64,
        ty: &Type,
    ) -> VmResult<Result<Value, Absent>> {
        if self.received.contains_key(&id) || self.new_ids.contains(&parent) {
            return Ok(Err(Absent::Missing));
        }
        let Some(stored) = store.receivable(parent, id, version)? else {
            return Ok(Err(Absent::Missing));
        };
        if stored.object_type != ty.to_struct_tag()? {
            return Ok(Err(Absent::OtherType));
        }
        let Ok(value) = bcs::decode(ty, &stored.contents) else {
            return Ok(Err(Absent::Undecodable));
        };
        self.decoded = self.decoded.saturating_add(value.count());
        self.received.insert(id, version);
        Ok(Ok(value))
    }

    pub(crate) fn emit(&mut self, ty: &Type, value: &Value) -> VmResult<usize> {
        let event = Event {
            event_type: ty.to_struct_tag()?,
            contents: bcs::encode(value)?,
        };
        let tag = ::bcs::serialized_size(&event.event_type)
            .map_err(|_| VmError::invariant("size of an event type"))?;
        let size = event.contents.len().saturating_add(tag);
        self.event_count += 1;
        self.event_bytes = self.event_bytes.saturating_add(size);
        if self.event_count > limits::EVENTS
            || size > limits::EVENT_BYTES
            || self.event_bytes > limits::EVENTS_BYTES
        {
            return Err(too_many("or too large events"));
        }
        self.events.push(event);
        Ok(size)
    }

    pub(crate) fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    pub(crate) fn finish(self, ids_created: u64) -> VmResult<ObjectChanges> {
        let mut changes = ObjectChanges {
            new_ids: self.new_ids,
            deleted_ids: self.deleted_ids,
            received: self.received,
            accumulator_events: self.accumulator_events,
            ids_created,
            ..ObjectChanges::default()
        };
        for (id, transferred) in self.transfers {
            let Transferred {
                owner, ty, value, ..
            } = transferred;
            let written = WrittenObject {
                owner,
                object_type: ty.to_struct_tag()?,
                contents: bcs::encode(&value)?,
                has_public_transfer: ty.abilities(&[]).has(AbilitySet::STORE),
            };
            changes.written.insert(id, written);
        }
        for (id, child) in self.children {
            finish_child(&mut changes, id, &child)?;
        }
        Ok(changes)
    }
}

fn finish_child(changes: &mut ObjectChanges, id: Address, child: &Child) -> VmResult<()> {
    if let (Some((parent, stored)), true) = (&child.stored, child.touched) {
        let removed = !child.present();
        changes.loaded_children.insert(
            id,
            LoadedChild {
                parent: *parent,
                version: stored.version,
                removed,
            },
        );
    }
    let (Some(cell), Some(ty), true) = (&child.value, &child.ty, child.present()) else {
        return Ok(());
    };
    let value = cell
        .try_borrow()
        .map_err(|_| VmError::invariant("child is borrowed"))?;
    let written = WrittenChild {
        parent: child.parent,
        object_type: ty.to_struct_tag()?,
        contents: bcs::encode(&value)?,
        has_public_transfer: ty.abilities(&[]).has(AbilitySet::STORE),
    };
    let unchanged = child.stored.as_ref().is_some_and(|(parent, stored)| {
        *parent == written.parent
            && stored.object_type == written.object_type
            && stored.contents == written.contents
    });
    if !unchanged {
        changes.children.insert(id, written);
    }
    Ok(())
}

/// What one transaction of a unit test did.
pub(crate) struct TestTransaction {
    pub(crate) new_ids: BTreeSet<Address>,
    pub(crate) deleted_ids: BTreeSet<Address>,
    /// In the order of the transfers.
    pub(crate) transfers: Vec<(Address, NewOwner, Type, Value)>,
    pub(crate) events: usize,
}

impl ObjectRuntime {
    /// Ends a transaction inside a session: all but the children starts anew.
    pub(crate) fn next_test_transaction(&mut self) -> TestTransaction {
        let mut transfers: Vec<_> = std::mem::take(&mut self.transfers).into_iter().collect();
        transfers.sort_unstable_by_key(|(_, transferred)| transferred.place);
        self.inputs.clear();
        self.received.clear();
        self.accumulator_events.clear();
        self.event_count = 0;
        self.event_bytes = 0;
        TestTransaction {
            new_ids: std::mem::take(&mut self.new_ids),
            deleted_ids: std::mem::take(&mut self.deleted_ids),
            transfers: transfers
                .into_iter()
                .map(|(id, it)| (id, it.owner, it.ty, it.value))
                .collect(),
            events: std::mem::take(&mut self.events).len(),
        }
    }

    /// The children that are there: id, type, value.
    pub(crate) fn present_children(
        &self,
    ) -> impl Iterator<Item = (Address, &Type, &Rc<RefCell<Value>>)> {
        self.children
            .iter()
            .filter(|(_, child)| child.present())
            .filter_map(|(id, child)| Some((*id, child.ty.as_ref()?, child.value.as_ref()?)))
    }

    /// The objects written so far: id, type, value.
    pub(crate) fn test_transfers(&self) -> impl Iterator<Item = (Address, &Type, &Value)> {
        self.transfers
            .iter()
            .map(|(id, it)| (*id, &it.ty, &it.value))
    }

    /// The events of the transaction so far.
    pub(crate) fn events(&self) -> &[Event] {
        &self.events
    }

    /// Whether an object may be received here: its parent is not new, and it was not received before.
    pub(crate) fn record_received(&mut self, parent: Address, id: Address, version: u64) -> bool {
        let free = !self.received.contains_key(&id) && !self.new_ids.contains(&parent);
        if free {
            self.received.insert(id, version);
        }
        free
    }
}
