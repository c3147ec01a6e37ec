//! Arrow arrays to JSON values.

use super::kind::box_sides;
use super::wkb;
use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Decimal128Type, Float16Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
    Int64Type, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
    TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, RecordBatch};
use arrow_schema::{DataType, TimeUnit};
use jiff::{SignedDuration, Timestamp, civil};
use serde_json::{Map, Number, Value, json};

/// Columns that stand at the top of an item; all others are properties.
pub const TOP: [&str; 9] =
    ["type", "stac_version", "stac_extensions", "id", "geometry", "bbox", "collection", "links", "assets"];
/// Columns that hold geometries.
pub const GEOMETRIES: [&str; 2] = ["geometry", "proj:geometry"];

/// The items of a batch.
pub fn items(batch: &RecordBatch) -> Result<Vec<Value>, String> {
    let schema = batch.schema();
    let names: Vec<&str> = schema.fields().iter().map(|f| f.name().as_str()).collect();
    (0..batch.num_rows())
        .map(|row| {
            let mut top: [Value; TOP.len()] = Default::default();
            let mut properties = Map::new();
            for (name, column) in names.iter().zip(batch.columns()) {
                let value = cell(name, column, row).map_err(|e| format!("the column `{name}`: {e}"))?;
                match TOP.iter().position(|top| top == name) {
                    Some(place) => top[place] = value,
                    None if value.is_null() => {}
                    None => drop(properties.insert((*name).to_owned(), value)),
                }
            }
            Ok(item(top, properties))
        })
        .collect()
}

/// Puts an item together. What must be there and what a table can't tell from
/// nothing is put back: no geometry, an unknown time, no links and no assets.
fn item(top: [Value; TOP.len()], mut properties: Map<String, Value>) -> Value {
    let mut item = Map::new();
    if !properties.contains_key("datetime") {
        properties.shift_insert(0, "datetime".to_owned(), Value::Null);
    }
    let mut properties = Some(properties);
    for (name, value) in TOP.into_iter().zip(top) {
        if name == "links" {
            item.insert("properties".to_owned(), Value::Object(properties.take().unwrap_or_default()));
        }
        let value = match (name, value) {
            ("type", _) => json!("Feature"),
            ("links", Value::Null) => json!([]),
            ("assets", Value::Null) => json!({}),
            // Older files hold these as JSON texts.
            ("links" | "assets" | "stac_extensions", Value::String(text)) => {
                serde_json::from_str(&text).unwrap_or(Value::String(text))
            }
            ("geometry", value) => value,
            (_, Value::Null) => continue,
            (_, value) => value,
        };
        item.insert(name.to_owned(), value);
    }
    Value::Object(item)
}

fn cell(name: &str, column: &dyn Array, row: usize) -> Result<Value, String> {
    if column.is_null(row) {
        return Ok(Value::Null);
    }
    if GEOMETRIES.contains(&name) {
        let bytes = match column.data_type() {
            DataType::Binary => Some(column.as_binary::<i32>().value(row)),
            DataType::LargeBinary => Some(column.as_binary::<i64>().value(row)),
            DataType::BinaryView => Some(column.as_binary_view().value(row)),
            _ => None,
        };
        if let Some(bytes) = bytes {
            return wkb::decode(bytes).ok_or_else(|| format!("row {} is no geometry", row + 1));
        }
    }
    let value = value(column, row)?;
    if name == "bbox"
        && let Value::Object(sides) = &value
    {
        let heights = sides.contains_key("zmin") && sides.contains_key("zmax");
        let numbers = box_sides(heights).iter().map(|side| sides.get(*side).cloned().unwrap_or_default());
        return Ok(Value::Array(numbers.collect()));
    }
    Ok(value)
}

/// The element of an array as JSON. Null fields of objects are left out.
fn value(array: &dyn Array, i: usize) -> Result<Value, String> {
    if array.is_null(i) {
        return Ok(Value::Null);
    }
    macro_rules! whole {
        ($kind:ty) => {
            json!(array.as_primitive::<$kind>().value(i))
        };
    }
    Ok(match array.data_type() {
        DataType::Null => Value::Null,
        DataType::Boolean => json!(array.as_boolean().value(i)),
        DataType::Int8 => whole!(Int8Type),
        DataType::Int16 => whole!(Int16Type),
        DataType::Int32 => whole!(Int32Type),
        DataType::Int64 => whole!(Int64Type),
        DataType::UInt8 => whole!(UInt8Type),
        DataType::UInt16 => whole!(UInt16Type),
        DataType::UInt32 => whole!(UInt32Type),
        DataType::UInt64 => whole!(UInt64Type),
        DataType::Float16 => float(array.as_primitive::<Float16Type>().value(i).to_f64()),
        DataType::Float32 => float(f64::from(array.as_primitive::<Float32Type>().value(i))),
        DataType::Float64 => float(array.as_primitive::<Float64Type>().value(i)),
        DataType::Decimal128(..) => {
            let text = array.as_primitive::<Decimal128Type>().value_as_string(i);
            float(text.parse().map_err(|_| format!("`{text}` is no number"))?)
        }
        DataType::Utf8 => json!(array.as_string::<i32>().value(i)),
        DataType::LargeUtf8 => json!(array.as_string::<i64>().value(i)),
        DataType::Utf8View => json!(array.as_string_view().value(i)),
        DataType::Timestamp(unit, _) => json!(instant(array, *unit, i)?.to_string()),
        DataType::Date32 => {
            let days = i64::from(array.as_primitive::<Date32Type>().value(i));
            let date = civil::date(1970, 1, 1).checked_add(SignedDuration::from_hours(24 * days));
            json!(date.map_err(|e| e.to_string())?.to_string())
        }
        DataType::List(_) => list(&array.as_list::<i32>().value(i))?,
        DataType::LargeList(_) => list(&array.as_list::<i64>().value(i))?,
        DataType::FixedSizeList(..) => list(&array.as_fixed_size_list().value(i))?,
        DataType::Struct(fields) => {
            let columns = array.as_struct().columns();
            let mut object = Map::new();
            for (field, column) in fields.iter().zip(columns).filter(|(_, column)| !column.is_null(i)) {
                object.insert(field.name().clone(), value(column, i)?);
            }
            Value::Object(object)
        }
        DataType::Map(..) => {
            let entries = array.as_map().value(i);
            let (keys, values) = (entries.column(0), entries.column(1));
            let mut object = Map::new();
            for n in 0..entries.len() {
                let key = value(keys, n)?;
                let key = key.as_str().map_or_else(|| key.to_string(), str::to_owned);
                object.insert(key, value(values, n)?);
            }
            Value::Object(object)
        }
        DataType::Dictionary(..) => {
            let dictionary = array.as_any_dictionary();
            value(dictionary.values(), dictionary.normalized_keys()[i])?
        }
        other => return Err(format!("values of type {other} can't be read")),
    })
}

fn list(elements: &dyn Array) -> Result<Value, String> {
    (0..elements.len()).map(|i| value(elements, i)).collect::<Result<_, _>>().map(Value::Array)
}

/// A JSON number, or STAC's word for what is none.
fn float(number: f64) -> Value {
    match Number::from_f64(number) {
        Some(number) => Value::Number(number),
        None if number.is_nan() => json!("nan"),
        None if number > 0.0 => json!("inf"),
        None => json!("-inf"),
    }
}

fn instant(array: &dyn Array, unit: TimeUnit, i: usize) -> Result<Timestamp, String> {
    let instant = match unit {
        TimeUnit::Second => Timestamp::from_second(array.as_primitive::<TimestampSecondType>().value(i)),
        TimeUnit::Millisecond => {
            Timestamp::from_millisecond(array.as_primitive::<TimestampMillisecondType>().value(i))
        }
        TimeUnit::Microsecond => {
            Timestamp::from_microsecond(array.as_primitive::<TimestampMicrosecondType>().value(i))
        }
        TimeUnit::Nanosecond => {
            Timestamp::from_nanosecond(array.as_primitive::<TimestampNanosecondType>().value(i).into())
        }
    };
    instant.map_err(|e| e.to_string())
}
