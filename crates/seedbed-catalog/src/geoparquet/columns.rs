//! JSON values to Arrow arrays.

use super::kind::{Columns, Kind, box_sides, word};
use super::wkb;
use arrow_array::{
    ArrayRef, BinaryArray, BooleanArray, Float64Array, Int64Array, ListArray, StringArray, StructArray,
    TimestampMicrosecondArray,
};
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
        Kind::Bool => Arc::new(each(values, Value::as_bool).collect::<BooleanArray>()),
        Kind::Int => Arc::new(each(values, Value::as_i64).collect::<Int64Array>()),
        Kind::Float => Arc::new(each(values, number).collect::<Float64Array>()),
        Kind::Nothing | Kind::Words | Kind::Text => {
            Arc::new(each(values, Value::as_str).collect::<StringArray>())
        }
        Kind::Time => {
            let micros = |v: &Value| v.as_str()?.parse::<Timestamp>().ok().map(Timestamp::as_microsecond);
            Arc::new(each(values, micros).collect::<TimestampMicrosecondArray>().with_timezone("UTC"))
        }
        Kind::Geometry => Arc::new(each(values, wkb::encode).collect::<BinaryArray>()),
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

/// What there is of one type in each value.
fn each<'a, T>(
    values: &[Option<&'a Value>],
    of: impl Fn(&'a Value) -> Option<T>,
) -> impl Iterator<Item = Option<T>> {
    values.iter().map(move |value| value.and_then(&of))
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
        let numbers = sides.iter().map(|numbers| {
            let numbers = (*numbers)?;
            let at = match (heights, numbers.len()) {
                (true, 4) => [Some(0), Some(1), None, Some(2), Some(3), None][side],
                _ => Some(side),
            };
            numbers.get(at?)?.as_f64()
        });
        Arc::new(numbers.collect::<Float64Array>()) as ArrayRef
    });
    let present: NullBuffer = sides.iter().map(Option::is_some).collect::<Vec<bool>>().into();
    Ok(Arc::new(StructArray::try_new(fields, arrays.collect(), Some(present))?))
}
