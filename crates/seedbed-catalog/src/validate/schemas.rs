//! JSON schemas: the core ones embedded, others from a folder or the cache.

use super::cache::SchemaCache;
use super::memo::{self, Remembered};
use crate::CatalogError;
use jsonschema::{Retrieve, Uri, ValidationError, Validator, error::ValidationErrorKind};
use serde_json::Value;
use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::{Arc, OnceLock};
use url::Url;

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

type Documents = HashMap<String, Arc<Value>>;

/// The schemas at hand or to be had, compiled when first needed.
///
/// Formats (`date-time`, `iri`) are annotations, as JSON Schema has it and as
/// other validators of STAC take them; the rules look at dates and addresses.
pub struct Schemas {
    documents: Documents,
    cache: SchemaCache,
    compiled: HashMap<String, Result<Compiled, String>>,
    remembered: HashMap<String, Arc<Remembered>>,
}

/// A schema in two forms: one that says yes or no fast, and one that tells
/// what is wrong, made when something is.
struct Compiled {
    fast: Validator,
    documents: Arc<Documents>,
    schema: Arc<Value>,
    slow: OnceLock<Option<Validator>>,
}

#[derive(Clone)]
struct AtHand {
    documents: Arc<Documents>,
    remembered: bool,
}

impl Retrieve for AtHand {
    fn retrieve(&self, uri: &Uri<String>) -> Result<Value, Box<dyn std::error::Error + Send + Sync>> {
        let found = self.documents.get(without_fragment(uri.as_str()));
        let found = found.ok_or_else(|| format!("{uri} is not at hand"))?;
        let mut schema = Value::clone(found);
        if self.remembered {
            memo::remember(&mut schema);
        }
        Ok(schema)
    }
}

/// The address by which a schema is found.
fn without_fragment(id: &str) -> &str {
    id.split('#').next().unwrap_or(id)
}

fn options(at_hand: AtHand, id: &str, schema: &Value) -> jsonschema::ValidationOptions {
    let options = jsonschema::options().with_retriever(at_hand).should_validate_formats(false);
    // What it refers to counts from its address, unless it names another one.
    if schema["$id"].is_string() { options } else { options.with_base_uri(id) }
}

impl Schemas {
    /// The core schemas, and every `*.json` of `folder` that has an `$id`;
    /// others from `cache`.
    ///
    /// # Errors
    /// [`CatalogError::Io`] if the folder or a file of it can't be read;
    /// [`CatalogError::Json`] and [`CatalogError::Schema`] if one is no schema.
    pub fn load(folder: Option<&Path>, cache: SchemaCache) -> Result<Self, CatalogError> {
        let mut documents = HashMap::new();
        for (at, text) in CORE {
            let schema: Value = serde_json::from_str(text).map_err(|source| CatalogError::Json {
                at: (*at).to_owned(),
                line: None,
                source,
            })?;
            documents.insert((*at).to_owned(), Arc::new(schema));
        }
        if let Some(folder) = folder {
            read_folder(folder, &mut documents)?;
        }
        Ok(Self { documents, cache, compiled: HashMap::new(), remembered: HashMap::new() })
    }

    /// Gets a schema ready for [`Schemas::check`], with all that it refers to.
    /// Whether that succeeds or not, it is done once.
    pub async fn prepare(&mut self, id: &str) {
        let id = without_fragment(id);
        if self.compiled.contains_key(id) {
            return;
        }
        let compiled = match self.gather(id).await {
            Ok(()) => self.compile(id),
            Err(reason) => Err(reason),
        };
        self.compiled.insert(id.to_owned(), compiled);
    }

    /// Whether [`Schemas::prepare`] was called for it.
    pub fn is_prepared(&self, id: &str) -> bool {
        self.compiled.contains_key(without_fragment(id))
    }

    /// Why a schema that was prepared can't be used.
    pub fn trouble(&self, id: &str) -> Option<&str> {
        self.compiled.get(without_fragment(id))?.as_ref().err().map(String::as_str)
    }

    /// Why schemas that were fetched could not be kept.
    pub fn unkept(&self) -> Option<&str> {
        self.cache.unkept()
    }

    /// Where `document` breaks the schema `id`; `None` if that schema, or one
    /// that it refers to, can't be had.
    pub fn check(&self, id: &str, document: &Value) -> Option<Vec<Breach>> {
        let id = without_fragment(id);
        let compiled = self.compiled.get(id)?.as_ref().ok()?;
        if compiled.fast.is_valid(document) {
            return Some(Vec::new());
        }
        let slow = compiled.slow.get_or_init(|| {
            let at_hand = AtHand { documents: Arc::clone(&compiled.documents), remembered: false };
            options(at_hand, id, &compiled.schema).build(&compiled.schema).ok()
        });
        let mut breaches = Vec::new();
        for error in slow.as_ref().map(|slow| slow.iter_errors(document)).into_iter().flatten() {
            explain(&error, &mut breaches);
        }
        if breaches.is_empty() {
            let message = "it does not fit the schema".to_owned();
            breaches.push(Breach { path: String::new(), message });
        }
        Some(breaches)
    }

    /// Brings a schema and all that it refers to, directly or not, to hand.
    async fn gather(&mut self, id: &str) -> Result<(), String> {
        let mut wanted = vec![id.to_owned()];
        let mut met = HashSet::new();
        while let Some(next) = wanted.pop() {
            if !met.insert(next.clone()) {
                continue;
            }
            let schema = if let Some(schema) = self.documents.get(&next) {
                Arc::clone(schema)
            } else {
                let got = self.cache.get(&next).await;
                let got = got.map_err(|why| if next == id { why } else { format!("{next}: {why}") })?;
                let got = Arc::new(got);
                self.documents.insert(next.clone(), Arc::clone(&got));
                got
            };
            let own = schema["$id"].as_str().and_then(|id| Url::parse(id).ok());
            if let Some(base) = own.or_else(|| Url::parse(&next).ok()) {
                references(&schema, &base, &mut wanted);
            }
        }
        Ok(())
    }

    fn compile(&mut self, id: &str) -> Result<Compiled, String> {
        let schema = self.documents.get(id).cloned().ok_or("it isn't at hand")?;
        let documents = Arc::new(self.documents.clone());
        for id in memo::REMEMBERED {
            let Some(inner) = documents.get(*id) else { continue };
            if !self.remembered.contains_key(*id) {
                let at_hand = AtHand { documents: Arc::clone(&documents), remembered: false };
                let validator = options(at_hand, id, inner).build(inner).map_err(|e| e.to_string())?;
                self.remembered.insert((*id).to_owned(), Arc::new(Remembered::new(validator)));
            }
        }
        let at_hand = AtHand { documents: Arc::clone(&documents), remembered: true };
        let mut rewritten = Value::clone(&schema);
        memo::remember(&mut rewritten);
        let options = memo::with_remembered(options(at_hand, id, &schema), self.remembered.clone());
        let fast = options.build(&rewritten).map_err(|e| format!("it is no JSON schema: {e}"))?;
        Ok(Compiled { fast, documents, schema, slow: OnceLock::new() })
    }
}

/// The addresses of the other documents that a schema refers to.
fn references(schema: &Value, base: &Url, found: &mut Vec<String>) {
    match schema {
        Value::Object(object) => {
            for (key, value) in object {
                match value {
                    Value::String(to) if key == "$ref" && !to.starts_with('#') => {
                        // The schemas of schemas are the library's own.
                        if let Ok(to) = base.join(to)
                            && to.host_str() != Some("json-schema.org")
                        {
                            found.push(without_fragment(to.as_str()).to_owned());
                        }
                    }
                    value => references(value, base, found),
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| references(value, base, found)),
        _ => {}
    }
}

fn read_folder(folder: &Path, documents: &mut Documents) -> Result<(), CatalogError> {
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
        let Some(id) = schema["$id"].as_str().map(|id| without_fragment(id).to_owned()) else {
            return Err(CatalogError::Schema {
                schema: path.display().to_string(),
                reason: "it has no `$id`".to_owned(),
            });
        };
        documents.entry(id).or_insert_with(|| Arc::new(schema));
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

    async fn check(id: &str, document: &Value) -> Option<Vec<Breach>> {
        let mut schemas = Schemas::load(None, SchemaCache::none()).unwrap();
        schemas.prepare(id).await;
        schemas.check(id, document)
    }

    #[tokio::test]
    async fn every_core_schema_compiles_offline() {
        for (id, _) in CORE {
            assert!(check(id, &json!({})).await.is_some(), "{id}");
        }
        assert!(check("https://example.org/unknown.json", &json!({})).await.is_none());
    }

    #[tokio::test]
    async fn a_breach_has_a_path_and_no_dump() {
        let item = json!({"type": "Feature", "stac_version": "1.1.0", "id": "a", "geometry": null,
            "properties": {"datetime": null}, "links": [], "assets": {"x": {"href": 3}}});
        let breaches = check(&core_schema(&item).unwrap(), &item).await.unwrap();
        let all: Vec<String> = breaches.iter().map(|b| format!("{}: {}", b.path, b.message)).collect();
        assert!(all.iter().any(|b| b.starts_with("/assets/x/href: ")), "{all:#?}");
        assert!(all.iter().all(|b| b.len() < 200), "{all:#?}");
    }
}
