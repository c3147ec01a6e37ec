//! The published JSON Schema, in another implementation's hands.

use crate::support::PROJECT;
use seedbed_run::{Project, project_schema, template};
use std::path::Path;
use std::process::Command;

const CHECK: &str = r"
import json, pathlib, sys, tomllib
from jsonschema import Draft202012Validator as Validator
schema = Validator(json.loads(pathlib.Path(sys.argv[1], 'schema.json').read_text()))
Validator.check_schema(schema.schema)
said = {}
for file in sorted(pathlib.Path(sys.argv[1]).glob('*.toml')):
    document = tomllib.loads(file.read_text())
    errors = [error.message for error in schema.iter_errors(document)]
    assert not errors or file.name.startswith('bad'), (file.name, errors)
    said[file.name] = len(errors)
    if not errors:
        for section, table in document.items():
            for key in table if section in ('project', 'grid', 'model', 'output') else []:
                broken = document | {section: table | {key + 'x': table[key]}}
                assert not schema.is_valid(broken), (file.name, section, key)
print(json.dumps(said))
";

#[test]
fn project_files_are_valid_and_mistakes_are_not() {
    let Some(python) = std::env::var_os("SEEDBED_PYTHON") else {
        println!("skipped: SEEDBED_PYTHON is not set");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("schema.json", &project_schema().to_string());
    write("small.toml", PROJECT);
    let more = "spin_up = { years = 2 }\nprecision = \"f64\"\n";
    let output =
        "format = \"zarr\"\ndtype = \"int16\"\nscale = 0.1\ncompress = \"zstd\"\ncheckpoints = \"none\"\n";
    let full = PROJECT.replace("[model]\n", &format!("[model]\n{more}"));
    write("full.toml", &full.replace("variables =", &format!("{output}variables =")));
    for model in seedbed_model::models() {
        let spec = model.spec();
        write(&format!("{}.toml", spec.name), &template(spec, spec.name));
    }
    // What the schema refuses, the reader does too.
    let mistakes = [
        ("period = \"2004-02-20/2004-03-10\"", "period = 2004"),
        ("time = \"composite\"", "time = \"weekly\""),
        ("value = 220", "value = \"220 mm\""),
        ("name = \"veget\"", "name = \"veget\"\nprecision = \"f16\""),
    ];
    for (n, (from, to)) in mistakes.into_iter().enumerate() {
        let bad = PROJECT.replace(from, to);
        assert!(bad != PROJECT && Project::from_toml(Path::new("bad.toml"), &bad).is_err(), "{to}");
        write(&format!("bad{n}.toml"), &bad);
    }
    let run = Command::new(python).args(["-c", CHECK]).arg(folder.path()).output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let said: serde_json::Value = serde_json::from_slice(&run.stdout).unwrap();
    println!("{said}");
    for (name, errors) in said.as_object().unwrap() {
        assert_eq!(name.starts_with("bad"), errors.as_u64() > Some(0), "{name}");
    }
}
