//! Other people's readers, by way of Python.

use crate::sandbox::{Ran, Sandbox};
use std::ffi::OsStr;
use std::path::PathBuf;
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

#[test]
fn the_readers_are_the_ones_the_tests_count_on() {
    let sandbox = Sandbox::new();
    let script = "import h5py, netCDF4, numpy, pystac, pystac_client, rasterio, rio_cogeo, rioxarray, xarray\n\
                  import sys; print(rasterio.__version__, *sys.argv[1:])";
    if let Some(ran) = python(&sandbox, script, ["given"]) {
        ran.succeeds().prints(" given");
    }
}
