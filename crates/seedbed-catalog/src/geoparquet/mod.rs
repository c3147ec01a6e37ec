//! Items as a table: stac-geoparquet 1.0, a `GeoParquet` file with a row an item.
//!
//! Properties are columns beside an item's own fields, the geometry is WKB, the
//! box an object of its sides, times are instants. A column has one type, so
//! items that don't agree on one are refused; `nan` and the like beside numbers
//! become such numbers. What a table can't hold otherwise, as a null that isn't
//! simply absent, is found by comparing each row with its item, and told.

mod columns;
mod kind;
mod loss;
mod rows;
mod wkb;
mod write;

pub use write::Table;

use bytes::Bytes;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use parquet::errors::ParquetError;
use serde_json::Value;
use std::fs::File;
use std::io;

/// The column of footprints.
const PRIMARY: &str = "geometry";
/// Rows that are held at once: a large item takes a quarter of a megabyte.
const BATCH: usize = 128;

/// The items of a file, one after another.
pub struct Reader {
    batches: ParquetRecordBatchReader,
    read: std::vec::IntoIter<Value>,
}

impl Reader {
    /// Of a local file.
    ///
    /// # Errors
    /// A sentence, if it is no Parquet file of items.
    pub fn of_file(file: File) -> Result<Self, String> {
        Self::new(ParquetRecordBatchReaderBuilder::try_new(file))
    }

    /// Of a file's bytes.
    ///
    /// # Errors
    /// As [`Reader::of_file`].
    pub fn of_bytes(bytes: Vec<u8>) -> Result<Self, String> {
        Self::new(ParquetRecordBatchReaderBuilder::try_new(Bytes::from(bytes)))
    }

    fn new<T: parquet::file::reader::ChunkReader + 'static>(
        builder: Result<ParquetRecordBatchReaderBuilder<T>, ParquetError>,
    ) -> Result<Self, String> {
        let builder = builder.map_err(|e| e.to_string())?;
        if builder.schema().column_with_name("id").is_none() {
            return Err("this Parquet file has no column `id`, so it holds no items".to_owned());
        }
        let batches = builder.with_batch_size(BATCH).build().map_err(|e| e.to_string())?;
        Ok(Self { batches, read: Vec::new().into_iter() })
    }
}

impl Iterator for Reader {
    type Item = Result<Value, String>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(item) = self.read.next() {
                return Some(Ok(item));
            }
            let batch = self.batches.next()?.map_err(|e| e.to_string());
            match batch.and_then(|batch| rows::items(&batch)) {
                Ok(items) => self.read = items.into_iter(),
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

/// The file system's own error, where that is what failed.
pub fn io_error(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(inner) => match inner.downcast::<io::Error>() {
            Ok(error) => *error,
            Err(inner) => io::Error::other(inner),
        },
        other => io::Error::other(other),
    }
}
