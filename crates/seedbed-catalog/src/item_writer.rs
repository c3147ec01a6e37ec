//! Files of items, written one item after another.

use crate::href::{absolute_href, written_in};
use crate::{CatalogError, Item, ItemForm};
use seedbed_storage::{Location, Stores};
use serde_json::{Value, json};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// Writes items to a file, every href absolute, in memory that doesn't grow with
/// their number. The file has its name when it is whole.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// use seedbed_catalog::{Item, ItemWriter};
/// use seedbed_storage::{Location, Settings, Stores};
/// let folder = tempfile::tempdir()?;
/// let at = Location::from(folder.path().join("items.ndjson"));
/// let mut writer = ItemWriter::begin(&at)?;
/// writer.put(&Item::new("a"))?;
/// let written = writer.finish(&Stores::new(Settings::default())?).await?;
/// assert_eq!(written.items, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct ItemWriter {
    at: Location,
    form: ItemForm,
    out: BufWriter<NamedTempFile>,
    items: usize,
    #[cfg(feature = "parquet")]
    table: crate::geoparquet::Table,
}

/// What became of the items.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Written {
    /// How many.
    pub items: usize,
    /// What the file could not hold of them, in sentences.
    pub notes: Vec<String>,
}

impl ItemWriter {
    /// Begins a file in the form that its name says.
    ///
    /// # Errors
    /// [`CatalogError::Form`] if the name says none, [`CatalogError::NoParquet`]
    /// if this program was built without; [`CatalogError::Io`] if the folder can't be written.
    pub fn begin(at: &Location) -> Result<Self, CatalogError> {
        let form = ItemForm::of_name(at).ok_or_else(|| CatalogError::Form { at: at.to_string() })?;
        Self::begin_as(at, form)
    }

    /// Begins a file in a form, whatever its name.
    ///
    /// # Errors
    /// As [`ItemWriter::begin`].
    pub fn begin_as(at: &Location, form: ItemForm) -> Result<Self, CatalogError> {
        if form == ItemForm::Parquet && !cfg!(feature = "parquet") {
            return Err(CatalogError::NoParquet { at: at.to_string() });
        }
        let folder = folder(at);
        let failed = |source| CatalogError::Io { action: "write", path: path(at), source };
        std::fs::create_dir_all(&folder).map_err(failed)?;
        let mut builder = tempfile::Builder::new();
        let file = builder.prefix(".items").suffix(".part").tempfile_in(&folder).map_err(failed)?;
        let out = BufWriter::with_capacity(1 << 16, file);
        #[cfg(feature = "parquet")]
        let table = crate::geoparquet::Table::default();
        Ok(Self {
            at: at.clone(),
            form,
            out,
            items: 0,
            #[cfg(feature = "parquet")]
            table,
        })
    }

    /// Writes an item.
    ///
    /// # Errors
    /// [`CatalogError::Io`]; [`CatalogError::Document`] if a table can't hold the
    /// item together with those before.
    pub fn put(&mut self, item: &Item) -> Result<(), CatalogError> {
        self.put_value(&with_absolute_hrefs(item, Some(&self.at))).map_err(|why| match why {
            Refusal::Io(source) => CatalogError::Io { action: "write", path: path(&self.at), source },
            #[cfg(feature = "parquet")]
            Refusal::Table(reason) => CatalogError::document(&item.name(), reason),
        })
    }

    /// Keeps a collection's document beside the items, where the form has a place for it.
    pub fn keep_collection(&mut self, document: Value) {
        #[cfg(feature = "parquet")]
        self.table.keep_collection(document);
        #[cfg(not(feature = "parquet"))]
        drop(document);
    }

    fn put_value(&mut self, item: &Value) -> Result<(), Refusal> {
        match self.form {
            ItemForm::Json => {
                let begin = if self.items == 0 {
                    "{\n  \"type\": \"FeatureCollection\",\n  \"features\": [\n"
                } else {
                    ",\n"
                };
                self.out.write_all(begin.as_bytes())?;
                // No line break stands inside of a JSON text, so this shifts the whole.
                self.out.write_all(format!("    {item:#}").replace('\n', "\n    ").as_bytes())?;
            }
            ItemForm::Ndjson | ItemForm::Parquet => {
                #[cfg(feature = "parquet")]
                if self.form == ItemForm::Parquet {
                    self.table.admit(item).map_err(Refusal::Table)?;
                }
                serde_json::to_writer(&mut self.out, item).map_err(io::Error::from)?;
                self.out.write_all(b"\n")?;
            }
        }
        self.items += 1;
        Ok(())
    }

    /// Gives the file its name.
    ///
    /// # Errors
    /// [`CatalogError::Io`] or [`CatalogError::Write`]; nothing is then at its name that wasn't before.
    pub async fn finish(mut self, stores: &Stores) -> Result<Written, CatalogError> {
        let at = self.at.clone();
        let failed = |source| CatalogError::Io { action: "write", path: path(&at), source };
        if self.form == ItemForm::Json {
            let end: &[u8] = match self.items {
                0 => b"{\n  \"type\": \"FeatureCollection\",\n  \"features\": []\n}\n",
                _ => b"\n  ]\n}\n",
            };
            self.out.write_all(end).map_err(failed)?;
        }
        let items = self.items;
        let form = self.form;
        let file = self.out.into_inner().map_err(|e| failed(e.into_error()))?;
        let (file, notes) = match form {
            #[cfg(feature = "parquet")]
            ItemForm::Parquet => tabulate(&mut self.table, file, &folder(&at)).map_err(failed)?,
            _ => (file, Vec::new()),
        };
        let Some(path) = at.as_path() else {
            let bytes = std::fs::read(file.path()).map_err(failed)?;
            let written = stores.replace(&at, bytes.into()).await;
            written.map_err(|source| CatalogError::Write { at: at.clone(), source })?;
            return Ok(Written { items, notes });
        };
        readable_by_others(file.as_file()).map_err(failed)?;
        file.as_file().sync_all().map_err(failed)?;
        file.persist(path).map_err(|e| failed(e.error))?;
        Ok(Written { items, notes })
    }
}

enum Refusal {
    Io(io::Error),
    #[cfg(feature = "parquet")]
    Table(String),
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// The table of the items that `lines` holds.
#[cfg(feature = "parquet")]
fn tabulate(
    table: &mut crate::geoparquet::Table,
    mut lines: NamedTempFile,
    folder: &Path,
) -> io::Result<(NamedTempFile, Vec<String>)> {
    use parquet::errors::ParquetError;
    use std::io::{BufRead, BufReader, Seek};
    let out = tempfile::Builder::new().prefix(".items").suffix(".part").tempfile_in(folder)?;
    lines.rewind()?;
    let items = BufReader::with_capacity(1 << 16, lines.as_file()).split(b'\n').map(|line| {
        let line = line.map_err(|e| ParquetError::External(Box::new(e)))?;
        let item = serde_json::from_slice(&line).map_err(|e| ParquetError::External(Box::new(e)))?;
        Ok((item, line.len()))
    });
    let losses = table.write(items, out.as_file().try_clone()?).map_err(crate::geoparquet::io_error)?;
    Ok((out, losses.sentences().collect()))
}

/// Temporary files are their owner's alone; what is given a name is as any other file.
fn readable_by_others(file: &std::fs::File) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        file.set_permissions(std::fs::Permissions::from_mode(0o644))?;
    }
    #[cfg(not(unix))]
    let _ = file;
    Ok(())
}

/// The local folder where a file grows.
fn folder(at: &Location) -> PathBuf {
    match at.as_path() {
        Some(path) => {
            path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_owned()
        }
        None => std::env::temp_dir(),
    }
}

fn path(at: &Location) -> PathBuf {
    at.as_path().map_or_else(std::env::temp_dir, Path::to_owned)
}

/// The item with every href of its links and assets absolute, as they must stand in a document at `at`.
pub fn with_absolute_hrefs(item: &Item, at: Option<&Location>) -> Value {
    let base = item.location();
    let mut value = item.as_value().clone();
    let fix = |object: &mut Value| {
        if let Some(href) = object.get("href").and_then(Value::as_str) {
            let href = absolute_href(base, href);
            object["href"] = json!(match at {
                Some(at) => written_in(at, href),
                None => href,
            });
        }
    };
    value["links"].as_array_mut().into_iter().flatten().for_each(fix);
    for (_, asset) in value["assets"].as_object_mut().into_iter().flatten() {
        fix(asset);
        asset
            .get_mut("alternate")
            .and_then(Value::as_object_mut)
            .into_iter()
            .flatten()
            .for_each(|(_, a)| fix(a));
    }
    value
}
