//! Other people's readers, by way of Python.

use crate::sandbox::{Ran, Sandbox};
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The interpreter with the readers of `tests/requirements.txt`, or a printed
/// line that the test is skipped.
pub fn interpreter() -> Option<PathBuf> {
    let found = std::env::var_os("SEEDBED_PYTHON").filter(|p| !p.is_empty()).map(PathBuf::from);
    if found.is_none() {
        println!("skipped: SEEDBED_PYTHON is not set");
    }
    found
}

/// Runs a script in the sandbox's directory; `None`, having said so, where there
/// is no interpreter for it.
pub fn python(
    sandbox: &Sandbox,
    script: &str,
    args: impl IntoIterator<Item = impl AsRef<OsStr>>,
) -> Option<Ran> {
    let output = Command::new(interpreter()?)
        .arg("-c")
        .arg(script)
        .args(args)
        .current_dir(sandbox.path(""))
        .output()
        .unwrap();
    Some(Ran::new("the Python script".to_owned(), &output))
}

/// The schemas at hand with the addresses others know them by: those of the core
/// by version, document and name, the others by what they say themselves.
fn schema_maps(extensions: Option<&Path>) -> Vec<(String, PathBuf)> {
    let core = Path::new(env!("CARGO_MANIFEST_DIR")).join("../seedbed-catalog/schemas");
    let mut maps = Vec::new();
    let named = [core.join("geojson"), core.join("proj")];
    for folder in named.iter().map(PathBuf::as_path).chain(extensions) {
        for path in fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()) {
            let schema: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
            maps.push((schema["$id"].as_str().unwrap().trim_end_matches('#').to_owned(), path));
        }
    }
    for version in ["v1.0.0", "v1.1.0"] {
        for path in fs::read_dir(core.join(version)).unwrap().map(|e| e.unwrap().path()) {
            let name = path.file_stem().unwrap().to_str().unwrap();
            let document = if matches!(name, "catalog" | "collection") { name } else { "item" };
            let id =
                format!("https://schemas.stacspec.org/{version}/{document}-spec/json-schema/{name}.json");
            maps.push((id, path));
        }
    }
    maps
}

/// The extensions that the documents below a folder of the sandbox declare.
fn declared(sandbox: &Sandbox, folder: &Path) -> BTreeSet<String> {
    let documents = sandbox.files().into_iter().filter(|f| Path::new(f).starts_with(folder));
    let documents = documents.filter(|f| Path::new(f).extension().is_some_and(|e| e == "json"));
    let extensions = documents.map(|f| sandbox.json(f)["stac_extensions"].clone());
    let all = extensions.flat_map(|e| e.as_array().cloned().unwrap_or_default());
    all.map(|e| e.as_str().unwrap().to_owned()).collect()
}

/// Validates a catalog and everything below it with stac-validator, offline, with
/// the extensions whose schemas are in the folder given; others pass, having been
/// named. `None`, having said so, where there is no interpreter.
pub fn stac_validator(sandbox: &Sandbox, catalog: &str, extensions: Option<&Path>) -> Option<Ran> {
    let program = interpreter()?.with_file_name("stac-validator");
    let mut maps = schema_maps(extensions);
    let anything = sandbox.write("anything.schema", "{}");
    for extension in declared(sandbox, Path::new(catalog).parent().unwrap()) {
        if !maps.iter().any(|(id, _)| *id == extension) {
            println!("{catalog}: not validated against {extension}");
            maps.push((extension, anything.clone()));
        }
    }
    let maps = maps.iter().flat_map(|(id, file)| ["--schema-map", id, file.to_str().unwrap()]);
    // No proxy leads anywhere: what wants the network must fail.
    let output = Command::new(program)
        .args(["validate", "--recursive"])
        .args(maps)
        .arg(catalog)
        .current_dir(sandbox.path(""))
        .env("http_proxy", "http://127.0.0.1:1")
        .env("https_proxy", "http://127.0.0.1:1")
        .output()
        .unwrap();
    Some(Ran::new(format!("stac-validator {catalog}"), &output))
}

#[test]
fn the_readers_are_the_ones_the_tests_count_on() {
    let sandbox = Sandbox::new();
    let script = "import h5py, netCDF4, numpy, pystac, pystac_client, rasterio, rio_cogeo, rioxarray, xarray\n\
                  import sys; print(rasterio.__version__, *sys.argv[1:])";
    if let Some(ran) = python(&sandbox, script, ["given"]) {
        ran.succeeds().prints(" given");
    }
}
