//! What a definition may say.

use crate::support::examples;
use seedbed_host::{Definition, Models};
use std::path::Path;

const GOOD: &str = r#"
name = "sum"
title = "A sum"
kind = "exec"
command = ["cat"]
[[inputs]]
name = "a"
unit = "mm"
range = [0, 10]
[[outputs]]
name = "b"
unit = "mm"
"#;

fn refusal(text: &str) -> String {
    Definition::from_toml(Path::new("sum.toml"), text).unwrap_err().to_string()
}

#[test]
fn the_example_becomes_a_specification() {
    let path = examples().join("degree-days-python/degree_days.toml");
    let model = Models::default().find(path.to_str().unwrap(), Path::new("")).unwrap();
    let spec = model.spec();
    assert_eq!((spec.name, spec.revision, spec.stores), ("degree-days", 1, 1));
    assert_eq!(spec.inputs.iter().map(|i| i.name).collect::<Vec<_>>(), ["tmin", "tmax"]);
    assert_eq!(spec.parameters[1].default, Some(30.0));
    assert_eq!(spec.outputs[1].unit.to_string(), "degC");
    assert_eq!(spec.variants[0].name, "default");
}

#[test]
fn mistakes_are_named_with_file_and_key() {
    assert!(Definition::from_toml(Path::new("sum.toml"), GOOD).is_ok());
    let cases = [
        (GOOD.replace("unit = \"mm\"\nrange", "unit = \"furlong\"\nrange"), "unknown unit `furlong`"),
        (GOOD.replace("title", "titel"), "unknown field `titel`"),
        (GOOD.replace("command = [\"cat\"]", ""), "sum.toml: command: kind `exec` needs the program"),
        (GOOD.replace("kind = \"exec\"", "kind = \"wasm\""), "sum.toml: component: kind `wasm` needs"),
        (GOOD.replace("[0, 10]", "[10, 0]"), "sum.toml: a: [10, 0] is no range"),
        (
            format!("{GOOD}[[parameters]]\nname = \"base\"\ndefault = 100\nrange = [-50, 60]\n"),
            "sum.toml: base: its default 100 lies outside its range [-50, 60]",
        ),
        (GOOD.replace("name = \"b\"", "name = \"a\""), "sum.toml: outputs: `a` is named twice"),
        (GOOD.replace("name = \"b\"", "name = \"b c\""), "`b c` is no name"),
        (
            GOOD.replace("kind = \"exec\"", "kind = \"exec\"\ntimeout = 0"),
            "sum.toml: timeout: 0 s is no time",
        ),
        (format!("{GOOD}absent_in = [\"x\"]\n"), "sum.toml: variants: there is no variant `x`"),
    ];
    for (text, message) in cases {
        let told = refusal(&text);
        assert!(told.contains(message), "{told}");
    }
    assert!(refusal(&GOOD.replace("title", "titel")).starts_with("sum.toml:3:1:"));
}

#[test]
fn an_unknown_model_is_told_where_to_put_it() {
    let folder = tempfile::tempdir().unwrap();
    let error = Models::default().find("veegt", folder.path()).err().unwrap().to_string();
    assert!(error.contains("nearest: veget") && error.contains("SEEDBED_MODELS"), "{error}");
    let error = Models::default().find("none.toml", folder.path()).err().unwrap().to_string();
    assert!(error.contains("can't read") && error.contains("none.toml"), "{error}");
}

#[test]
fn another_program_text_is_another_program() {
    let folder = tempfile::tempdir().unwrap();
    let (program, definition) = (folder.path().join("m.py"), folder.path().join("m.toml"));
    std::fs::write(&definition, GOOD.replace("[\"cat\"]", "[\"python3\", \"m.py\"]")).unwrap();
    let digest = || {
        let model = Models::default().find("m.toml", folder.path()).unwrap();
        model.program().unwrap().to_owned()
    };
    std::fs::write(&program, "1").unwrap();
    let first = digest();
    assert_eq!(digest(), first);
    std::fs::write(&program, "2").unwrap();
    assert_ne!(digest(), first);
}
