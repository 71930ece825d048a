//! Shared objects of the parts of a manifest: who owns nothing of them finds them by attributes of the manifest's own object. Manifest spec 6.

use walrus_core::manifest::Manifest;
use walrus_sui::{Address, chain::ChainError, contract::ContractReader, objects::Blob};

/// Begin of the attributes that name the shared objects of the parts, in their order, with commas between them. Behind it is the number
/// of the attribute, from 0 on. An empty name is a part without a shared object.
pub const SHARED_PARTS_ATTRIBUTE: &str = "_walrusSharedParts";
/// Parts of one attribute: a transaction takes texts of up to 16 KiB.
const PARTS_PER_ATTRIBUTE: usize = 128;
/// Parts that are named at all: all attributes have to fit one transaction, and the object.
const MAX_PARTS: usize = 1024;

/// The shared object of each part of a manifest, as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedParts(Vec<Option<Address>>);

impl SharedParts {
    /// The objects in the order of the parts.
    pub fn new(objects: Vec<Option<Address>>) -> Self {
        Self(objects)
    }

    /// What the attributes of the manifest's object say, for a manifest of `count` parts. It is a hint: whoever set them may have lied.
    pub fn named<'a>(
        attributes: impl IntoIterator<Item = (&'a str, &'a str)>,
        count: usize,
    ) -> Self {
        let mut objects = vec![None; count];
        for (key, value) in attributes {
            let number = key.strip_prefix(SHARED_PARTS_ATTRIBUTE);
            let Some(number) = number.and_then(|text| text.parse::<usize>().ok()) else {
                continue;
            };
            let first = number.saturating_mul(PARTS_PER_ATTRIBUTE);
            let places = objects.iter_mut().skip(first).take(PARTS_PER_ATTRIBUTE);
            for (place, name) in places.zip(value.split(',')) {
                *place = name.parse().ok();
            }
        }
        Self(objects)
    }

    /// The objects in the order of the parts.
    pub fn objects(&self) -> &[Option<Address>] {
        &self.0
    }

    /// The attributes that name them; none if none is known, or there are more than fit.
    pub fn attributes(&self) -> Vec<(String, String)> {
        if self.0.len() > MAX_PARTS || self.0.iter().all(Option::is_none) {
            return Vec::new();
        }
        let groups = self.0.chunks(PARTS_PER_ATTRIBUTE).enumerate();
        groups
            .map(|(number, objects)| {
                let names = objects
                    .iter()
                    .map(|object| object.map_or_else(String::new, |object| object.to_string()));
                let names: Vec<_> = names.collect();
                (format!("{SHARED_PARTS_ATTRIBUTE}{number}"), names.join(","))
            })
            .collect()
    }

    /// The shared objects that the manifest `object` names for its parts and that are of these parts.
    ///
    /// # Errors
    /// [`ChainError`], but for objects that are not there or are something else.
    pub async fn find(
        reader: &ContractReader,
        object: &Blob,
        manifest: &Manifest,
    ) -> Result<Self, ChainError> {
        let attributes = reader.blob_attributes(object.id).await?;
        let attributes = attributes.into_iter().flat_map(|one| one.metadata.contents);
        let attributes: Vec<_> = attributes.map(|entry| (entry.key, entry.value)).collect();
        let pairs = attributes.iter().map(|(key, value)| (&**key, &**value));
        let Self(mut named) = Self::named(pairs, manifest.parts().len());
        for (place, part) in named.iter_mut().zip(manifest.parts()) {
            let Some(id) = *place else { continue };
            let is_of_part = match reader.shared_blob(id).await {
                Ok(shared) => shared.blob.blob_id == part.blob_id,
                Err(ChainError::ObjectNotFound { .. } | ChainError::WrongType { .. }) => false,
                Err(error) => return Err(error),
            };
            if !is_of_part {
                *place = None;
            }
        }
        Ok(Self(named))
    }
}

/// Whether an attribute is one of those that say where things are, and no wish of the user.
pub(crate) fn is_of_shared_parts(key: &str) -> bool {
    key.starts_with(SHARED_PARTS_ATTRIBUTE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(byte: u8) -> Address {
        Address::new([byte; 32])
    }

    #[test]
    fn what_attributes_name_is_read_back_in_place() {
        let mut objects: Vec<_> = (0..300_usize).map(|i| Some(id((i % 251) as u8))).collect();
        objects[0] = None;
        objects[129] = None;
        let parts = SharedParts::new(objects);
        let attributes = parts.attributes();
        assert_eq!(attributes.len(), 3);
        assert!(attributes.iter().all(|(_, value)| value.len() < 16 << 10));
        let pairs = attributes.iter().map(|(key, value)| (&**key, &**value));
        assert_eq!(SharedParts::named(pairs, 300), parts);
    }

    #[test]
    fn what_is_none_is_left_out() {
        let (good, key) = (id(7).to_string(), format!("{SHARED_PARTS_ATTRIBUTE}0"));
        let value = format!("x,{good},,0x,{good},{good}");
        let named = SharedParts::named(
            [
                (&*key, &*value),
                ("_walrusSharedParts99999999999999", &good),
                ("_walrusSharedPartsx", &good),
                ("other", &good),
            ],
            5,
        );
        assert_eq!(
            named.objects(),
            [None, Some(id(7)), None, None, Some(id(7))]
        );
        assert!(SharedParts::new(vec![None; 3]).attributes().is_empty());
        let many = SharedParts::new(vec![Some(id(1)); MAX_PARTS + 1]);
        assert!(many.attributes().is_empty());
    }
}
