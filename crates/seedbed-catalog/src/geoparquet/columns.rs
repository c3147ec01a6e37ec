//! JSON values to Arrow arrays.

use super::kind::{Columns, Kind, box_sides, word};
use super::wkb;
use arrow_array::builder::{BinaryBuilder, BooleanBuilder, Float64Builder, Int64Builder, StringBuilder};
use arrow_array::{ArrayRef, ListArray, StructArray, TimestampMicrosecondArray};
use arrow_buffer::{NullBuffer, OffsetBuffer};
use arrow_schema::{ArrowError, Field};
use jiff::Timestamp;
use serde_json::Value;
use std::sync::Arc;

/// One array of `kind`, an element for each value; `None` and null are null.
pub fn array(kind: &Kind, values: &[Option<&Value>]) -> Result<ArrayRef, ArrowError> {
    let values_of = |values: &[Option<&Value>]| -> NullBuffer {
        values.iter().map(|v| v.is_some_and(|v| !v.is_null())).collect::<Vec<bool>>().into()
    };
    Ok(match kind {
        Kind::Bool => {
            let mut built = BooleanBuilder::new();
            values.iter().for_each(|v| built.append_option(v.and_then(Value::as_bool)));
            Arc::new(built.finish())
        }
        Kind::Int => {
            let mut built = Int64Builder::new();
            values.iter().for_each(|v| built.append_option(v.and_then(Value::as_i64)));
            Arc::new(built.finish())
        }
        Kind::Float => {
            let mut built = Float64Builder::new();
            values.iter().for_each(|v| built.append_option(v.and_then(number)));
            Arc::new(built.finish())
        }
        Kind::Nothing | Kind::Words | Kind::Text => {
            let mut built = StringBuilder::new();
            values.iter().for_each(|v| built.append_option(v.and_then(Value::as_str)));
            Arc::new(built.finish())
        }
        Kind::Time => {
            let micros = |v: &Value| v.as_str()?.parse::<Timestamp>().ok().map(Timestamp::as_microsecond);
            let micros: TimestampMicrosecondArray = values.iter().map(|v| v.and_then(micros)).collect();
            Arc::new(micros.with_timezone("UTC"))
        }
        Kind::Geometry => {
            let mut built = BinaryBuilder::new();
            values.iter().for_each(|v| built.append_option(v.and_then(wkb::encode)));
            Arc::new(built.finish())
        }
        Kind::Box { heights } => boxes(*heights, values)?,
        Kind::List(element) => {
            let lists: Vec<&[Value]> =
                values.iter().map(|v| v.and_then(Value::as_array).map_or(&[][..], Vec::as_slice)).collect();
            let elements: Vec<Option<&Value>> = lists.iter().flat_map(|list| list.iter().map(Some)).collect();
            let field = Arc::new(Field::new_list_field(element.element_type(), true));
            let offsets = OffsetBuffer::from_lengths(lists.iter().map(|list| list.len()));
            let stored = if element.data_type().is_none() { &Kind::Text } else { element };
            Arc::new(ListArray::try_new(field, offsets, array(stored, &elements)?, Some(values_of(values)))?)
        }
        Kind::Object(columns) => {
            let (fields, arrays) = objects(columns, values)?;
            Arc::new(StructArray::try_new(fields, arrays, Some(values_of(values)))?)
        }
    })
}

fn objects(
    columns: &Columns,
    values: &[Option<&Value>],
) -> Result<(arrow_schema::Fields, Vec<ArrayRef>), ArrowError> {
    let mut arrays = Vec::new();
    for (name, kind) in columns.iter().filter(|(_, kind)| kind.data_type().is_some()) {
        let inner: Vec<Option<&Value>> = values.iter().map(|v| v.and_then(|v| v.get(name))).collect();
        arrays.push(array(kind, &inner)?);
    }
    Ok((columns.fields().unwrap_or_default(), arrays))
}

fn number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| word(value.as_str()?))
}

fn boxes(heights: bool, values: &[Option<&Value>]) -> Result<ArrayRef, ArrowError> {
    let kind = Kind::Box { heights };
    let Some(arrow_schema::DataType::Struct(fields)) = kind.data_type() else {
        return Err(ArrowError::SchemaError("a box is no struct".to_owned()));
    };
    let sides: Vec<Option<&Vec<Value>>> = values.iter().map(|v| v.and_then(Value::as_array)).collect();
    let arrays = (0..box_sides(heights).len()).map(|side| {
        let mut built = Float64Builder::new();
        for numbers in &sides {
            let number = numbers.and_then(|numbers| {
                let at = match (heights, numbers.len()) {
                    (true, 4) => [Some(0), Some(1), None, Some(2), Some(3), None][side],
                    _ => Some(side),
                };
                numbers.get(at?)?.as_f64()
            });
            built.append_option(number);
        }
        Arc::new(built.finish()) as ArrayRef
    });
    let present: NullBuffer = sides.iter().map(Option::is_some).collect::<Vec<bool>>().into();
    Ok(Arc::new(StructArray::try_new(fields, arrays.collect(), Some(present))?))
}
