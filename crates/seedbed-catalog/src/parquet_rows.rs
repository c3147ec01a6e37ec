//! Rows of text and numbers as a Parquet file, a group of rows at a time.

use arrow_array::builder::{Float64Builder, StringBuilder};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use std::io::{self, Write};
use std::sync::Arc;

/// Rows of a group.
const ROWS: usize = 65_536;

/// What stands in a cell.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Cell<'a> {
    /// Text, in a column of texts.
    Text(&'a str),
    /// A number, in a column of numbers.
    Number(f64),
    /// Nothing.
    Empty,
}

/// A Parquet file that grows by rows. A column holds texts or 64-bit numbers, each of which
/// may lack.
pub struct ParquetRows<W: Write + Send> {
    schema: SchemaRef,
    columns: Vec<Column>,
    rows: usize,
    writer: ArrowWriter<W>,
}

enum Column {
    Text(StringBuilder),
    Number(Float64Builder),
}

impl<W: Write + Send> ParquetRows<W> {
    /// Begins a file with columns by name; `true` is one of numbers.
    ///
    /// # Errors
    /// An I/O error with Parquet's reason.
    pub fn begin(columns: &[(String, bool)], out: W) -> io::Result<Self> {
        let kind = |number: bool| if number { DataType::Float64 } else { DataType::Utf8 };
        let fields: Vec<Field> =
            columns.iter().map(|(name, number)| Field::new(name, kind(*number), true)).collect();
        let schema = Arc::new(Schema::new(fields));
        let level = ZstdLevel::try_new(3).map_err(failed)?;
        let properties = WriterProperties::builder().set_compression(Compression::ZSTD(level)).build();
        let writer = ArrowWriter::try_new(out, schema.clone(), Some(properties)).map_err(failed)?;
        let column = |(_, number): &(String, bool)| {
            if *number { Column::Number(Float64Builder::new()) } else { Column::Text(StringBuilder::new()) }
        };
        Ok(Self { schema, columns: columns.iter().map(column).collect(), rows: 0, writer })
    }

    /// Adds a row with a cell a column. A cell of the other kind is an empty one.
    ///
    /// # Errors
    /// As [`ParquetRows::begin`].
    pub fn put(&mut self, row: &[Cell<'_>]) -> io::Result<()> {
        for (column, cell) in self.columns.iter_mut().zip(row) {
            match (column, cell) {
                (Column::Text(texts), Cell::Text(text)) => texts.append_value(text),
                (Column::Text(texts), _) => texts.append_null(),
                (Column::Number(numbers), Cell::Number(number)) => numbers.append_value(*number),
                (Column::Number(numbers), _) => numbers.append_null(),
            }
        }
        self.rows += 1;
        if self.rows == ROWS { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.rows == 0 {
            return Ok(());
        }
        self.rows = 0;
        let array = |column: &mut Column| -> ArrayRef {
            match column {
                Column::Text(texts) => Arc::new(texts.finish()),
                Column::Number(numbers) => Arc::new(numbers.finish()),
            }
        };
        let arrays = self.columns.iter_mut().map(array).collect();
        let batch = RecordBatch::try_new(self.schema.clone(), arrays)
            .map_err(|e: ArrowError| io::Error::other(e.to_string()))?;
        self.writer.write(&batch).map_err(failed)
    }

    /// Writes what is left and the file's end; gives the file back.
    ///
    /// # Errors
    /// As [`ParquetRows::begin`].
    pub fn finish(mut self) -> io::Result<W> {
        self.flush()?;
        self.writer.into_inner().map_err(failed)
    }
}

fn failed(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(cause) => io::Error::other(cause.to_string()),
        other => io::Error::other(other.to_string()),
    }
}
