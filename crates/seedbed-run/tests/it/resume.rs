//! Runs again, interrupted, moved and changed.

use crate::support::{PROJECT, Sandbox, StopAfter, Unwatched};
use seedbed_prep::verify;
use seedbed_run::{RunError, StatusReport};
use std::fs;

#[test]
fn a_second_run_finds_everything_done_and_changes_nothing() {
    let sandbox = Sandbox::new();
    let first = sandbox.run(&Unwatched).unwrap();
    assert_eq!((first.tiles, first.products, first.made, first.present), (2, 6, 6, 0));
    assert!(first.failed.is_empty(), "{:?}", first.failed);
    let before = sandbox.files("out");
    let second = sandbox.run(&Unwatched).unwrap();
    assert_eq!((second.made, second.present), (0, 6));
    assert_eq!(before, sandbox.files("out"));
    let report = verify(&sandbox.path("out")).unwrap();
    assert!(report.is_complete(), "{:?}", report.problems);
    assert_eq!(report.files, 12);
}

#[test]
fn two_runs_apart_make_the_same_bytes() {
    let (one, other) = (Sandbox::new(), Sandbox::new());
    one.run(&Unwatched).unwrap();
    other.run(&Unwatched).unwrap();
    let (one, other) = (one.files("out"), other.files("out"));
    let names = |files: &std::collections::BTreeMap<_, _>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&one), names(&other));
    for (name, bytes) in &one {
        let texts = [bytes, &other[name]].map(|b| String::from_utf8_lossy(b).into_owned());
        assert!(bytes == &other[name], "{}\n{}\n{}", name.display(), texts[0], texts[1]);
    }
}

#[test]
fn an_interrupted_run_goes_on_to_the_same_bytes() {
    let whole = Sandbox::new();
    whole.run(&Unwatched).unwrap();
    let cut = Sandbox::new();
    let stopped = cut.run(&StopAfter(1.into()));
    assert!(matches!(stopped, Err(RunError::Interrupted)), "{stopped:?}");
    let report = cut.run(&Unwatched).unwrap();
    assert_eq!(report.made + report.present, 6);
    let (whole, cut) = (whole.files("out"), cut.files("out"));
    assert_eq!(whole.keys().collect::<Vec<_>>(), cut.keys().collect::<Vec<_>>());
    for (name, bytes) in &whole {
        assert!(&cut[name] == bytes, "{} differs", name.display());
    }
}

#[test]
fn moving_the_inputs_redoes_nothing() {
    let sandbox = Sandbox::new();
    sandbox.run(&Unwatched).unwrap();
    fs::rename(sandbox.path("data"), sandbox.path("elsewhere")).unwrap();
    for items in ["weather.json", "ndvi.json"] {
        let text = fs::read_to_string(sandbox.path(items)).unwrap();
        fs::write(sandbox.path(items), text.replace("./data/", "./elsewhere/")).unwrap();
    }
    sandbox.write_project(&PROJECT.replace("data/whc.tif", "elsewhere/whc.tif"));
    let again = sandbox.run(&Unwatched).unwrap();
    assert_eq!((again.made, again.present), (0, 6));
}

#[test]
fn a_changed_input_redoes_only_what_comes_after_it() {
    let sandbox = Sandbox::new();
    let before: Vec<_> = sandbox.plan().tasks[0].products.clone();
    sandbox.raster("data/ppt_2004-03-05.tif", "mm", |_| 30.0);
    let after: Vec<_> = sandbox.plan().tasks[0].products.clone();
    let changed: Vec<&str> =
        before.iter().zip(&after).filter(|(a, b)| a.key != b.key).map(|(a, _)| a.period.as_str()).collect();
    assert_eq!(changed, ["2004-03", "2004"]);
}

#[test]
fn a_parameter_redoes_everything_and_clean_removes_what_it_superseded() {
    let sandbox = Sandbox::new();
    sandbox.run(&Unwatched).unwrap();
    sandbox.write_project(&PROJECT.replace("bias_corr = 1.0", "bias_corr = 0.9"));
    let again = sandbox.run(&Unwatched).unwrap();
    assert_eq!((again.made, again.present), (6, 0));
    let report = seedbed_prep::clean(
        &sandbox.path("out"),
        seedbed_prep::Unexpected::Stays,
        std::time::Duration::ZERO,
        false,
    )
    .unwrap();
    assert_eq!(report.superseded.len(), 12, "six records and six folders: {:?}", report.superseded);
    assert!(verify(&sandbox.path("out")).unwrap().is_complete());
}

/// A part of a finished run, asked for again, takes nothing out of the product.
#[test]
fn a_narrower_run_leaves_the_whole_expected_and_clean_keeps_it() {
    let sandbox = Sandbox::new();
    sandbox.run(&Unwatched).unwrap();
    let whole = sandbox.files("out");
    sandbox.write_project(&PROJECT.replace("/2004-03-10", "/2004-02-29"));
    sandbox.run(&Unwatched).unwrap();
    let clean = || {
        let out = sandbox.path("out");
        seedbed_prep::clean(&out, seedbed_prep::Unexpected::Stays, std::time::Duration::ZERO, false).unwrap()
    };
    // A year that is cut short is another product of the same name, and takes the longer one's place.
    let cleaned = clean();
    assert!(cleaned.superseded.iter().all(|at| at.to_string().contains("/2004/")), "{cleaned:?}");
    assert!(verify(&sandbox.path("out")).unwrap().is_complete());
    let kept = |path: &&std::path::PathBuf| !path.to_string_lossy().contains("2004/");
    let left = sandbox.files("out");
    assert!(whole.keys().filter(kept).all(|path| left.contains_key(path)));
}

#[test]
fn a_lost_file_is_found_missing_and_made_again() {
    let sandbox = Sandbox::new();
    sandbox.run(&Unwatched).unwrap();
    let whole = sandbox.files("out");
    let lost = whole.keys().find(|p| p.extension().is_some_and(|e| e == "tif")).unwrap();
    fs::remove_file(sandbox.path("out").join(lost)).unwrap();
    let report = verify(&sandbox.path("out")).unwrap();
    assert_eq!(report.problems.len(), 1);
    assert!(report.problems[0].missing);
    let status = StatusReport::of(&sandbox.plan(), &sandbox.path("out")).unwrap();
    assert_eq!((status.done, status.expected), (5, 6));
    let again = sandbox.run(&Unwatched).unwrap();
    assert_eq!((again.made, again.present), (1, 5));
    let healed = sandbox.files("out");
    assert_eq!(whole[lost], healed[lost]);
    assert!(verify(&sandbox.path("out")).unwrap().is_complete());
}
