//! The JSON Schema of the format, derived from the tables that read it.

use super::document::Document;
use serde_json::{Value, json};

/// The schema, draft 2020-12.
pub(super) fn definition() -> Value {
    let mut schema = schemars::schema_for!(Document);
    schema.insert("$id".to_owned(), json!("https://seedbed.invalid/definition.schema.json"));
    schema.to_value()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    fn file() -> PathBuf {
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../catalogs/definition.schema.json")
    }

    fn text() -> String {
        format!("{}\n", serde_json::to_string_pretty(&definition()).unwrap())
    }

    #[test]
    fn the_published_schema_is_current() {
        let published = std::fs::read_to_string(file()).unwrap();
        assert!(
            published == text(),
            "catalogs/definition.schema.json is old: seedbed archives --schema > catalogs/definition.schema.json"
        );
    }
}
