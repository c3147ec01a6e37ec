//! Parts of documents that are the same again and again, validated once.
//!
//! The seven assets of an item carry one CRS as PROJJSON, and the items of a
//! region one geometry. References to the schemas of these become a keyword of
//! our own, which keeps the verdicts on the values it has met.

use jsonschema::paths::{LazyLocation, Location};
use jsonschema::{Keyword, ValidationError, ValidationOptions, Validator};
use serde_json::{Map, Value};
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};

/// The schemas whose values are remembered. They refer to no other schema.
pub const REMEMBERED: &[&str] =
    &["https://proj.org/schemas/v0.7/projjson.schema.json", "https://geojson.org/schema/Geometry.json"];

/// The keyword that stands in for a reference to one of them.
const KEYWORD: &str = "seedbed:remembered";
/// Values kept for each schema, about 5 kB each; then it begins anew.
const MOST: usize = 1024;

/// A schema with the verdicts it gave.
pub struct Remembered {
    validator: Validator,
    verdicts: Mutex<HashMap<u64, (Value, bool)>>,
}

impl Remembered {
    pub fn new(validator: Validator) -> Self {
        Self { validator, verdicts: Mutex::default() }
    }

    fn is_valid(&self, value: &Value) -> bool {
        let mut hasher = DefaultHasher::new();
        value.hash(&mut hasher);
        let key = hasher.finish();
        {
            let verdicts = self.verdicts.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some((known, verdict)) = verdicts.get(&key)
                && known == value
            {
                return *verdict;
            }
        }
        let verdict = self.validator.is_valid(value);
        let mut verdicts = self.verdicts.lock().unwrap_or_else(PoisonError::into_inner);
        if verdicts.len() >= MOST {
            verdicts.clear();
        }
        verdicts.insert(key, (value.clone(), verdict));
        verdict
    }
}

struct Reference(Arc<Remembered>);

impl Keyword for Reference {
    fn validate<'i>(&self, value: &'i Value, at: &LazyLocation) -> Result<(), ValidationError<'i>> {
        if self.0.is_valid(value) {
            return Ok(());
        }
        Err(ValidationError::custom(Location::new(), at.into(), value, "it does not fit the schema"))
    }

    fn is_valid(&self, value: &Value) -> bool {
        self.0.is_valid(value)
    }
}

/// Turns every reference to one of [`REMEMBERED`] into the keyword.
pub fn remember(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            let to = object.get("$ref").and_then(Value::as_str);
            let to = to.and_then(|to| REMEMBERED.iter().find(|id| to.trim_end_matches('#') == **id));
            if let Some(to) = to {
                // What stands beside a reference is of no effect up to draft 7.
                *object = Map::from_iter([(KEYWORD.to_owned(), Value::from(*to))]);
                return;
            }
            object.values_mut().for_each(remember);
        }
        Value::Array(values) => values.iter_mut().for_each(remember),
        _ => {}
    }
}

/// With the keyword, by the schemas that there are.
pub fn with_remembered(
    options: ValidationOptions,
    schemas: HashMap<String, Arc<Remembered>>,
) -> ValidationOptions {
    options.with_keyword(
        KEYWORD,
        move |_: &Map<String, Value>, to: &Value, at: Location| -> Result<Box<dyn Keyword>, _> {
            match to.as_str().and_then(|to| schemas.get(to)) {
                Some(schema) => Ok(Box::new(Reference(Arc::clone(schema)))),
                None => Err(ValidationError::custom(Location::new(), at, to, "it isn't at hand")),
            }
        },
    )
}
