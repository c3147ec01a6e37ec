//! What a column holds, learnt from the values of all items.

use arrow_schema::{DataType, Field, Fields, TimeUnit};
use jiff::Timestamp;
use serde_json::{Map, Value};
use std::collections::HashMap;
use std::fmt;

/// What a column, a list's elements or an object's field hold.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Kind {
    /// Nothing but nulls so far.
    #[default]
    Nothing,
    /// True and false.
    Bool,
    /// Whole numbers of 64 bits.
    Int,
    /// Numbers.
    Float,
    /// Texts, each a word for what JSON numbers can't say: `nan`, `inf`, `-inf`.
    Words,
    /// Texts.
    Text,
    /// Instants.
    Time,
    /// Geometries, as WKB.
    Geometry,
    /// Boxes; whether any has heights.
    Box { heights: bool },
    /// Lists.
    List(Box<Kind>),
    /// Objects.
    Object(Columns),
}

/// The fields of an object in the order they were met.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Columns {
    names: Vec<String>,
    kinds: HashMap<String, Kind>,
}

/// Where a value stands, for messages.
#[derive(Clone, Copy)]
pub struct At<'a> {
    pub above: Option<&'a At<'a>>,
    pub name: &'a str,
}

impl fmt::Display for At<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(above) = self.above {
            write!(f, "{above}.")?;
        }
        f.write_str(self.name)
    }
}

/// A number for a text that is a word for one.
pub fn word(text: &str) -> Option<f64> {
    match text {
        "nan" => Some(f64::NAN),
        "inf" => Some(f64::INFINITY),
        "-inf" => Some(f64::NEG_INFINITY),
        _ => None,
    }
}

impl Kind {
    fn of(value: &Value) -> Self {
        match value {
            Value::Null => Self::Nothing,
            Value::Bool(_) => Self::Bool,
            Value::Number(n) if n.is_i64() => Self::Int,
            Value::Number(_) => Self::Float,
            Value::String(text) if word(text).is_some() => Self::Words,
            Value::String(_) => Self::Text,
            Value::Array(_) => Self::List(Box::default()),
            Value::Object(_) => Self::Object(Columns::default()),
        }
    }

    fn noun(&self) -> &'static str {
        match self {
            Self::Nothing => "null",
            Self::Bool => "a truth value",
            Self::Int | Self::Float => "a number",
            Self::Words | Self::Text => "a text",
            Self::Time => "an instant",
            Self::Geometry => "a geometry",
            Self::Box { .. } => "a box",
            Self::List(_) => "a list",
            Self::Object(_) => "an object",
        }
    }

    /// Widens so that it also holds `value`.
    ///
    /// # Errors
    /// A sentence, if no column can hold both.
    pub fn admit(&mut self, value: &Value, at: At<'_>) -> Result<(), String> {
        let new = Self::of(value);
        *self = match (std::mem::take(self), new) {
            (Self::Nothing, new) => new,
            // Columns of a kind of their own take what fits and are texts otherwise.
            (Self::Time, Self::Text | Self::Words) => match value.as_str().map(str::parse::<Timestamp>) {
                Some(Ok(_)) => Self::Time,
                _ => Self::Text,
            },
            (Self::Int | Self::Float | Self::Words, Self::Float)
            | (Self::Int | Self::Float, Self::Words)
            | (Self::Float | Self::Words, Self::Int) => Self::Float,
            (Self::Words | Self::Text, Self::Text) | (Self::Text, Self::Words) => Self::Text,
            (old, new)
                if new == Self::Nothing || std::mem::discriminant(&old) == std::mem::discriminant(&new) =>
            {
                old
            }
            (old, new) => {
                return Err(format!(
                    "`{at}` is {} in one item and {} in another, which no Parquet column holds",
                    old.noun(),
                    new.noun()
                ));
            }
        };
        match (self, value) {
            (Self::List(kind), Value::Array(values)) => {
                values.iter().try_for_each(|v| kind.admit(v, At { above: Some(&at), name: "[]" }))
            }
            (Self::Object(columns), Value::Object(fields)) => columns.admit(fields, at),
            _ => Ok(()),
        }
    }

    /// The Arrow type; `None` if there is nothing to store.
    pub fn data_type(&self) -> Option<DataType> {
        Some(match self {
            Self::Nothing => return None,
            Self::Bool => DataType::Boolean,
            Self::Int => DataType::Int64,
            Self::Float => DataType::Float64,
            Self::Words | Self::Text => DataType::Utf8,
            Self::Time => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            Self::Geometry => DataType::Binary,
            Self::Box { heights } => DataType::Struct(box_fields(*heights)),
            Self::List(kind) => DataType::new_list(kind.element_type(), true),
            Self::Object(columns) => DataType::Struct(columns.fields()?),
        })
    }

    /// The type of a list's elements: text where none is known, so that empty
    /// lists can be stored.
    pub fn element_type(&self) -> DataType {
        self.data_type().unwrap_or(DataType::Utf8)
    }
}

/// The sides of a box in the order that readers expect.
pub fn box_sides(heights: bool) -> &'static [&'static str] {
    if heights {
        &["xmin", "ymin", "zmin", "xmax", "ymax", "zmax"]
    } else {
        &["xmin", "ymin", "xmax", "ymax"]
    }
}

fn box_fields(heights: bool) -> Fields {
    box_sides(heights).iter().map(|side| Field::new(*side, DataType::Float64, true)).collect()
}

impl Columns {
    /// Every column with what it holds.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Kind)> {
        self.names.iter().filter_map(|name| Some((name.as_str(), self.kinds.get(name)?)))
    }

    /// The kind of a column, which is made if it isn't there.
    pub fn column(&mut self, name: &str, kind: impl FnOnce() -> Kind) -> &mut Kind {
        if !self.kinds.contains_key(name) {
            self.names.push(name.to_owned());
        }
        self.kinds.entry(name.to_owned()).or_insert_with(kind)
    }

    fn admit(&mut self, fields: &Map<String, Value>, at: At<'_>) -> Result<(), String> {
        for (name, value) in fields {
            let at = At { above: Some(&at), name };
            // Most are there already.
            match self.kinds.get_mut(name) {
                Some(kind) => kind.admit(value, at)?,
                None => self.column(name, Kind::default).admit(value, at)?,
            }
        }
        Ok(())
    }

    /// The Arrow fields; `None` if none holds anything.
    pub fn fields(&self) -> Option<Fields> {
        let fields: Fields =
            self.iter().filter_map(|(name, kind)| Some(Field::new(name, kind.data_type()?, true))).collect();
        (!fields.is_empty()).then_some(fields)
    }
}
