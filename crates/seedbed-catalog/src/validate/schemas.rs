//! JSON schemas, all at hand: none is ever fetched.

use crate::CatalogError;
use jsonschema::{Retrieve, Uri, ValidationError, Validator, error::ValidationErrorKind};
use serde_json::Value;
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

macro_rules! core {
    ($($at:literal => $file:literal),* $(,)?) => {
        &[$(($at, include_str!(concat!("../../schemas/", $file)))),*]
    };
}

/// The core schemas by the address under which others refer to them.
const CORE: &[(&str, &str)] = core! {
    "https://schemas.stacspec.org/v1.0.0/catalog-spec/json-schema/catalog.json" => "v1.0.0/catalog.json",
    "https://schemas.stacspec.org/v1.0.0/collection-spec/json-schema/collection.json" => "v1.0.0/collection.json",
    "https://schemas.stacspec.org/v1.0.0/item-spec/json-schema/item.json" => "v1.0.0/item.json",
    "https://schemas.stacspec.org/v1.0.0/item-spec/json-schema/basics.json" => "v1.0.0/basics.json",
    "https://schemas.stacspec.org/v1.0.0/item-spec/json-schema/datetime.json" => "v1.0.0/datetime.json",
    "https://schemas.stacspec.org/v1.0.0/item-spec/json-schema/instrument.json" => "v1.0.0/instrument.json",
    "https://schemas.stacspec.org/v1.0.0/item-spec/json-schema/licensing.json" => "v1.0.0/licensing.json",
    "https://schemas.stacspec.org/v1.0.0/item-spec/json-schema/provider.json" => "v1.0.0/provider.json",
    "https://schemas.stacspec.org/v1.1.0/catalog-spec/json-schema/catalog.json" => "v1.1.0/catalog.json",
    "https://schemas.stacspec.org/v1.1.0/collection-spec/json-schema/collection.json" => "v1.1.0/collection.json",
    "https://schemas.stacspec.org/v1.1.0/item-spec/json-schema/item.json" => "v1.1.0/item.json",
    "https://schemas.stacspec.org/v1.1.0/item-spec/json-schema/bands.json" => "v1.1.0/bands.json",
    "https://schemas.stacspec.org/v1.1.0/item-spec/json-schema/basics.json" => "v1.1.0/basics.json",
    "https://schemas.stacspec.org/v1.1.0/item-spec/json-schema/common.json" => "v1.1.0/common.json",
    "https://schemas.stacspec.org/v1.1.0/item-spec/json-schema/data-values.json" => "v1.1.0/data-values.json",
    "https://schemas.stacspec.org/v1.1.0/item-spec/json-schema/datetime.json" => "v1.1.0/datetime.json",
    "https://schemas.stacspec.org/v1.1.0/item-spec/json-schema/instrument.json" => "v1.1.0/instrument.json",
    "https://schemas.stacspec.org/v1.1.0/item-spec/json-schema/licensing.json" => "v1.1.0/licensing.json",
    "https://schemas.stacspec.org/v1.1.0/item-spec/json-schema/provider.json" => "v1.1.0/provider.json",
    "https://geojson.org/schema/Feature.json" => "geojson/Feature.json",
    "https://geojson.org/schema/Geometry.json" => "geojson/Geometry.json",
    "https://proj.org/schemas/v0.7/projjson.schema.json" => "proj/projjson-v0.7.json",
};

/// The address of the core schema for a document's `type` and `stac_version`.
pub fn core_schema(document: &Value) -> Option<String> {
    let version = document["stac_version"].as_str()?;
    let (folder, name) = match document["type"].as_str()? {
        "Feature" => ("item-spec", "item"),
        "Collection" => ("collection-spec", "collection"),
        "Catalog" => ("catalog-spec", "catalog"),
        _ => return None,
    };
    Some(format!("https://schemas.stacspec.org/v{version}/{folder}/json-schema/{name}.json"))
}

/// Where one value breaks a schema.
pub struct Breach {
    /// JSON pointer to the value.
    pub path: String,
    /// What is wrong with it.
    pub message: String,
}

/// The schemas at hand, compiled when first used.
pub struct Schemas {
    documents: Arc<HashMap<String, Value>>,
    compiled: HashMap<String, Option<Validator>>,
}

#[derive(Clone)]
struct AtHand(Arc<HashMap<String, Value>>);

impl Retrieve for AtHand {
    fn retrieve(&self, uri: &Uri<String>) -> Result<Value, Box<dyn std::error::Error + Send + Sync>> {
        let found = self.0.get(&without_fragment(uri.as_str()));
        found.cloned().ok_or_else(|| format!("{uri} is not at hand").into())
    }
}

/// The address by which a schema is found.
fn without_fragment(id: &str) -> String {
    id.split('#').next().unwrap_or(id).to_owned()
}

impl Schemas {
    /// The core schemas, and every `*.json` of `folder` that has an `$id`.
    ///
    /// # Errors
    /// [`CatalogError::Io`] if the folder or a file of it can't be read;
    /// [`CatalogError::Json`] and [`CatalogError::Schema`] if one is no schema.
    pub fn load(folder: Option<&Path>) -> Result<Self, CatalogError> {
        let mut documents = HashMap::new();
        for (at, text) in CORE {
            let schema = serde_json::from_str(text).map_err(|source| CatalogError::Json {
                at: (*at).to_owned(),
                line: None,
                source,
            })?;
            documents.insert((*at).to_owned(), schema);
        }
        if let Some(folder) = folder {
            read_folder(folder, &mut documents)?;
        }
        Ok(Self { documents: Arc::new(documents), compiled: HashMap::new() })
    }

    /// Where `document` breaks the schema `id`; `None` if that schema, or one
    /// that it refers to, isn't at hand.
    pub fn check(&mut self, id: &str, document: &Value) -> Option<Vec<Breach>> {
        let id = without_fragment(id);
        if !self.compiled.contains_key(&id) {
            let schema = self.documents.get(&id);
            let validator = schema.and_then(|schema| {
                jsonschema::options().with_retriever(AtHand(Arc::clone(&self.documents))).build(schema).ok()
            });
            self.compiled.insert(id.clone(), validator);
        }
        let validator = self.compiled.get(&id)?.as_ref()?;
        let mut breaches = Vec::new();
        for error in validator.iter_errors(document) {
            explain(&error, &mut breaches);
        }
        Some(breaches)
    }
}

fn read_folder(folder: &Path, documents: &mut HashMap<String, Value>) -> Result<(), CatalogError> {
    let failed = |source| CatalogError::Io { action: "list", path: folder.to_owned(), source };
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        paths.push(entry.map_err(failed)?.path());
    }
    paths.sort();
    for path in paths {
        if path.is_dir() {
            read_folder(&path, documents)?;
            continue;
        }
        if path.extension().is_none_or(|e| e != "json") {
            continue;
        }
        let bytes = std::fs::read(&path).map_err(|source| CatalogError::Io {
            action: "read",
            path: path.clone(),
            source,
        })?;
        let schema: Value = serde_json::from_slice(&bytes).map_err(|source| CatalogError::Json {
            at: path.display().to_string(),
            line: None,
            source,
        })?;
        let Some(id) = schema["$id"].as_str().map(without_fragment) else {
            return Err(CatalogError::Schema {
                schema: path.display().to_string(),
                reason: "it has no `$id`".to_owned(),
            });
        };
        documents.entry(id).or_insert(schema);
    }
    Ok(())
}

/// What an error comes down to. Of alternatives that all fail, the one that
/// went wrong deepest in the document is the one that was meant.
fn explain(error: &ValidationError<'_>, breaches: &mut Vec<Breach>) {
    let (ValidationErrorKind::OneOfNotValid { context } | ValidationErrorKind::AnyOf { context }) =
        &error.kind
    else {
        let path = error.instance_path.to_string();
        let scalar = !(error.instance.is_object() || error.instance.is_array());
        let message = if scalar { error.to_string() } else { error.masked_with("it").to_string() };
        if !breaches.iter().any(|b| b.path == path && b.message == message) {
            breaches.push(Breach { path, message });
        }
        return;
    };
    let depth = |branch: &Vec<ValidationError<'_>>| {
        let deepest = branch.iter().map(|e| e.instance_path.to_string().matches('/').count()).max();
        (deepest, std::cmp::Reverse(branch.len()))
    };
    match context.iter().filter(|branch| !branch.is_empty()).max_by_key(|branch| depth(branch)) {
        Some(branch) => branch.iter().for_each(|e| explain(e, breaches)),
        None => breaches.push(Breach {
            path: error.instance_path.to_string(),
            message: error.masked_with("it").to_string(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_core_schema_compiles_offline() {
        let mut schemas = Schemas::load(None).unwrap();
        for (id, _) in CORE {
            assert!(schemas.check(id, &json!({})).is_some(), "{id}");
        }
        assert!(schemas.check("https://example.org/unknown.json", &json!({})).is_none());
    }

    #[test]
    fn a_breach_has_a_path_and_no_dump() {
        let mut schemas = Schemas::load(None).unwrap();
        let item = json!({"type": "Feature", "stac_version": "1.1.0", "id": "a", "geometry": null,
            "properties": {"datetime": null}, "links": [], "assets": {"x": {"href": 3}}});
        let breaches = schemas.check(&core_schema(&item).unwrap(), &item).unwrap();
        let all: Vec<String> = breaches.iter().map(|b| format!("{}: {}", b.path, b.message)).collect();
        assert!(all.iter().any(|b| b.starts_with("/assets/x/href: ")), "{all:#?}");
        assert!(all.iter().all(|b| b.len() < 200), "{all:#?}");
    }
}
