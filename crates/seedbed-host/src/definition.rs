//! The file that describes a user's own model.

use crate::HostError;
use seedbed_block::Unit;
use seedbed_model::{Aggregation, Cadence};
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// A model as its author describes it: one TOML file. Relative paths count from the
/// file's folder.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Definition {
    /// The name it is asked for by.
    pub name: String,
    /// A title of a few words.
    pub title: String,
    /// Goes up whenever the same inputs give other numbers. A changed program or
    /// component is noticed by its bytes without it.
    #[serde(default = "one")]
    pub revision: u32,
    /// By what it is run.
    pub kind: Kind,
    /// Of `exec`: the program and its arguments.
    #[serde(default)]
    pub command: Vec<String>,
    /// Of `exec`: how the program gets its arrays.
    #[serde(default)]
    pub transport: Transport,
    /// Of `wasm`: the component.
    pub component: Option<String>,
    /// More files its results depend on.
    #[serde(default)]
    pub files: Vec<String>,
    /// Of `exec`: variables of the environment that the program sees, beside those
    /// that say where things are (`PATH`, `HOME` and such).
    #[serde(default)]
    pub env: Vec<String>,
    /// Seconds that one call may take.
    #[serde(default = "ten_minutes")]
    pub timeout: f64,
    /// Of `wasm`: MB of memory that it may take.
    #[serde(default = "gigabyte")]
    pub memory: u64,
    /// How often it has something to say.
    #[serde(default)]
    pub cadence: Cadence,
    /// Its variants; one named `default` where there are none.
    #[serde(default)]
    pub variants: Vec<Variant>,
    /// Daily inputs.
    pub inputs: Vec<Input>,
    /// One value a pixel.
    #[serde(default)]
    pub statics: Vec<Input>,
    /// Numbers that hold for the whole run.
    #[serde(default)]
    pub parameters: Vec<Parameter>,
    /// Choices.
    #[serde(default)]
    pub switches: Vec<Switch>,
    /// What it keeps of each pixel from call to call.
    #[serde(default)]
    pub states: Vec<Kept>,
    /// What it gives.
    pub outputs: Vec<Output>,
    /// Papers and code its equations come from.
    #[serde(default)]
    pub references: Vec<String>,
    /// The file it was read from.
    #[serde(skip)]
    pub path: PathBuf,
}

/// By what a model is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A program that reads blocks from its standard input and writes blocks to its
    /// standard output.
    Exec,
    /// A WebAssembly component without files, network and clock.
    Wasm,
}

/// How arrays come to a program and back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Transport {
    /// After the lines that name them, as `NumPy` writes arrays. Any program can read them.
    #[default]
    Pipes,
    /// In memory that both have: faster, for programs that can map a descriptor they inherit.
    SharedMemory,
}

/// `[[variants]]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Variant {
    /// Its name.
    pub name: String,
    /// What sets it apart.
    #[serde(default)]
    pub doc: String,
}

/// `[[inputs]]` and `[[statics]]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// The name.
    pub name: String,
    /// Other names it is known by in tables.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// The unit the model wants.
    pub unit: Unit,
    /// Smallest and largest value there can be in that unit.
    pub range: [f64; 2],
    /// Whether the model can do without it.
    #[serde(default)]
    pub optional: bool,
    /// Of a static: its value where none is given.
    pub value: Option<f64>,
    /// Of a static: taken from the grid where none is given; `latitude` is there.
    pub from_grid: Option<FromGrid>,
    /// The variants that use it; all where none are named.
    #[serde(default)]
    pub used_in: Vec<String>,
    /// What it is.
    #[serde(default)]
    pub doc: String,
}

/// What a grid itself knows of its pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FromGrid {
    /// Latitude of the pixel's centre, degrees north.
    Latitude,
}

/// `[[parameters]]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameter {
    /// The name.
    pub name: String,
    /// Its value where none is set; without one it must be set.
    pub default: Option<f64>,
    /// Smallest and largest value.
    pub range: [f64; 2],
    /// The unit, as text.
    #[serde(default)]
    pub unit: String,
    /// What it is.
    #[serde(default)]
    pub doc: String,
}

/// `[[switches]]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Switch {
    /// The name.
    pub name: String,
    /// The variants in which it is on.
    #[serde(default)]
    pub on_in: Vec<String>,
    /// What it does when on.
    #[serde(default)]
    pub doc: String,
}

/// `[[states]]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kept {
    /// The name.
    pub name: String,
    /// Kept in 64 bits also where the run computes in 32.
    #[serde(default)]
    pub double: bool,
}

/// `[[outputs]]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Output {
    /// The name.
    pub name: String,
    /// The unit.
    pub unit: Unit,
    /// Smallest and largest value there can be: an answer outside is refused.
    pub range: Option<[f64; 2]>,
    /// How it is gathered over a period.
    #[serde(default)]
    pub aggregation: Aggregation,
    /// Whether months and years are among the usual products.
    #[serde(default = "yes")]
    pub usual: bool,
    /// Variants that don't have it.
    #[serde(default)]
    pub absent_in: Vec<String>,
    /// What it is.
    #[serde(default)]
    pub doc: String,
}

fn one() -> u32 {
    1
}

fn yes() -> bool {
    true
}

fn ten_minutes() -> f64 {
    600.0
}

fn gigabyte() -> u64 {
    1000
}

impl Definition {
    /// Reads a definition.
    ///
    /// # Errors
    /// [`HostError::Read`] if there is none, [`HostError::Definition`] with line and
    /// column for a mistake, [`HostError::Key`] for what contradicts itself.
    pub fn read(path: &Path) -> Result<Self, HostError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| HostError::Read { path: path.to_owned(), source })?;
        Self::from_toml(path, &text)
    }

    /// Reads a definition from text; `path` stands for it in messages.
    ///
    /// # Errors
    /// As [`Definition::read`].
    pub fn from_toml(path: &Path, text: &str) -> Result<Self, HostError> {
        let mut definition: Self = toml::from_str(text).map_err(|e| {
            let at = e.span().map_or(0, |s| s.start).min(text.len());
            let before = text.get(..at).unwrap_or_default();
            HostError::Definition {
                path: path.to_owned(),
                line: before.matches('\n').count() + 1,
                column: before.chars().rev().take_while(|c| *c != '\n').count() + 1,
                message: e.message().to_owned(),
            }
        })?;
        path.clone_into(&mut definition.path);
        definition.check()?;
        Ok(definition)
    }

    /// A path of the definition, from its folder.
    #[must_use]
    pub fn resolve(&self, text: &str) -> PathBuf {
        self.path.parent().unwrap_or(Path::new("")).join(text)
    }

    fn check(&self) -> Result<(), HostError> {
        let refuse = |key: &str, message: String| {
            Err(HostError::Key { path: self.path.clone(), key: key.to_owned(), message })
        };
        match self.kind {
            Kind::Exec if self.command.is_empty() => {
                return refuse("command", "kind `exec` needs the program to run".to_owned());
            }
            Kind::Wasm if self.component.is_none() => {
                return refuse("component", "kind `wasm` needs the component's file".to_owned());
            }
            _ => {}
        }
        if self.timeout.is_nan() || self.timeout <= 0.0 {
            return refuse("timeout", format!("{} s is no time", self.timeout));
        }
        if self.inputs.is_empty() || self.outputs.is_empty() {
            return refuse("inputs", "a model has at least one input and one output".to_owned());
        }
        let names = (self.inputs.iter().map(|i| ("inputs", &i.name)))
            .chain(self.statics.iter().map(|i| ("statics", &i.name)))
            .chain(self.states.iter().map(|s| ("states", &s.name)))
            .chain(self.outputs.iter().map(|o| ("outputs", &o.name)))
            .chain(self.parameters.iter().map(|p| ("parameters", &p.name)))
            .chain(self.switches.iter().map(|s| ("switches", &s.name)));
        let mut seen: Vec<&String> = Vec::new();
        for (key, name) in names {
            if !is_name(name) {
                return refuse(key, format!("`{name}` is no name: take letters, digits and _"));
            }
            if seen.contains(&name) {
                return refuse(key, format!("`{name}` is named twice: a call names all its arrays"));
            }
            seen.push(name);
        }
        if self.name.is_empty() || !self.name.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c)) {
            return refuse("name", format!("`{}` is no name: take letters, digits, - and _", self.name));
        }
        let ranges = (self.inputs.iter().chain(&self.statics).map(|i| (&i.name, Some(i.range))))
            .chain(self.parameters.iter().map(|p| (&p.name, Some(p.range))))
            .chain(self.outputs.iter().map(|o| (&o.name, o.range)));
        for (name, range) in ranges {
            if let Some([low, high]) = range
                && (low > high || low.is_nan() || high.is_nan())
            {
                return refuse(name, format!("[{low}, {high}] is no range"));
            }
        }
        for Parameter { name, default, range: [low, high], .. } in &self.parameters {
            if let Some(value) = default.filter(|value| !(*low..=*high).contains(value)) {
                return refuse(name, format!("its default {value} lies outside its range [{low}, {high}]"));
            }
        }
        for input in &self.inputs {
            if input.value.is_some() || input.from_grid.is_some() {
                return refuse(&input.name, "`value` and `from_grid` are for statics".to_owned());
            }
        }
        let known: Vec<&str> = self.variants.iter().map(|v| v.name.as_str()).collect();
        let named = (self.inputs.iter().chain(&self.statics).flat_map(|i| &i.used_in))
            .chain(self.switches.iter().flat_map(|s| &s.on_in))
            .chain(self.outputs.iter().flat_map(|o| &o.absent_in));
        for variant in named {
            if !known.contains(&variant.as_str()) {
                return refuse("variants", format!("there is no variant `{variant}`"));
            }
        }
        Ok(())
    }
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}
