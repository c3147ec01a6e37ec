//! Items to a Parquet file, a row group at a time.

use super::columns::array;
use super::kind::{At, Columns, Kind};
use super::loss::Losses;
use super::rows::{self, GEOMETRIES, TOP};
use super::{PRIMARY, wkb};
use crate::time::INSTANTS;
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{ArrowError, Schema, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs::File;
use std::sync::Arc;

/// Rows of a group, and its bytes in memory, after which the next is begun.
const ROWS: usize = 32_768;
const GROUP: usize = 64 << 20;
/// Items that are held as JSON at once, by the length of their text; in memory it is six times as much.
const HELD: usize = 4 << 20;

/// What the columns of a file must hold, learnt from all items before the first is written.
#[derive(Debug, Default)]
pub struct Table {
    columns: Columns,
    geometries: BTreeSet<String>,
    collections: serde_json::Map<String, Value>,
}

/// Every column's value of an item: fields of the top, then properties.
fn flat(item: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let fields = item.as_object().into_iter().flatten();
    let top = fields.filter(|(name, _)| TOP.contains(&name.as_str()));
    let properties = item["properties"].as_object().into_iter().flatten();
    top.chain(properties).map(|(name, value)| (name.as_str(), value))
}

impl Table {
    /// Makes the columns fit for one more item.
    ///
    /// # Errors
    /// A sentence, if no table can hold it together with the items before.
    pub fn admit(&mut self, item: &Value) -> Result<(), String> {
        if let Some(name) = TOP.iter().find(|name| item["properties"].get(*name).is_some()) {
            return Err(format!(
                "the property `{name}` has the name of a field of items, so a table can't hold it"
            ));
        }
        for (name, value) in flat(item) {
            if GEOMETRIES.contains(&name) {
                self.columns.column(name, || Kind::Geometry);
                if value.is_null() {
                    continue;
                }
                if wkb::encode(value).is_none() {
                    return Err(format!("`{name}` is no GeoJSON geometry"));
                }
                if name == PRIMARY {
                    self.geometries.extend(wkb::type_name(value));
                }
            } else if name == "bbox" {
                let kind = self.columns.column(name, || Kind::Box { heights: false });
                let sides = value.as_array().filter(|sides| sides.iter().all(Value::is_number)).map(Vec::len);
                match sides {
                    Some(4) => {}
                    Some(6) => *kind = Kind::Box { heights: true },
                    _ if value.is_null() => {}
                    _ => return Err("`bbox` is no list of four or six numbers".to_owned()),
                }
            } else {
                let new = || if INSTANTS.contains(&name) { Kind::Time } else { Kind::Nothing };
                self.columns.column(name, new).admit(value, At { above: None, name })?;
            }
        }
        Ok(())
    }

    /// Keeps a collection's document beside the items.
    pub fn keep_collection(&mut self, document: Value) {
        if let Some(id) = document["id"].as_str().map(str::to_owned) {
            self.collections.insert(id, document);
        }
    }

    /// Writes the items, which are those that were admitted, each with the length of its text.
    ///
    /// # Errors
    /// [`ParquetError`]; an error of the items' own comes as an external one.
    pub fn write(
        &mut self,
        items: impl Iterator<Item = Result<(Value, usize), ParquetError>>,
        file: File,
    ) -> Result<Losses, ParquetError> {
        // Also a table of no items is one of items.
        self.columns.column("id", || Kind::Text);
        let kept: Vec<(&str, &Kind)> =
            self.columns.iter().filter(|(_, kind)| kind.data_type().is_some()).collect();
        // In the file for all, and in the Arrow schema since pyarrow looks only there.
        let metadata = self.metadata();
        let schema = Schema::new_with_metadata(
            self.columns.fields().unwrap_or_default(),
            metadata.iter().filter_map(|m| Some((m.key.clone(), m.value.clone()?))).collect(),
        );
        let schema = Arc::new(schema);
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::try_new(3)?))
            .set_key_value_metadata(Some(metadata))
            .build();
        let mut writer = ArrowWriter::try_new(file, Arc::clone(&schema), Some(properties))?;
        let mut losses = Losses::default();
        let (mut rows, mut held, mut grouped) = (Vec::new(), 0, 0);
        for item in items {
            let (item, length) = item?;
            rows.push(item);
            held += length;
            if held >= HELD || grouped + rows.len() == ROWS {
                batch(&mut writer, &schema, &kept, &rows, &mut losses)?;
                grouped += rows.len();
                (rows, held) = (Vec::new(), 0);
            }
            if grouped >= ROWS || (held == 0 && writer.in_progress_size() >= GROUP) {
                writer.flush()?;
                grouped = 0;
            }
        }
        if !rows.is_empty() {
            batch(&mut writer, &schema, &kept, &rows, &mut losses)?;
        }
        writer.close()?;
        Ok(losses)
    }

    fn metadata(&self) -> Vec<KeyValue> {
        let mut columns = json!({PRIMARY: {
            "encoding": "WKB",
            "geometry_types": self.geometries,
            "covering": {"bbox": {
                "xmin": ["bbox", "xmin"], "ymin": ["bbox", "ymin"],
                "xmax": ["bbox", "xmax"], "ymax": ["bbox", "ymax"]}}}});
        let has = |name: &str| self.columns.iter().any(|(column, _)| column == name);
        if !has("bbox") {
            columns[PRIMARY].as_object_mut().map(|column| column.shift_remove("covering"));
        }
        if has("proj:geometry") {
            // Not in degrees, and perhaps not all in one system.
            columns["proj:geometry"] = json!({"encoding": "WKB", "geometry_types": [], "crs": null});
        }
        let geo = json!({"version": "1.1.0", "primary_column": PRIMARY, "columns": columns});
        let mut stac = json!({"version": "1.0.0"});
        if !self.collections.is_empty() {
            stac["collections"] = Value::Object(self.collections.clone());
        }
        vec![
            KeyValue::new("geo".to_owned(), geo.to_string()),
            KeyValue::new("stac-geoparquet".to_owned(), stac.to_string()),
        ]
    }
}

/// Writes some rows, and reads them back to see what they hold.
fn batch(
    writer: &mut ArrowWriter<File>,
    schema: &SchemaRef,
    columns: &[(&str, &Kind)],
    items: &[Value],
    losses: &mut Losses,
) -> Result<(), ParquetError> {
    let arrays: Result<Vec<ArrayRef>, ArrowError> = columns
        .iter()
        .map(|(name, kind)| {
            let top = TOP.contains(name);
            let values: Vec<Option<&Value>> = items
                .iter()
                .map(|item| if top { item.get(*name) } else { item["properties"].get(*name) })
                .collect();
            array(kind, &values)
        })
        .collect();
    let batch = RecordBatch::try_new(Arc::clone(schema), arrays?)?;
    let back = rows::items(&batch).map_err(ParquetError::General)?;
    items.iter().zip(&back).for_each(|(item, back)| losses.compare(item, back));
    writer.write(&batch)
}
