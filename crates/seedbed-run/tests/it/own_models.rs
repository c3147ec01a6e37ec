//! The user's own models on tiles: in Rust, and in a program of its own.

use crate::support::{Sandbox, Unwatched, options};
use seedbed_host::Models;
use seedbed_raster::Proj;
use seedbed_run::{Overrides, Project, Runner};
use std::fs;
use std::path::{Path, PathBuf};

#[allow(clippy::pedantic, missing_docs, reason = "an example is as short as it can be")]
#[rustfmt::skip]
#[path = "../../../../examples/degree-days-rust/src/lib.rs"]
mod degree_days;

const PROJECT: &str = r#"
[project]
name = "warmth"
out = "out"
period = "2004-02-20/2004-03-10"

[grid]
file = "tiles.grid.json"

[inputs.tmin]
items = "weather.json"
asset = "tmin"

[inputs.tmax]
items = "weather.json"
asset = "tmax"

[model]
name = "NAME"
precision = "f64"
set = { base = 2 }

[output]
periods = ["daily", "yearly"]
variables = ["gdd", "gdd_total"]
"#;

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples")
}

/// A sandbox whose project names a model.
fn project(name: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write_project(&PROJECT.replace("NAME", name));
    sandbox
}

/// The Python example in a sandbox, run by the tests' Python.
fn in_python(program: impl Fn(String) -> String) -> Option<Sandbox> {
    let Some(python) = std::env::var_os("SEEDBED_PYTHON") else {
        println!("skipped: SEEDBED_PYTHON names no Python with NumPy");
        return None;
    };
    let sandbox = project("own/degree_days.toml");
    fs::create_dir(sandbox.path("own")).unwrap();
    let read = |name: &str| fs::read_to_string(examples().join("degree-days-python").join(name)).unwrap();
    let definition = read("degree_days.toml").replace("python3", python.to_str().unwrap());
    fs::write(sandbox.path("own/degree_days.toml"), definition).unwrap();
    fs::write(sandbox.path("own/degree_days.py"), program(read("degree_days.py"))).unwrap();
    fs::write(sandbox.path("own/seedbed_model.py"), read("seedbed_model.py")).unwrap();
    Some(sandbox)
}

fn run(sandbox: &Sandbox, models: Models) -> seedbed_run::RunReport {
    let project = Project::read(&sandbox.path("seedbed.toml")).unwrap();
    let overrides = Overrides { models, ..Overrides::default() };
    let runner = Runner::new(project, &overrides, sandbox.spool(), &Proj).unwrap();
    runner.execute(&runner.plan().unwrap(), &options(None), &Unwatched).unwrap()
}

/// The built-in model's values of some products.
fn values(sandbox: &Sandbox) -> Vec<f64> {
    [("2004-02-28", "gdd"), ("2004-03-10", "gdd_total"), ("2004", "gdd"), ("2004", "gdd_total")]
        .into_iter()
        .flat_map(|(period, variable)| sandbox.values("east", period, variable))
        .collect()
}

#[test]
fn every_way_to_write_a_model_give_the_same_tiles() {
    let built_in = project("growing-degree-days");
    let report = run(&built_in, Models::default());
    assert_eq!((report.made, report.failed.len()), (2 * 21, 0));
    let expected = values(&built_in);
    assert!(expected.iter().any(|v| *v > 1.0));

    let in_rust = project("my-degree-days");
    let report = run(&in_rust, Models::default().with(&degree_days::DegreeDays));
    assert_eq!(report.made, 2 * 21, "{:?}", report.failed);
    assert_eq!(values(&in_rust), expected);

    let component = examples().join("degree-days-wasm/degree_days.toml");
    match Models::default().find(component.to_str().unwrap(), Path::new("")) {
        Err(e) if e.to_string().contains("feature `wasm`") => println!("skipped: built without feature wasm"),
        found => {
            found.map_err(|e| e.to_string()).unwrap();
            let as_component = project(component.to_str().unwrap());
            let report = run(&as_component, Models::default());
            assert_eq!(report.made, 2 * 21, "{:?}", report.failed);
            assert_eq!(values(&as_component), expected);
        }
    }

    let Some(in_python) = in_python(|text| text) else { return };
    let report = run(&in_python, Models::default());
    assert_eq!(report.made, 2 * 21, "{:?}", report.failed);
    assert_eq!(values(&in_python), expected);
}

#[test]
fn another_text_of_the_program_makes_its_products_anew() {
    let Some(sandbox) = in_python(|text| text) else { return };
    assert_eq!(run(&sandbox, Models::default()).made, 2 * 21);
    assert_eq!(run(&sandbox, Models::default()).made, 0);
    let path = sandbox.path("own/degree_days.py");
    let text = fs::read_to_string(&path).unwrap().replace("- base, 0)", "- base - 1, 0)");
    fs::write(&path, text).unwrap();
    assert_eq!(run(&sandbox, Models::default()).made, 2 * 21);
}

#[test]
fn a_program_that_fails_fails_its_tiles_and_leaves_nothing() {
    let fails = |text: String| {
        text.replace("    seedbed_model", "    raise ValueError('no beans')\n    seedbed_model")
    };
    let Some(sandbox) = in_python(fails) else { return };
    let report = run(&sandbox, Models::default());
    assert_eq!((report.made, report.failed.len()), (0, 2));
    for failure in &report.failed {
        assert!(failure.reason.contains("no beans") && !failure.usage, "{}", failure.reason);
    }
    let left: Vec<PathBuf> = sandbox.files("out").into_keys().filter(|p| p.ends_with(".tif")).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_definition_that_is_no_good_is_told_with_the_project_file() {
    let sandbox = project("none.toml");
    let refused = sandbox.run(&Unwatched).unwrap_err();
    assert!(refused.is_usage());
    let told = seedbed_prep::one_line(&refused);
    assert!(told.contains("seedbed.toml: model.name") && told.contains("none.toml"), "{told}");
}

#[test]
fn the_rust_example_is_a_crate_that_builds() {
    let target = tempfile::tempdir().unwrap();
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = std::process::Command::new(cargo)
        .args(["build", "--quiet", "--offline", "--manifest-path"])
        .arg(examples().join("degree-days-rust/Cargo.toml"))
        .arg("--target-dir")
        .arg(target.path())
        .output()
        .unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
}
