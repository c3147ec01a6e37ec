//! Tables of rows that commands write: CSV, JSON or Parquet, by the file's ending.

use crate::failure::usage_hint;
use crate::whole_file;
use anyhow::Context;
use serde_json::{Map, Value};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Texts.
    Text,
    /// Numbers.
    Number,
}

/// What stands in a cell.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// A text.
    Text(String),
    /// A number; what isn't finite is as nothing.
    Number(f64),
    /// Nothing.
    Empty,
}

impl From<Option<f64>> for Cell {
    fn from(value: Option<f64>) -> Self {
        value.filter(|v| v.is_finite()).map_or(Self::Empty, Self::Number)
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

/// A form of tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Comma-separated values with a head line (RFC 4180).
    Csv,
    /// An array of objects.
    Json,
    /// Apache Parquet.
    Parquet,
}

impl Form {
    /// The form that a file's name says.
    pub fn of(path: &Path) -> anyhow::Result<Self> {
        let ending = path.extension().map(std::ffi::OsStr::to_ascii_lowercase);
        let form = match ending.as_deref().and_then(|e| e.to_str()) {
            Some("csv") => Self::Csv,
            Some("json") => Self::Json,
            Some("parquet") if cfg!(feature = "parquet") => Self::Parquet,
            Some("parquet") => {
                return Err(usage_hint(
                    format!("{}: this build of the program writes no Parquet", path.display()),
                    "write .csv or .json",
                ));
            }
            _ => {
                return Err(usage_hint(
                    format!("{}: the name's ending says no form of a table", path.display()),
                    "write table.csv, table.json or table.parquet",
                ));
            }
        };
        Ok(form)
    }
}

/// A table under way: it has its name when it is whole. Dropped before, it leaves nothing.
pub struct Table {
    path: PathBuf,
    temporary: PathBuf,
    columns: Vec<(String, Kind)>,
    rows: usize,
    out: Option<Out>,
}

enum Out {
    Csv(Box<csv::Writer<BufWriter<File>>>),
    Json(BufWriter<File>),
    #[cfg(feature = "parquet")]
    Parquet(Box<seedbed_catalog::ParquetRows<BufWriter<File>>>),
}

impl Table {
    /// Begins a table of these columns.
    pub fn begin(path: &Path, columns: Vec<(String, Kind)>) -> anyhow::Result<Self> {
        let form = Form::of(path)?;
        let temporary = whole_file::temporary(path);
        let failed = || format!("cannot write {}", path.display());
        let file = BufWriter::new(File::create(&temporary).with_context(failed)?);
        let mut table = Self { path: path.to_owned(), temporary, columns, rows: 0, out: None };
        table.out = Some(match form {
            Form::Csv => {
                let mut writer = csv::Writer::from_writer(file);
                writer.write_record(table.columns.iter().map(|(name, _)| name)).with_context(failed)?;
                Out::Csv(Box::new(writer))
            }
            Form::Json => Out::Json(file),
            #[cfg(feature = "parquet")]
            Form::Parquet => {
                let named: Vec<(String, bool)> =
                    table.columns.iter().map(|(name, kind)| (name.clone(), *kind == Kind::Number)).collect();
                let rows = seedbed_catalog::ParquetRows::begin(&named, file).with_context(failed)?;
                Out::Parquet(Box::new(rows))
            }
            #[cfg(not(feature = "parquet"))]
            Form::Parquet => anyhow::bail!(failed()),
        });
        Ok(table)
    }

    /// Adds a row with a cell a column.
    pub fn put(&mut self, row: &[Cell]) -> anyhow::Result<()> {
        let failed = || format!("cannot write {}", self.path.display());
        match self.out.as_mut() {
            Some(Out::Csv(writer)) => {
                let text = |cell: &Cell| match cell {
                    Cell::Text(text) => text.clone(),
                    Cell::Number(number) => number.to_string(),
                    Cell::Empty => String::new(),
                };
                writer.write_record(row.iter().map(text)).with_context(failed)?;
            }
            Some(Out::Json(out)) => {
                let value = |cell: &Cell| match cell {
                    Cell::Text(text) => Value::from(text.as_str()),
                    Cell::Number(number) => Value::from(*number),
                    Cell::Empty => Value::Null,
                };
                let pairs = self.columns.iter().zip(row).map(|((name, _), cell)| (name.clone(), value(cell)));
                let object = Value::Object(pairs.collect::<Map<_, _>>());
                let before = if self.rows == 0 { "[\n" } else { ",\n" };
                write!(out, "{before}{object}").with_context(failed)?;
            }
            #[cfg(feature = "parquet")]
            Some(Out::Parquet(rows)) => {
                use seedbed_catalog::ParquetCell;
                let cells: Vec<ParquetCell<'_>> = row
                    .iter()
                    .map(|cell| match cell {
                        Cell::Text(text) => ParquetCell::Text(text),
                        Cell::Number(number) => ParquetCell::Number(*number),
                        Cell::Empty => ParquetCell::Empty,
                    })
                    .collect();
                rows.put(&cells).with_context(failed)?;
            }
            None => {}
        }
        self.rows += 1;
        Ok(())
    }

    /// Gives the table its name; tells how many rows it has.
    pub fn finish(mut self) -> anyhow::Result<usize> {
        let failed = format!("cannot write {}", self.path.display());
        let mut file = match self.out.take() {
            Some(Out::Csv(writer)) => {
                writer.into_inner().map_err(|e| anyhow::anyhow!("{}", e.error())).context(failed.clone())?
            }
            Some(Out::Json(mut out)) => {
                out.write_all(if self.rows == 0 { b"[]\n" } else { b"\n]\n" }).context(failed.clone())?;
                out
            }
            #[cfg(feature = "parquet")]
            Some(Out::Parquet(rows)) => rows.finish().context(failed.clone())?,
            None => anyhow::bail!(failed),
        };
        file.flush().and_then(|()| file.get_ref().sync_all()).context(failed.clone())?;
        std::fs::rename(&self.temporary, &self.path).context(failed)?;
        Ok(self.rows)
    }
}

impl Drop for Table {
    fn drop(&mut self) {
        // Gone already if the table has its name.
        let _ = std::fs::remove_file(&self.temporary);
    }
}
