//! Finding a model: built in, of the caller's own, or by its definition.

use crate::exec::Program;
use crate::hosted::Hosted;
use crate::{Definition, HostError, Kind};
use seedbed_model::Model;
use std::path::{Path, PathBuf};

/// The models there are: built-in ones, those that a program brings along, and the
/// definitions in some folders.
#[derive(Clone, Default)]
pub struct Models {
    own: Vec<&'static dyn Model>,
    folders: Vec<PathBuf>,
}

impl std::fmt::Debug for Models {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let own: Vec<&str> = self.own.iter().map(|m| m.spec().name).collect();
        f.debug_struct("Models").field("own", &own).field("folders", &self.folders).finish()
    }
}

impl Models {
    /// The variable that names folders of definitions, separated as in `PATH`.
    pub const FOLDERS: &str = "SEEDBED_MODELS";

    /// The built-in models, and those defined in the folders of `SEEDBED_MODELS`.
    #[must_use]
    pub fn of_this_machine() -> Self {
        let listed = std::env::var_os(Self::FOLDERS).unwrap_or_default();
        // An empty list is one empty path to the library.
        let folders = std::env::split_paths(&listed).filter(|folder| !folder.as_os_str().is_empty());
        Self { own: Vec::new(), folders: folders.collect() }
    }

    /// The same with a model of the caller's own, which goes before one of that name.
    #[must_use]
    pub fn with(mut self, model: &'static dyn Model) -> Self {
        self.own.push(model);
        self
    }

    /// The model of that name; or, where the name ends in `.toml`, the one that this
    /// file defines, a relative path counting from `base`.
    ///
    /// # Errors
    /// [`HostError::Unknown`] with the nearest name; for a definition that is no good,
    /// what [`Definition::read`] says.
    pub fn find(&self, name: &str, base: &Path) -> Result<&'static dyn Model, HostError> {
        let is_file = Path::new(name).extension().is_some_and(|e| e.eq_ignore_ascii_case("toml"));
        if is_file {
            return load(&base.join(name));
        }
        if let Some(model) = self.own.iter().find(|m| m.spec().name == name) {
            return Ok(*model);
        }
        seedbed_model::find(name).or_else(|source| {
            let paths = self.folders.iter().map(|folder| folder.join(format!("{name}.toml")));
            match paths.clone().find(|path| path.is_file()) {
                Some(path) => load(&path),
                None => {
                    Err(HostError::Unknown { sought: format!("FILE.toml or in {}", Self::FOLDERS), source })
                }
            }
        })
    }

    /// All models: built-in ones, the caller's own, and those of the folders by name.
    ///
    /// # Errors
    /// As [`Models::find`] for a definition that is no good.
    pub fn all(&self) -> Result<Vec<&'static dyn Model>, HostError> {
        let mut all: Vec<&'static dyn Model> = seedbed_model::models().to_vec();
        all.extend(&self.own);
        for folder in &self.folders {
            let entries = std::fs::read_dir(folder)
                .and_then(Iterator::collect::<Result<Vec<_>, _>>)
                .map_err(|source| HostError::Read { path: folder.clone(), source })?;
            let mut paths: Vec<PathBuf> = entries.into_iter().map(|e| e.path()).collect();
            paths.retain(|path| path.extension().is_some_and(|e| e == "toml"));
            paths.sort();
            for path in paths {
                all.push(load(&path)?);
            }
        }
        Ok(all)
    }
}

/// The model that a file defines.
fn load(path: &Path) -> Result<&'static dyn Model, HostError> {
    let definition = Definition::read(path)?;
    let model = match definition.kind {
        Kind::Exec => Hosted::new(&definition, Box::new(Program::of(&definition)))?,
        Kind::Wasm => return component(&definition),
    };
    Ok(Box::leak(Box::new(model)))
}

#[cfg(feature = "wasm")]
fn component(definition: &Definition) -> Result<&'static dyn Model, HostError> {
    let component = crate::wasm::Component::of(definition)?;
    Ok(Box::leak(Box::new(Hosted::new(definition, Box::new(component))?)))
}

#[cfg(not(feature = "wasm"))]
fn component(definition: &Definition) -> Result<&'static dyn Model, HostError> {
    Err(HostError::Key {
        path: definition.path.clone(),
        key: "kind".to_owned(),
        message: "this seedbed was built without the feature `wasm`".to_owned(),
    })
}
