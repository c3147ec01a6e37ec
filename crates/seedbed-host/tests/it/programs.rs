//! Models that are programs: the example, and programs that go wrong.

use crate::support::{Weather, advance, begin, bits, examples, python, told, weather};
use seedbed_block::Precision;
use seedbed_host::Models;
use seedbed_model::{Model, Number};
use std::path::Path;

/// The example's definition with another program, in a folder of its own.
fn model(folder: &Path, program: &str, more: &str) -> Option<&'static dyn Model> {
    let python = python()?;
    let text = std::fs::read_to_string(examples().join("degree-days-python/degree_days.toml")).unwrap();
    let command = format!("command = [{:?}, \"model.py\"]\n{more}", python.display().to_string());
    let text = text.replace("command = [\"python3\", \"degree_days.py\"]", &command);
    std::fs::write(folder.join("model.toml"), text).unwrap();
    std::fs::write(folder.join("model.py"), program).unwrap();
    let talk = "seedbed_model.py";
    std::fs::copy(examples().join("degree-days-python").join(talk), folder.join(talk)).unwrap();
    Some(Models::default().find("model.toml", folder).unwrap())
}

/// Each way of getting arrays, as lines of a definition.
const TRANSPORTS: [&str; 2] = ["", "transport = \"shared-memory\""];

fn example() -> String {
    std::fs::read_to_string(examples().join("degree-days-python/degree_days.py")).unwrap()
}

/// The same program with a line put in before the answer is written.
fn with(line: &str) -> String {
    example()
        .replace("import numpy", "import sys, os\nimport numpy")
        .replace("    seedbed_model.answer(", &format!("    x = {{}}\n    {line}\n    seedbed_model.answer("))
        .replace("total=total)", "total=total, **x)")
}

fn is_the_built_in_model<T: Number>(hosted: &dyn Model) {
    let built_in = seedbed_model::find("growing-degree-days").unwrap();
    let days = weather::<T>("2003-11-20/2004-02-10", 257);
    let all = |model: &dyn Model| {
        bits(&advance(begin::<T>(model, 257, None).as_mut(), &days, 0..days.dates.len()).unwrap())
    };
    let (ours, theirs) = (all(built_in), all(hosted));
    assert_eq!(ours.len(), theirs.len());
    // The built-in model computes a day in 64 bits, the example as it is given.
    let tolerance = if T::PRECISION == Precision::Single { 1e-4 } else { 1e-12 };
    let close = |(a, b): (&u64, &u64)| a == b || (f64::from_bits(*a) - f64::from_bits(*b)).abs() <= tolerance;
    assert!(ours.iter().zip(&theirs).all(close), "{:?}", T::PRECISION);
}

#[test]
fn the_python_example_gives_what_the_built_in_model_gives() {
    for transport in TRANSPORTS {
        let folder = tempfile::tempdir().unwrap();
        let Some(model) = model(folder.path(), &example(), transport) else { return };
        is_the_built_in_model::<f32>(model);
        is_the_built_in_model::<f64>(model);
    }
}

#[test]
fn a_run_cut_anywhere_goes_on_to_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    let Some(model) = model(folder.path(), &example(), "") else { return };
    let days: Weather<f32> = weather("2003-12-20/2004-01-20", 31);
    let end = days.dates.len();
    let whole = advance(begin::<f32>(model, 31, None).as_mut(), &days, 0..end).unwrap();
    for cut in [1, 12, 13, 20] {
        let mut first = begin::<f32>(model, 31, None);
        let before = advance(first.as_mut(), &days, 0..cut).unwrap();
        let state = first.checkpoint().unwrap();
        let state = serde_json::from_str(&serde_json::to_string(&state).unwrap()).unwrap();
        let after = advance(begin::<f32>(model, 31, Some(&state)).as_mut(), &days, cut..end).unwrap();
        let joined = [0, 1].map(|v: usize| [&before[v][..], &after[v][..]].concat());
        assert_eq!(bits(&joined), bits(&whole), "cut at {cut}");
    }
}

#[test]
fn a_program_that_dies_is_started_again_and_asked_the_same() {
    // It dies on every second call, before or within its answer.
    let dies = r#"
    seen = os.path.exists("seen")
    (os.remove if seen else lambda f: open(f, "w").close())("seen")
    if not seen:
        if len(call["dates"]) % 2: os._exit(9)
        if "memory" in call: call["room"]["gdd"][...] = 1; os._exit(9)
        sys.stdout.buffer.write(b'{"arrays": {"gdd": "degC"}}\n\x93NUMPY'); sys.stdout.flush(); os._exit(9)"#;
    for transport in TRANSPORTS {
        let folder = tempfile::tempdir().unwrap();
        let Some(model) = model(folder.path(), &with(dies.trim()), transport) else { return };
        let days: Weather<f64> = weather("2003-12-20/2004-01-20", 31);
        let mut dying = begin::<f64>(model, 31, None);
        let folder = tempfile::tempdir().unwrap();
        let steady = self::model(folder.path(), &example(), "").unwrap();
        let mut steady = begin::<f64>(steady, 31, None);
        for part in [0..5, 5..9, 9..20, 20..32] {
            let expected = advance(steady.as_mut(), &days, part.clone()).unwrap();
            assert_eq!(bits(&advance(dying.as_mut(), &days, part).unwrap()), bits(&expected));
        }
    }
}

#[test]
fn a_program_that_always_dies_is_given_up_with_its_last_words() {
    let folder = tempfile::tempdir().unwrap();
    let dies = "print('no more beans', file=sys.stderr); open('tries', 'a').write('x'); sys.exit(7)";
    let Some(model) = model(folder.path(), &with(dies), "") else { return };
    let days: Weather<f32> = weather("2003-01-01/2003-01-03", 3);
    let error = advance(begin::<f32>(model, 3, None).as_mut(), &days, 0..3).unwrap_err();
    let told = told(&error);
    assert!(told.contains("no more beans") && told.contains("exit status: 7"), "{told}");
    assert!(!error.is_usage());
    assert_eq!(std::fs::read_to_string(folder.path().join("tries")).unwrap(), "xxx");
}

#[test]
fn an_answer_that_is_not_as_promised_is_refused() {
    let cases = [
        ("gdd = gdd.astype('f8')", "`gdd` as `<f8` where `<f4` is wanted"),
        ("gdd = gdd[1:]", "`gdd` as [2, 5] numbers where [3, 5] are wanted"),
        (
            "seedbed_model.npy.header_data_from_array_1_0 = \
             lambda a: {'descr': '<f4', 'fortran_order': True, 'shape': a.shape}",
            "`gdd` as columns before rows",
        ),
        ("gdd[2, 1] = np.inf", "inf for `gdd` of pixel 1 on 2003-01-03"),
        ("gdd[0, 4] = -9999", "-9999 for `gdd` of pixel 4 on 2003-01-01, which lies outside 0 to 110"),
        ("UNITS['gdd'] = 'K'", "`gdd` in K, but its definition says degC"),
        ("call['wanted'] = {'gdd': 0}", "no `gdd_total`, `total`"),
        ("call['wanted'] = ['x', *call['wanted']]; x = dict(x=gdd)", "`x`, which was not asked for"),
        ("sys.stdout.buffer.write(b'hello\\n')", "`hello` where a line of JSON belongs"),
        ("seedbed_model.refuse('base is nonsense'); continue", "base is nonsense"),
    ];
    for (line, message) in cases {
        let folder = tempfile::tempdir().unwrap();
        let Some(model) = model(folder.path(), &with(line), "") else { return };
        let days: Weather<f32> = weather("2003-01-01/2003-01-03", 5);
        let error = advance(begin::<f32>(model, 5, None).as_mut(), &days, 0..3).unwrap_err();
        let told = told(&error);
        assert!(told.contains(message), "{line}: {told}");
    }
}

#[test]
fn an_answer_in_shared_memory_is_checked_as_well() {
    let unwritten = "call['room'].pop('gdd_total')";
    let cases = [
        ("gdd = gdd.astype('f8')", "`gdd` as float64 (3, 5) where float32 (3, 5) is wanted"),
        ("gdd = gdd[1:]", "`gdd` as float32 (2, 5) where float32 (3, 5) is wanted"),
        ("gdd = gdd.T", "`gdd` as float32 (5, 3) where"),
        ("gdd[2, 1] = np.inf", "inf for `gdd` of pixel 1 on 2003-01-03"),
        ("UNITS['gdd'] = 'K'", "`gdd` in K, but its definition says degC"),
        ("call['wanted'] = {'gdd': 0}", "no `gdd_total`, `total`"),
        (unwritten, "`gdd_total`, which it hasn't written into the memory"),
        ("seedbed_model.refuse('base is nonsense'); continue", "base is nonsense"),
    ];
    for (line, message) in cases {
        let folder = tempfile::tempdir().unwrap();
        let Some(model) = model(folder.path(), &with(line), TRANSPORTS[1]) else { return };
        let days: Weather<f32> = weather("2003-01-01/2003-01-03", 5);
        let error = advance(begin::<f32>(model, 5, None).as_mut(), &days, 0..3).unwrap_err();
        let told = told(&error);
        assert!(told.contains(message), "{line}: {told}");
    }
}

#[test]
fn answers_may_be_computed_in_the_memory_that_is_shared() {
    let folder = tempfile::tempdir().unwrap();
    let within = "gdd = np.add(gdd, 0, out=call['room']['gdd'])";
    let Some(within) = model(folder.path(), &with(within), TRANSPORTS[1]) else { return };
    is_the_built_in_model::<f32>(within);
}

#[test]
fn missing_values_pass_both_ways() {
    for transport in TRANSPORTS {
        let folder = tempfile::tempdir().unwrap();
        let Some(model) = model(folder.path(), &example(), transport) else { return };
        let mut days: Weather<f32> = weather("2003-01-01/2003-01-02", 2);
        days.tmin = vec![f32::NAN, 12.0, 12.0, 12.0];
        days.tmax = vec![20.0; 4];
        let [gdd, total] = advance(begin::<f32>(model, 2, None).as_mut(), &days, 0..2).unwrap();
        assert!(gdd[0].is_nan());
        assert_eq!((gdd[1], total[0], total[3]), (6.0, 0.0, 12.0));
    }
}

#[test]
fn a_call_that_takes_too_long_is_ended() {
    let folder = tempfile::tempdir().unwrap();
    let slow = "import time; time.sleep(60)";
    let Some(model) = model(folder.path(), &with(slow), "timeout = 1.5") else { return };
    let days: Weather<f32> = weather("2003-01-01/2003-01-03", 3);
    let error = advance(begin::<f32>(model, 3, None).as_mut(), &days, 0..3).unwrap_err();
    assert!(told(&error).contains("took longer than 1.5 s for 3 days of 3 pixels"), "{}", told(&error));
}

#[test]
fn a_program_sees_no_credentials() {
    let folder = tempfile::tempdir().unwrap();
    let spy = "raise SystemExit(' '.join(sorted(os.environ)))";
    let Some(model) = model(folder.path(), &with(spy), "env = [\"CARGO_PKG_NAME\"]") else { return };
    let days: Weather<f32> = weather("2003-01-01/2003-01-01", 1);
    let told = told(&advance(begin::<f32>(model, 1, None).as_mut(), &days, 0..1).unwrap_err());
    assert!(
        told.contains("PATH") && told.contains("OMP_NUM_THREADS") && told.contains("CARGO_PKG_NAME"),
        "{told}"
    );
    // Cargo sets many for its tests, which stand for all the others.
    assert!(!told.contains("CARGO_MANIFEST_DIR"), "{told}");
}

#[test]
fn a_program_that_is_not_there_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let text = std::fs::read_to_string(examples().join("degree-days-python/degree_days.toml")).unwrap();
    std::fs::write(
        folder.path().join("m.toml"),
        text.replace("\"python3\"", "\"./no-such-program\"").replace("files =", "# files ="),
    )
    .unwrap();
    let model = Models::default().find("m.toml", folder.path()).unwrap();
    let days: Weather<f32> = weather("2003-01-01/2003-01-01", 1);
    let told = told(&advance(begin::<f32>(model, 1, None).as_mut(), &days, 0..1).unwrap_err());
    assert!(told.contains("can't start") && told.contains("no-such-program"), "{told}");
}
