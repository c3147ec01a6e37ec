//! The JSON Schema of project files, derived from the sections that read them.

use crate::Project;
use serde_json::{Value, json};

/// The schema, draft 2020-12. It knows keys and kinds of values; names, units and settings are
/// checked when a project is resolved.
#[must_use]
pub fn project_schema() -> Value {
    let mut schema = schemars::schema_for!(Project);
    schema.insert("$id".to_owned(), json!("https://seedbed.invalid/project.schema.json"));
    schema.insert("title".to_owned(), json!("Seedbed project file"));
    schema.to_value()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    fn file() -> PathBuf {
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/project.schema.json")
    }

    fn text() -> String {
        format!("{}\n", serde_json::to_string_pretty(&project_schema()).unwrap())
    }

    #[test]
    fn the_published_schema_is_current() {
        let published = std::fs::read_to_string(file()).unwrap_or_default();
        assert!(
            published == text(),
            "docs/project.schema.json is old: seedbed init --schema > docs/project.schema.json"
        );
    }
}
