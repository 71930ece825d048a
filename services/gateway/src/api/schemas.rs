//! Schemas of the JSON that answers and requests are made of.

use serde_json::{Map, Value};

/// Schemas by name.
pub(super) fn all() -> Map<String, Value> {
    // Part of the program; a test reads it.
    serde_json::from_str(include_str!("schemas.json")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_schema_is_read_and_what_one_refers_to_is_there() {
        let schemas = all();
        assert!(schemas.len() > 5);
        let text = include_str!("schemas.json");
        for part in text.split("#/components/schemas/").skip(1) {
            let name = part.split('"').next().unwrap();
            assert!(schemas.contains_key(name), "{name}");
        }
    }
}
