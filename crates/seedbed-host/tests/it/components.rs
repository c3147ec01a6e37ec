//! Models that are components: the example, and components that go wrong.

use crate::support::{Weather, advance, begin, bits, examples, told, weather};
use seedbed_block::Precision;
use seedbed_host::Models;
use seedbed_model::{Model, Number};
use std::path::Path;

fn model(folder: &Path, text: &str, more: &str) -> &'static dyn Model {
    let definition = std::fs::read_to_string(examples().join("degree-days-wasm/degree_days.toml")).unwrap();
    let definition = definition.replace("kind = \"wasm\"", &format!("kind = \"wasm\"\n{more}"));
    std::fs::write(folder.join("degree_days.toml"), definition).unwrap();
    std::fs::write(folder.join("degree_days.wat"), text).unwrap();
    Models::default().find("degree_days.toml", folder).unwrap_or_else(|e| panic!("{e}"))
}

fn example() -> String {
    std::fs::read_to_string(examples().join("degree-days-wasm/degree_days.wat")).unwrap()
}

/// The example with something done at the start of a call.
fn with(code: &str) -> String {
    let start = "      (local.set $base (f64.load offset=8";
    example().replacen(start, &format!("      {code}\n{start}"), 1)
}

fn is_the_built_in_model<T: Number>(hosted: &dyn Model) {
    let built_in = seedbed_model::find("growing-degree-days").unwrap();
    // Strips that fill whole vectors, and others.
    for pixels in [1, 2, 3, 64, 257] {
        let days = weather::<T>("2003-11-20/2004-02-10", pixels);
        let all = |model: &dyn Model| {
            bits(&advance(begin::<T>(model, pixels, None).as_mut(), &days, 0..days.dates.len()).unwrap())
        };
        let (ours, theirs) = (all(built_in), all(hosted));
        assert_eq!(ours.len(), theirs.len());
        // The built-in model computes a day in 64 bits, the example as it is given.
        let tolerance = if T::PRECISION == Precision::Single { 1e-4 } else { 1e-12 };
        let close =
            |(a, b): (&u64, &u64)| a == b || (f64::from_bits(*a) - f64::from_bits(*b)).abs() <= tolerance;
        let differs = ours.iter().zip(&theirs).position(|pair| !close(pair));
        assert_eq!(differs, None, "{:?}, {pixels} pixels", T::PRECISION);
    }
}

#[test]
fn the_example_gives_what_the_built_in_model_gives() {
    let folder = tempfile::tempdir().unwrap();
    let model = model(folder.path(), &example(), "");
    is_the_built_in_model::<f32>(model);
    is_the_built_in_model::<f64>(model);
}

#[test]
fn a_run_cut_anywhere_goes_on_to_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    let model = model(folder.path(), &example(), "");
    let days: Weather<f32> = weather("2003-12-20/2004-01-20", 31);
    let end = days.dates.len();
    let whole = advance(begin::<f32>(model, 31, None).as_mut(), &days, 0..end).unwrap();
    for cut in [1, 12, 13, 20] {
        let mut first = begin::<f32>(model, 31, None);
        let before = advance(first.as_mut(), &days, 0..cut).unwrap();
        let state = first.checkpoint().unwrap();
        let after = advance(begin::<f32>(model, 31, Some(&state)).as_mut(), &days, cut..end).unwrap();
        let joined = [0, 1].map(|v: usize| [&before[v][..], &after[v][..]].concat());
        assert_eq!(bits(&joined), bits(&whole), "cut at {cut}");
    }
}

#[test]
fn a_component_that_misbehaves_is_stopped() {
    let days: Weather<f32> = weather("2003-01-01/2003-01-03", 5);
    let cases = [
        ("(loop $ever (br $ever))", "timeout = 1", "took longer than 1 s for 3 days of 5 pixels"),
        ("unreachable", "", "was stopped"),
        ("(drop (i32.load (i32.const -4)))", "", "out of bounds"),
        // Sixty megabytes, where fifty are allowed.
        ("(drop (call $take (i32.const 60000000)))", "memory = 50", "was stopped"),
    ];
    for (code, more, message) in cases {
        let folder = tempfile::tempdir().unwrap();
        let mut simulation = begin::<f32>(model(folder.path(), &with(code), more), 5, None);
        let error = advance(simulation.as_mut(), &days, 0..3).unwrap_err();
        assert!(told(&error).contains(message) && !error.is_usage(), "{code}: {}", told(&error));
    }
    let folder = tempfile::tempdir().unwrap();
    let mut simulation = begin::<f32>(model(folder.path(), &example(), "memory = 50"), 5, None);
    advance(simulation.as_mut(), &days, 0..3).unwrap();
}

#[test]
fn an_answer_that_is_not_as_promised_is_refused() {
    let days: Weather<f32> = weather("2003-01-01/2003-01-03", 5);
    let replace = |from: &str, to: &str| example().replace(from, to);
    let cases = [
        // A name cut short, a row less, the other precision, a number that can't be.
        (
            replace(
                "(i64.store (local.get $at) (i64.load (local.get $wanted)))",
                "(i64.store (local.get $at) (i64.load (local.get $wanted))) (i32.store offset=4 (local.get $at) (i32.const 1))",
            ),
            "`g`, which was not asked for",
        ),
        (
            replace(
                "(i32.store offset=12 (local.get $at) (local.get $rows))",
                "(i32.store offset=12 (local.get $at) (i32.const 2))",
            ),
            "`gdd` as Some(2) rows where Some(3) are wanted",
        ),
        (
            replace("(local.get $kind) (local.get $gdd)", "(i32.const 1) (local.get $gdd)"),
            "where 32 are wanted",
        ),
        (
            replace("(v128.const f32x4 0 0 0 0)", "(v128.const f32x4 inf inf inf inf)"),
            "inf for `gdd` of pixel 0 on 2003-01-01",
        ),
        (
            replace(
                "(i32.store offset=8 (local.get $answer) (local.get $nw))",
                "(i32.store offset=8 (local.get $answer) (i32.const 1))",
            ),
            "no `gdd_total`, `total`",
        ),
    ];
    for (text, message) in cases {
        let folder = tempfile::tempdir().unwrap();
        let mut simulation = begin::<f32>(model(folder.path(), &text, ""), 5, None);
        let error = advance(simulation.as_mut(), &days, 0..3).unwrap_err();
        assert!(told(&error).contains(message), "{message}: {}", told(&error));
    }
}

#[test]
fn what_is_no_such_component_is_refused_before_the_first_day() {
    let cases = [
        ("hello".to_owned(), "degree_days.wat is no component of seedbed:model"),
        ("(component)".to_owned(), "failed to find function export"),
        // It may not open files, nor anything else of the machine.
        (
            example().replacen(
                "(component",
                "(component (import \"wasi:filesystem/preopens@0.2.0\" (instance (export \"get-directories\" (func))))",
                1,
            ),
            "wasi:filesystem",
        ),
        (example().replace("(field \"pixels\" u32)", "(field \"pixels\" u16)"), "pixels"),
    ];
    for (text, message) in cases {
        let folder = tempfile::tempdir().unwrap();
        let definition = examples().join("degree-days-wasm/degree_days.toml");
        std::fs::copy(definition, folder.path().join("degree_days.toml")).unwrap();
        std::fs::write(folder.path().join("degree_days.wat"), text).unwrap();
        let error = Models::default().find("degree_days.toml", folder.path()).err().unwrap();
        assert!(error.is_usage());
        assert!(error.to_string().contains(message), "{message}: {error}");
    }
}

/// The interface as it is published, and the example held to it.
mod published {
    wasmtime::component::bindgen!({ path: "wit", world: "model" });

    #[test]
    fn the_example_is_of_the_published_world() {
        let engine = wasmtime::Engine::default();
        let component = wasmtime::component::Component::new(&engine, super::example()).unwrap();
        let linker = wasmtime::component::Linker::new(&engine);
        let mut store = wasmtime::Store::new(&engine, ());
        let model = Model::instantiate(&mut store, &component, &linker).unwrap();
        let array = |name: &str, value| Array {
            name: name.to_owned(),
            rows: Some(1),
            numbers: Numbers::Double(vec![value, f64::NAN]),
        };
        let call = Call {
            variant: "default".to_owned(),
            parameters: vec![("base".to_owned(), 5.0), ("upper".to_owned(), 30.0)],
            switches: Vec::new(),
            days: vec![Day { year: 2003, month: 7, day: 15 }],
            pixels: 2,
            arrays: vec![array("tmin", 10.0), array("tmax", 40.0)],
            wanted: vec!["gdd".to_owned(), "total".to_owned()],
        };
        let answer = model.call_advance(&mut store, &call).unwrap().unwrap();
        let numbers = |i: usize| match &answer[i].numbers {
            Numbers::Double(v) => v.clone(),
            Numbers::Single(_) => panic!("single"),
        };
        assert_eq!((answer[0].name.as_str(), answer[0].rows), ("gdd", Some(1)));
        assert!(numbers(0)[0] == 15.0 && numbers(0)[1].is_nan());
        assert_eq!((answer[1].name.as_str(), answer[1].rows), ("total", None));
        assert_eq!(numbers(1), [15.0, 0.0]);
    }
}
