//! The reference implementation's own run of 64 pixels, reproduced tile by tile.

use crate::python::python;
use crate::real::{ASSEMBLED, item, items, real_data};
use crate::sandbox::Sandbox;
use serde_json::{Value, json};

/// The reference is reproduced to this, in mm.
const EXACT: f64 = 1e-9;

const INPUTS: [&str; 6] = ["ppt", "tmin", "tmax", "tavg", "ndvi", "eto"];

const OUTPUTS: [&str; 13] = [
    "rain",
    "intercept",
    "swe",
    "snowmelt",
    "snwpk",
    "swi",
    "swf",
    "srf",
    "dd",
    "etasw5",
    "etasw",
    "etc",
    "netet",
];

/// The set's inputs as netCDF on its own grid: a file an input, expanded to its 730 days.
const WRITE: &str = include_str!("real/golden_write.py");

fn project(out: &str, grid: &str, period: &str, kinds: &str, precision: &str) -> String {
    let inputs = INPUTS.map(|name| {
        format!("[inputs.{name}]\nitems = \"items.json\"\nasset = \"{name}\"\nresampling = \"nearest\"\n")
    });
    let statics = ["whc", "field_capacity", "saturation", "interception", "water"]
        .map(|name| format!("[statics.{name}]\nhref = \"{name}.nc\"\n"));
    format!(
        r#"
[project]
name = "{out}"
out = "{out}"
period = "{period}"

[grid]
file = "{grid}.grid.json"

{}
{}
[model]
name = "veget"
variant = "reference"
precision = "{precision}"

[output]
periods = {kinds}
variables = {OUTPUTS:?}
dtype = "float{}"
"#,
        inputs.concat(),
        statics.concat(),
        &precision[1..]
    )
}

/// Compares what was run with the set, day by day, month by month, year by year;
/// prints for each kind how many values were compared on the clean pixels and
/// their largest deviation, and on the others the same with the masks' differences.
const COMPARE: &str = include_str!("real/golden_compare.py");

#[test]
fn real_runner_reproduces_the_golden_set_on_its_clean_pixels() {
    let Some(data) = real_data() else { return };
    let golden = data.join("goldens/veget/veget_basin_f64.npz");
    let sandbox = Sandbox::new();
    let Some(ran) = python(&sandbox, WRITE, [&golden]) else { return };
    ran.succeeds();
    let assets: serde_json::Map<String, Value> = INPUTS
        .map(|n| (n.to_owned(), json!({"href": format!("{n}.nc"), "bands": [{"name": n}]})))
        .into_iter()
        .collect();
    let all = item(
        "golden",
        [-106.8, 44.8, -104.2, 47.4],
        "2019-10-02",
        "2021-09-30",
        &json!({}),
        &Value::Object(assets),
    );
    sandbox.write("items.json", items(&[all]));
    // Sums on four tiles, days on one.
    for (name, tile) in [("four", "4px"), ("one", "8px")] {
        let args = format!(
            "grid --bbox=-106.8,44.8,-104.2,47.4 --origin=-106.8,47.4 --resolution=0.325 --tile {tile} \
             --out {name}.geojson"
        );
        sandbox.seedbed(args.split_whitespace()).succeeds();
    }
    let whole = "2019-10-02/2021-09-30";
    let sums = r#"["monthly", "yearly"]"#;
    for (out, grid, period, kinds, precision) in [
        ("f64", "four", whole, sums, "f64"),
        ("f64-days", "one", "2019-10-02/2019-11-30", r#"["daily"]"#, "f64"),
        ("f32", "four", whole, sums, "f32"),
        ("f32-days", "one", "2019-10-02/2019-11-30", r#"["daily"]"#, "f32"),
    ] {
        let file = format!("{out}.toml");
        sandbox.write(&file, project(out, grid, period, kinds, precision));
        sandbox.seedbed(["run", &file]).succeeds();
    }
    let kinds = r#"{"f64": ["monthly", "yearly"], "f64-days": ["daily"], "f32": ["monthly", "yearly"], "f32-days": ["daily"]}"#;
    let script = format!("{ASSEMBLED}{COMPARE}");
    let Some(ran) = python(&sandbox, &script, [golden.to_str().unwrap(), kinds]) else { return };
    let result = ran.succeeds().json();
    for (run, figures) in result.as_object().unwrap() {
        let (compared, worst) = (figures[0].as_u64().unwrap(), figures[1].as_f64().unwrap());
        println!(
            "{run}: {compared} values of clean pixels, largest deviation {worst:e} mm; \
             others: {} mm, {} differences of mask",
            figures[2], figures[3]
        );
        if run.starts_with("f64") {
            assert!(worst <= EXACT, "{run}: {worst:e} mm");
            // So are the defects: `reference` treats them as the reference did.
            assert!(figures[2].as_f64().unwrap() <= EXACT && figures[3] == 0, "{run}: {figures}");
        }
    }
    let compared = |run: &str| result[run][0].as_u64().unwrap();
    let pixels = 55;
    assert_eq!(compared("f64 monthly"), 24 * 5 * pixels);
    assert_eq!(compared("f64 yearly"), 2 * 7 * pixels);
    assert_eq!(compared("f64-days daily"), 60 * 13 * pixels);
}
