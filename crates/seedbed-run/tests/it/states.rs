//! Runs that begin from what another left, or from days that are run before the first.

use crate::climate;
use crate::support::{Sandbox, Unwatched};
use seedbed_prep::{Expected, verify};
use seedbed_run::{Progress, RunError};
use std::error::Error;
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

#[track_caller]
fn run(sandbox: &Sandbox) -> seedbed_run::RunReport {
    let report = sandbox.run(&Unwatched).unwrap();
    assert!(report.failed.is_empty(), "{:?}", report.failed);
    report
}

/// The project of a period that keeps its state, in a folder of its own.
fn keeping(period: &str, out: &str) -> String {
    let kept = climate::project(period).replace("variables =", "state = true\nvariables =");
    kept.replace("out = \"out\"", &format!("out = \"{out}\""))
}

/// The same, going on from the state in `first`.
fn going_on(project: &str) -> String {
    project.replace("name = \"veget\"", "name = \"veget\"\nstate = \"first\"")
}

/// Whether two sandboxes have the same bytes of a period on both tiles.
#[track_caller]
fn assert_equal(one: &Sandbox, other: &Sandbox, periods: &[&str], variables: &[&str]) {
    for period in periods {
        for variable in variables {
            for tile in ["west", "east"] {
                let read = |sandbox: &Sandbox| fs::read(sandbox.cog(tile, period, variable)).unwrap();
                assert!(read(one) == read(other), "{variable} of {period} on {tile}");
            }
        }
    }
}

const VARIABLES: [&str; 3] = ["etasw", "swf", "dd"];

/// The project of another model that has VegET's temperatures.
fn degree_days(project: &str) -> String {
    let (head, rest) = project.split_once("[inputs.ppt]").unwrap();
    let (_, temperatures) = rest.split_once("[inputs.tmin]").unwrap();
    let (temperatures, _) = temperatures.split_once("[inputs.ndvi]").unwrap();
    let (_, model) = project.split_once("[model]").unwrap();
    let model = model.replace("veget", "growing-degree-days").replace("bias_corr = 1.0", "base = 8.0");
    let model = model.replace("[\"etasw\", \"swf\", \"dd\"]", "[\"gdd\", \"gdd_total\"]");
    format!("{head}[inputs.tmin]{temperatures}[model]{model}")
}

/// The project with other lines for its model, and what it writes.
fn models(project: &str) -> [(String, &'static [&'static str]); 4] {
    let veget = |lines: &str| project.replace("name = \"veget\"", lines);
    [
        (veget("name = \"veget\""), &VARIABLES),
        (veget("name = \"veget\"\nvariant = \"master\"\nprecision = \"f64\""), &VARIABLES),
        (veget("name = \"veget\"\nvariant = \"reference\""), &VARIABLES),
        (degree_days(project), &["gdd", "gdd_total"]),
    ]
}

#[test]
fn two_runs_one_after_the_other_give_the_bits_of_one() {
    let all = models(&climate::project("2002-03-05/2003-03-10"));
    for (n, (project, variables)) in all.into_iter().enumerate() {
        let whole = climate::sandbox("2001");
        whole.write_project(&project);
        run(&whole);
        let cuts = [("2002-12-31", "2003-01-01", 5), ("2002-12-11", "2002-12-12", 7)];
        for (end, start, made) in cuts.into_iter().filter(|(_, start, _)| n == 0 || start.ends_with("12")) {
            let halves = climate::sandbox("2001");
            let (first, _) = models(&keeping(&format!("2002-03-05/{end}"), "first"))[n].clone();
            halves.write_project(&first);
            run(&halves);
            let (second, _) = models(&keeping(&format!("{start}/2003-03-10"), "out"))[n].clone();
            halves.write_project(&second.replace("[model]\n", "[model]\nstate = \"first\"\n"));
            assert_eq!(run(&halves).made, 2 * made);
            assert_equal(&whole, &halves, &["2003-01", "2003-02", "2003"], variables);
            assert_eq!(run(&halves).days, 0);
        }
    }
}

/// The state files below a folder of a sandbox.
fn state_files(sandbox: &Sandbox, out: &str) -> Vec<PathBuf> {
    let names = sandbox.files(out).into_keys().filter(|p| p.extension().is_some_and(|e| e == "state"));
    names.map(|name| sandbox.path(out).join(name)).collect()
}

#[test]
fn a_state_is_a_product_one_file_a_tile_recorded_and_verified() {
    let sandbox = climate::sandbox("2001");
    sandbox.write_project(&keeping("2002-11-05/2002", "out"));
    assert_eq!(run(&sandbox).made, 2 * 4);
    let files = state_files(&sandbox, "out");
    assert_eq!(files.len(), 2);
    let name = files[0].file_name().unwrap().to_str().unwrap();
    assert_eq!(name, "state_east_state-2002-12-31.state");
    let text = String::from_utf8_lossy(&fs::read(&files[0]).unwrap()).into_owned();
    let lines: Vec<&str> = text.lines().take(2).collect();
    assert_eq!(lines[0], "seedbed-state 1");
    assert!(
        lines[1].contains("\"model\":\"veget\"") && lines[1].contains("\"name\":\"swf\""),
        "{}",
        lines[1]
    );
    let (expected, _) = Expected::read(&sandbox.path("out")).unwrap();
    assert_eq!(expected.variables, VARIABLES, "other tools meet none but rasters");
    let report = verify(&sandbox.path("out")).unwrap();
    assert!(report.is_complete() && report.files == 2 * (3 * 3 + 1), "{report:?}");
    let mut bytes = fs::read(&files[1]).unwrap();
    bytes[300] ^= 1;
    fs::write(&files[1], bytes).unwrap();
    let report = verify(&sandbox.path("out")).unwrap();
    assert_eq!(report.problems.len(), 1);
    assert_eq!(report.problems[0].variable.as_deref(), Some("state"));
}

#[test]
fn a_state_that_is_lost_or_asked_for_later_comes_from_the_checkpoint_behind_the_last_day() {
    let sandbox = climate::sandbox("2002-11-05/2003-02-10");
    run(&sandbox);
    sandbox.write_project(&keeping("2002-11-05/2003-02-10", "out"));
    let report = run(&sandbox);
    assert_eq!((report.made, report.resumed, report.days), (2, 2, 0));
    let files = state_files(&sandbox, "out");
    let bytes = fs::read(&files[1]).unwrap();
    fs::remove_file(&files[1]).unwrap();
    fs::remove_dir_all(sandbox.path("out/.seedbed/states")).unwrap();
    let report = run(&sandbox);
    assert_eq!((report.made, report.resumed, report.days), (1, 0, 26 + 31 + 31 + 10));
    assert!(fs::read(&files[1]).unwrap() == bytes);
}

/// What a run that begins from `first` is refused with.
fn refusal(sandbox: &Sandbox, project: &str) -> String {
    sandbox.write_project(project);
    let error = sandbox.run(&Unwatched).unwrap_err();
    assert!(error.is_usage() && !sandbox.path("out").exists(), "{error}");
    let source = error.source().map_or_else(String::new, |e| format!(": {e}"));
    format!("{error}{source}")
}

#[test]
fn a_state_that_does_not_fit_is_refused_by_name_before_anything_is_written() {
    let sandbox = climate::sandbox("2001");
    let second = going_on(&keeping("2003-01-01/2003-01-10", "out"));
    assert!(refusal(&sandbox, &second).contains("there is no such product"));
    sandbox.write_project(&climate::project("2002-11-05/2002").replace("\"out\"", "\"first\""));
    run(&sandbox);
    let said = refusal(&sandbox, &second);
    assert!(said.contains("model.state") && said.contains("keeps no state of tile west"), "{said}");
    sandbox.write_project(&keeping("2002-11-05/2002", "first"));
    run(&sandbox);

    let veget = "name = \"veget\"\n";
    for (from, to, says) in [
        (
            veget,
            "name = \"veget\"\nvariant = \"reference\"\n",
            "`variant` was \"default\" there and is \"reference\" here",
        ),
        (veget, "name = \"veget\"\nprecision = \"f64\"\n", "it was computed in single precision"),
        ("bias_corr = 1.0", "bias_corr = 0.9", "`bias_corr` was 1.0 there and is 0.9 here"),
        ("2003-01-01/", "2003-01-02/", "behind 2002-12-31, and the run begins on 2003-01-02"),
        ("2003-01-01/", "2002-12-31/", "behind 2002-12-31, and the run begins on 2002-12-31"),
        ("state = \"first\"", "state = \"first\"\nspin_up = { years = 1 }", "give one of the two"),
    ] {
        assert!(second.contains(from), "{from}");
        let said = refusal(&sandbox, &second.replace(from, to));
        assert!(said.contains(says) && said.contains("model."), "{to}: {said}");
    }
    let grid = fs::read_to_string(sandbox.path("tiles.grid.json")).unwrap();
    fs::write(sandbox.path("tiles.grid.json"), grid.replace("\"col0\":1505", "\"col0\":1506")).unwrap();
    let said = refusal(&sandbox, &second);
    assert!(said.contains("has no tile with the pixels of east"), "{said}");
    fs::write(sandbox.path("tiles.grid.json"), grid.replace("1000.0", "500.0")).unwrap();
    assert!(refusal(&sandbox, &second).contains("lies on another grid"));
    fs::write(sandbox.path("tiles.grid.json"), grid).unwrap();
    let file = &state_files(&sandbox, "first")[0];
    let mut bytes = fs::read(file).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(file, &bytes).unwrap();
    assert!(refusal(&sandbox, &second).contains("its checksum is not the one in its record"));
    fs::write(file, "seedbed-state 1\n").unwrap();
    assert!(refusal(&sandbox, &second).contains("it has 16 bytes, its record says"));
    fs::remove_file(file).unwrap();
    assert!(refusal(&sandbox, &second).contains("the state of tile east can't be used"));
}

#[test]
fn another_state_makes_other_products_and_the_same_the_same() {
    let sandbox = climate::sandbox("2001");
    let second = going_on(&keeping("2003-01-01/2003-01-10", "out"));
    let keys = |first: &str| {
        sandbox.write_project(first);
        run(&sandbox);
        sandbox.write_project(&second);
        sandbox.plan().tasks[0].products.clone()
    };
    let one = keys(&keeping("2002-11-05/2002", "first"));
    let other = keys(&keeping("2002-10-05/2002", "first"));
    assert!(one.iter().zip(&other).all(|(a, b)| a.key != b.key));
    assert_eq!(one, keys(&keeping("2002-11-05/2002", "first")));
}

/// The project of a period with a spin-up.
fn spun(period: &str, spin_up: &str) -> String {
    climate::project(period).replace("name = \"veget\"", &format!("name = \"veget\"\nspin_up = {spin_up}"))
}

#[test]
fn a_spin_up_leaves_what_so_many_years_before_would_have_left() {
    // Recurring layers make 2001, 2002 and 2003 the same weather.
    for (before, spin_up) in [
        ("2002/2003", "{ years = 1 }"),
        ("2001/2003", "{ years = 1, cycles = 2 }"),
        ("2001/2003", "{ period = \"2001/2002\" }"),
        ("2001/2003", "{ period = \"2002\", cycles = 2 }"),
    ] {
        let whole = climate::sandbox(before);
        run(&whole);
        let sandbox = climate::sandbox("2003");
        let cold = sandbox.plan();
        sandbox.write_project(&spun("2003", spin_up));
        let keys = sandbox.plan();
        assert!(keys.tasks[0].products.iter().zip(&cold.tasks[0].products).all(|(a, b)| a.key != b.key));
        let report = run(&sandbox);
        let years = if before.starts_with("2002") { 2 } else { 3 };
        assert_eq!((report.made, report.days), (2 * 13, 2 * 365 * years), "{spin_up}");
        assert_equal(&whole, &sandbox, &["2003-01", "2003-07", "2003"], &VARIABLES);
        let record = fs::read_to_string(keys.tasks[0].products[0].record(&sandbox.path("out"))).unwrap();
        assert!(record.contains("\"spin_up\"") && record.contains("\"cycles\""), "{record}");
    }
}

#[test]
fn a_spin_up_is_not_run_again_where_its_end_was_kept() {
    let whole = climate::sandbox("2003");
    whole.write_project(&spun("2003-02-10/2003-05-20", "{ years = 2 }"));
    run(&whole);
    let cut = climate::sandbox("2003");
    cut.write_project(&spun("2003-02-10/2003-05-20", "{ years = 2 }"));
    let stopped = cut.run(&StopBehind { days: 100, stop: AtomicBool::new(false) });
    assert!(matches!(stopped, Err(RunError::Interrupted)), "{stopped:?}");
    let report = run(&cut);
    // A tile that came to its end needn't go on; the others' spin-ups were behind.
    assert!((1..=2).contains(&report.resumed) && report.days == report.resumed * 100, "{report:?}");
    assert_eq!(whole.files("out"), cut.files("out"));
}

/// Stops when all tiles together have more days behind: of two tiles of so many days each, both
/// have begun then.
struct StopBehind {
    days: usize,
    stop: AtomicBool,
}

impl Progress for StopBehind {
    fn advanced(&self, done: usize, _: usize) {
        self.stop.fetch_or(done > self.days, Ordering::Relaxed);
    }
    fn interrupted(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

#[test]
fn a_spin_up_that_says_nothing_or_too_much_is_refused() {
    let sandbox = climate::sandbox("2003");
    for (spin_up, says) in [
        ("{ years = 0 }", "runs nothing"),
        ("{ years = 1, cycles = 0 }", "runs nothing"),
        ("{ cycles = 3 }", "give either `years` or `period`"),
        ("{ years = 1, period = \"2001\" }", "give either `years` or `period`"),
        ("{ year = 1 }", "did you mean `years`"),
    ] {
        let said = refusal(&sandbox, &spun("2003", spin_up));
        assert!(said.contains(says), "{spin_up}: {said}");
    }
    let text = climate::project("2003");
    let (head, _) = text.split_once("[inputs.ppt]").unwrap();
    let yearly = format!(
        "{head}[inputs.tmin]\nitems = \"climate.json\"\nasset = \"tmin\"\ntime = \"climatology\"\n\
         [inputs.tmax]\nitems = \"climate.json\"\nasset = \"tmax\"\ntime = \"climatology\"\n\
         [model]\nname = \"spring-index\"\nspin_up = {{ years = 1 }}\n"
    );
    assert!(refusal(&sandbox, &yearly).contains("model spring-index counts years"));
}
