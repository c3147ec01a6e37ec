//! The project file.

use crate::{Checkpoints, PeriodKind, RunError, SpinUp};
use schemars::JsonSchema;
use seedbed_block::{Bridge, Period, Precision, Unit};
use seedbed_grid::PixelRule;
use seedbed_model::SettingValue;
use seedbed_prep::{LeapRule, Mask, TimeRule};
use seedbed_raster::cog::Compress;
use seedbed_raster::{DType, Resampling};
use seedbed_storage::secret_parameter;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A run as its user wrote it. Relative paths count from the file's folder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Project {
    /// Name, place and time.
    pub project: ProjectSection,
    /// The tiles.
    pub grid: GridSection,
    /// Daily inputs, by the model's names.
    #[serde(default)]
    pub inputs: BTreeMap<String, InputSection>,
    /// One value a pixel, by the model's names.
    #[serde(default)]
    pub statics: BTreeMap<String, StaticSection>,
    /// The model.
    pub model: ModelSection,
    /// What is written.
    #[serde(default)]
    pub output: OutputSection,
    /// The file it was read from.
    #[serde(skip)]
    pub path: PathBuf,
}

/// `[project]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProjectSection {
    /// The product's name.
    pub name: String,
    /// The folder that outputs go to.
    pub out: String,
    /// The days to run, first and last included.
    #[schemars(with = "String")]
    pub period: Period,
    /// What stands for days that an input's calendar leaves out. Between the layers of composites and climatologies
    /// every day is interpolated, whatever is said here.
    #[serde(default)]
    pub leap: LeapRule,
}

/// `[grid]`: a file, a well-known grid, or what to make one from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GridSection {
    /// A `tiles.grid.json`.
    pub file: Option<String>,
    /// A well-known grid, in its usual tiles.
    pub name: Option<String>,
    /// The CRS of the grid.
    pub crs: Option<String>,
    /// Corner of pixel (0, 0).
    pub origin: Option<[f64; 2]>,
    /// Pixel size in CRS units.
    pub resolution: Option<f64>,
    /// Tile size: `200px`, `2deg` or `100000m`.
    pub tile: Option<String>,
    /// Area of interest: a file, or well-known text.
    pub aoi: Option<String>,
}

/// `[inputs.NAME]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InputSection {
    /// A catalog, an item collection or an item.
    pub items: Option<String>,
    /// The asset key.
    pub asset: Option<String>,
    /// What it is read from on the days of some periods, where that isn't always the same.
    #[serde(default)]
    pub switch: Vec<SwitchSection>,
    /// The values' unit, where items and files don't say or say wrong.
    #[schemars(with = "Option<String>")]
    pub unit: Option<Unit>,
    /// The kernel.
    pub resampling: Option<Resampling>,
    /// From layers to days.
    #[serde(default)]
    pub time: TimeRule,
    /// The longest gap between composites, or layers of a climatology, that is bridged, such as
    /// `48d`, which it is where nothing is said; but then nothing is bridged where layers come a
    /// day apart.
    #[schemars(with = "Option<String>")]
    pub bridge: Option<Bridge>,
    /// By `time = "composite-day"`: the asset, or the variable of the same file, that says on
    /// which day of the year each pixel was observed; found by its usual names where none is
    /// given.
    pub composite_day: Option<String>,
    /// Which pixels a quality layer lets through, as `prep --mask` writes it.
    #[schemars(with = "Option<String>")]
    pub mask: Option<Mask>,
    /// Keep values outside the range that item or file calls valid; where it isn't said
    /// they are missing, unless the model's variant must see them.
    pub keep_invalid: Option<bool>,
    /// Stored number × scale + offset is a value in its unit; where neither file nor item states them.
    pub scale: Option<f64>,
    /// Added after it, likewise.
    pub offset: Option<f64>,
}

/// `[[inputs.NAME.switch]]`: what an input is read from on the days of a period. What isn't
/// said here is as in `[inputs.NAME]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SwitchSection {
    /// The days, first and last included: `1950/1959`.
    #[schemars(with = "String")]
    pub period: Period,
    /// A catalog, an item collection or an item.
    pub items: Option<String>,
    /// The asset key.
    pub asset: Option<String>,
    /// The values' unit.
    #[schemars(with = "Option<String>")]
    pub unit: Option<Unit>,
    /// From layers to days.
    pub time: Option<TimeRule>,
    /// Stored number × scale + offset is a value in its unit; where neither file nor item states them.
    pub scale: Option<f64>,
    /// Added after it, likewise.
    pub offset: Option<f64>,
}

/// `[statics.NAME]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StaticSection {
    /// A raster.
    pub href: Option<String>,
    /// A catalog, an item collection or an item.
    pub items: Option<String>,
    /// The asset key in it.
    pub asset: Option<String>,
    /// One value everywhere.
    pub value: Option<f64>,
    /// The values of the raster's classes: `{ 11 = 0, 41 = 18.5 }`. They take the classes' place
    /// before anything is resampled, in `unit` or, where none is given, the model's.
    pub classes: Option<BTreeMap<String, f64>>,
    /// The value of classes that aren't named; without it such a class is an error.
    pub other: Option<f64>,
    /// The unit of the values.
    #[schemars(with = "Option<String>")]
    pub unit: Option<Unit>,
    /// The kernel.
    pub resampling: Option<Resampling>,
    /// Keep values outside the range that item or file calls valid, as for inputs.
    pub keep_invalid: Option<bool>,
    /// Stored number × scale + offset is a value in its unit; where neither file nor item states them.
    pub scale: Option<f64>,
    /// Added after it, likewise.
    pub offset: Option<f64>,
}

/// `[model]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ModelSection {
    /// The model's name.
    pub name: String,
    /// The variant; the model's first where none is named.
    pub variant: Option<String>,
    /// What is computed in, `f32` or `f64`; where it isn't said, `f64` for outputs stored as
    /// float64, else `f32`.
    pub precision: Option<Precision>,
    /// The folder of another run with `state = true`, whose last day is the one before this
    /// run's first: it goes on from there.
    pub state: Option<String>,
    /// Days that are run before the first.
    pub spin_up: Option<SpinUp>,
    /// Parameters and switches.
    #[serde(default)]
    pub set: BTreeMap<String, SettingValue>,
}

/// The file format of outputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// A cloud-optimised GeoTIFF a variable and period.
    #[default]
    Cog,
    /// A Zarr cube of each variable for all periods of a kind in a calendar year.
    Zarr,
}

/// `[output]`
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OutputSection {
    /// Variables; the model's usual ones where none are named.
    pub variables: Option<Vec<String>>,
    /// `daily`, `monthly`, `yearly`; the last two where none are named.
    pub periods: Option<Vec<PeriodKind>>,
    /// Stored type.
    pub dtype: Option<DType>,
    /// Physical value of one stored step, for integer types.
    pub scale: Option<f64>,
    /// File format.
    #[serde(default)]
    pub format: Format,
    /// Codec.
    pub compress: Option<Compress>,
    /// How often a tile keeps what a run that was cut, or goes on later, begins from.
    #[serde(default)]
    pub checkpoints: Checkpoints,
    /// Whether each tile's state behind the last day is a product, from which another run
    /// can begin.
    #[serde(default)]
    pub state: bool,
    /// Pixels outside of this area are missing in every output, and tiles without any of its
    /// pixels aren't run: `aoi`, the area in [grid], or a file of polygons.
    pub mask: Option<String>,
    /// Which pixels lie in it: those whose centre does, or all that it touches.
    pub mask_rule: Option<PixelRule>,
}

/// Where an input's items come from instead of the file's word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputSource {
    /// The input's name.
    pub name: String,
    /// A catalog or items file.
    pub items: String,
}

impl Project {
    /// Reads a project file.
    ///
    /// # Errors
    /// [`RunError::Read`] if there is none; [`RunError::Project`] with line and
    /// column for a mistake, and the nearest name for an unknown key.
    pub fn read(path: &Path) -> Result<Self, RunError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| RunError::Read { path: path.to_owned(), source })?;
        Self::from_toml(path, &text)
    }

    /// Reads a project from text; `path` stands for it in messages.
    ///
    /// # Errors
    /// As [`Project::read`].
    pub fn from_toml(path: &Path, text: &str) -> Result<Self, RunError> {
        let mut project: Self = toml::from_str(text).map_err(|e| {
            let at = e.span().map_or(0, |s| s.start).min(text.len());
            let before = text.get(..at).unwrap_or_default();
            RunError::Project {
                path: path.to_owned(),
                line: before.matches('\n').count() + 1,
                column: before.chars().rev().take_while(|c| *c != '\n').count() + 1,
                message: suggest(e.message()),
            }
        })?;
        path.clone_into(&mut project.path);
        if let Ok(values) = text.parse::<toml::Table>() {
            project.refuse_secrets("", &toml::Value::Table(values))?;
        }
        Ok(project)
    }

    /// Refuses addresses that carry a secret: a project file is passed on.
    fn refuse_secrets(&self, key: &str, value: &toml::Value) -> Result<(), RunError> {
        let below = |name: &str| if key.is_empty() { name.to_owned() } else { format!("{key}.{name}") };
        match value {
            toml::Value::Table(table) => {
                table.iter().try_for_each(|(name, value)| self.refuse_secrets(&below(name), value))
            }
            toml::Value::Array(values) => values.iter().try_for_each(|value| self.refuse_secrets(key, value)),
            toml::Value::String(text) => match secret_parameter(text) {
                Some(name) => Err(self.key_error(
                    key,
                    format!(
                        "its `{name}` is a secret, and no secret may stand here; name a store of stores.toml"
                    ),
                )),
                None => Ok(()),
            },
            _ => Ok(()),
        }
    }

    /// What the model computes in: as the file says, else as its outputs are stored.
    #[must_use]
    pub fn precision(&self) -> Precision {
        let by_output = match self.output.dtype {
            Some(DType::Float64) => Precision::Double,
            _ => Precision::Single,
        };
        self.model.precision.unwrap_or(by_output)
    }

    /// A path of the project file, from its folder.
    #[must_use]
    pub fn resolve(&self, text: &str) -> String {
        if text.contains("://") || Path::new(text).is_absolute() {
            return text.to_owned();
        }
        self.path.parent().unwrap_or(Path::new("")).join(text).display().to_string()
    }

    /// An error about one of its keys.
    pub(crate) fn key_error(&self, key: impl Into<String>, message: impl Into<String>) -> RunError {
        RunError::Key { path: self.path.clone(), key: key.into(), message: message.into() }
    }

    /// An error about one of its keys that has a cause.
    pub(crate) fn setting_error(
        &self,
        key: impl Into<String>,
        cause: impl std::error::Error + Send + Sync + 'static,
    ) -> RunError {
        RunError::Setting { path: self.path.clone(), key: key.into(), source: Box::new(cause) }
    }
}

/// Adds the nearest known name to a parser's word about an unknown one.
fn suggest(message: &str) -> String {
    let names: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    let Some((unknown, known)) = names.split_first() else { return message.to_owned() };
    if !message.starts_with("unknown field") && !message.starts_with("unknown variant") {
        return message.to_owned();
    }
    let near = known.iter().min_by_key(|k| strsim::damerau_levenshtein(unknown, k));
    match near {
        Some(k) if strsim::damerau_levenshtein(unknown, k) <= unknown.len().max(3) / 2 => {
            format!("{message}; did you mean `{k}`?")
        }
        _ => message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_key_is_named_with_its_line_and_the_nearest_name() {
        let text = "[project]\nname = \"x\"\nout = \"o\"\nperoid = \"2003\"\n";
        let error = Project::from_toml(Path::new("seedbed.toml"), text).unwrap_err().to_string();
        assert!(error.starts_with("seedbed.toml:4:1:"), "{error}");
        assert!(error.contains("did you mean `period`"), "{error}");
    }

    #[test]
    fn relative_paths_count_from_the_project_file() {
        let text = "[project]\nname = \"x\"\nout = \"o\"\nperiod = \"2003\"\n[grid]\nfile = \"g\"\n\
                    [model]\nname = \"veget\"\n";
        let project = Project::from_toml(Path::new("runs/a.toml"), text).unwrap();
        assert_eq!(project.resolve("data/x.tif"), "runs/data/x.tif");
        assert_eq!(project.resolve("/x.tif"), "/x.tif");
        assert_eq!(project.resolve("https://h/x.tif"), "https://h/x.tif");
    }

    #[test]
    fn outputs_of_64_bits_are_computed_in_as_many_unless_the_file_says_otherwise() {
        let precision = |model: &str, output: &str| {
            let text = format!(
                "[project]\nname = \"x\"\nout = \"o\"\nperiod = \"2003\"\n[grid]\nfile = \"g\"\n\
                 [model]\nname = \"veget\"\n{model}\n[output]\n{output}\n"
            );
            Project::from_toml(Path::new("a.toml"), &text).unwrap().precision()
        };
        assert_eq!(precision("", ""), Precision::Single);
        assert_eq!(precision("", "dtype = \"int32\""), Precision::Single);
        assert_eq!(precision("", "dtype = \"float64\""), Precision::Double);
        assert_eq!(precision("precision = \"f32\"", "dtype = \"float64\""), Precision::Single);
        assert_eq!(precision("precision = \"f64\"", ""), Precision::Double);
    }

    #[test]
    fn time_and_bridge_of_an_input_have_the_names_of_the_flags() {
        let text = |bridge: &str| {
            format!(
                "[project]\nname = \"x\"\nout = \"o\"\nperiod = \"2003\"\n[grid]\nfile = \"g\"\n\
                 [inputs.ndvi]\nitems = \"i\"\nasset = \"ndvi\"\ntime = \"climatology\"\nbridge = \"{bridge}\"\n\
                 [model]\nname = \"veget\"\n"
            )
        };
        let project = Project::from_toml(Path::new("a.toml"), &text("32d")).unwrap();
        let ndvi = &project.inputs["ndvi"];
        assert_eq!((ndvi.time, ndvi.bridge.map(Bridge::days)), (TimeRule::Climatology, Some(32)));
        let error = Project::from_toml(Path::new("a.toml"), &text("2w")).unwrap_err().to_string();
        assert!(error.contains("a.toml:11:") && error.contains("48d"), "{error}");
    }
}
