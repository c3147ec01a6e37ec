//! Bad input gives one clear error that names file and key, the right exit
//! code, and nothing half-written.

use crate::sandbox::{Ran, Sandbox};
use crate::world::World;
use std::fs;

/// One `error:` line, and no output of a product.
#[track_caller]
fn one_error(ran: &Ran, sandbox: &Sandbox) {
    let errors = ran.stderr.lines().filter(|l| l.starts_with("error: ")).count();
    assert_eq!(errors, 1, "one error line:\n{}", ran.stderr);
    assert_nothing_made(sandbox);
}

#[track_caller]
fn assert_nothing_made(sandbox: &Sandbox) {
    let made: Vec<String> =
        sandbox.files().into_iter().filter(|f| f.starts_with("tiles/") && f.contains(".tif")).collect();
    assert!(made.is_empty(), "{made:?}");
    let parts: Vec<String> = sandbox.files().into_iter().filter(|f| f.contains(".part")).collect();
    assert!(parts.is_empty(), "{parts:?}");
}

/// The project's run, with a change to its file.
#[track_caller]
fn run_with(sandbox: &Sandbox, from: &str, to: &str) -> Ran {
    let toml = World::get().toml();
    assert!(toml.contains(from), "{from}");
    sandbox.write("seedbed.toml", toml.replacen(from, to, 1));
    sandbox.seedbed(["run", "seedbed.toml"])
}

#[test]
fn an_unknown_key_is_named_with_its_line_and_the_nearest_one() {
    let sandbox = Sandbox::new();
    let ran = run_with(&sandbox, "period = ", "peroid = ").exits(2).says("seedbed.toml:4:1").says("`period`");
    one_error(&ran, &sandbox);
    let definition = fs::read_to_string(World::daymet()).unwrap().replace("licence =", "licens =");
    sandbox.write("mine.toml", definition);
    let ran = sandbox.seedbed(["crawl", "mine.toml", "--out", "catalog"]);
    let ran = ran.exits(2).says("mine.toml:").says("licens").says("`licence`");
    one_error(&ran, &sandbox);
}

#[test]
fn a_missing_file_is_named_with_its_key() {
    let sandbox = Sandbox::new();
    let ran = run_with(&sandbox, "peri", "peri").exits(2).says("seedbed.toml").says("grid.file");
    one_error(&ran, &sandbox);
    World::tile(&sandbox, "-75.4,41.0,-75.0,41.3");
    let ran = run_with(&sandbox, "peri", "peri").exits(2).says("inputs.").says("catalog/");
    one_error(&ran, &sandbox);
    let sandbox = World::get().project();
    let ran = run_with(&sandbox, "whc.tif", "no-such.tif").exits(2).says("statics.whc").says("no-such.tif");
    one_error(&ran, &sandbox);
    let ran = sandbox.seedbed(["grid", "--aoi", "no-such.geojson", "--tile", "20px", "--out", "t.geojson"]);
    one_error(&ran.exits(2).says("no-such.geojson"), &sandbox);
}

#[test]
fn an_area_outside_every_input_is_refused_before_anything_is_written() {
    let sandbox = World::get().project();
    World::tile(&sandbox, "-120.4,43.0,-120.0,43.3");
    let ran = sandbox.seedbed(["run", "seedbed.toml"]).exits(2).says("inputs.").says("touches");
    one_error(&ran, &sandbox);
    assert!(!sandbox.path("tiles").exists(), "{:?}", sandbox.files());
}

#[test]
fn a_truncated_netcdf_is_named() {
    let world = World::get();
    let sandbox = world.project();
    for name in ["tmin", "tmax", "prcp"].map(|v| format!("daymet_v4_daily_na_{v}_2004.nc")) {
        let bytes = fs::read(world.path(&format!("daymet/{name}"))).unwrap();
        let short = if name.contains("tmax") { bytes.len() / 3 } else { bytes.len() };
        sandbox.write(format!("mirror/{name}"), &bytes[..short]);
    }
    fs::remove_dir_all(sandbox.path("catalog/daymet-drb")).unwrap();
    let mirror = sandbox.path("mirror");
    fs::remove_file(sandbox.path("catalog/catalog.json")).unwrap();
    World::crawl_daymet(&sandbox, &mirror);
    let ran = sandbox.seedbed(["run", "seedbed.toml"]).exits(1);
    one_error(&ran.says("inputs.tmax").says("daymet_v4_daily_na_tmax_2004.nc"), &sandbox);
}

#[test]
fn a_refusal_in_place_of_a_zip_is_quoted_and_not_kept() {
    let world = World::get();
    let sandbox = Sandbox::new();
    let mirror = sandbox.path("mirror");
    let name = "PRISM_ppt_stable_4kmD2_20040228_bil.zip";
    sandbox.write(
        format!("mirror/{name}"),
        "You have tried to download this file more than twice in one day.\n",
    );
    let good = "PRISM_ppt_stable_4kmD2_20040225_bil.zip";
    fs::copy(world.path(&format!("prism-old/daily/ppt/2004/{good}")), mirror.join(good)).unwrap();
    let mirror = mirror.display().to_string();
    sandbox.seedbed(["crawl", "prism-daily-old", "--root", &mirror, "--out", "catalog"]).succeeds();
    let ran = sandbox.seedbed(["copy", "catalog", "--assets", "ppt", "--to", "data"]).exits(1);
    let ran = ran.prints(name).prints("more than twice in one day").prints("1 copied");
    assert!(ran.stderr.contains("hint: "), "{}", ran.stderr);
    let kept: Vec<String> = sandbox.files().into_iter().filter(|f| f.starts_with("data/")).collect();
    assert_eq!(kept.len(), 1, "{kept:?}");
    assert!(kept[0].ends_with(good), "{kept:?}");
}

#[test]
fn kelvin_where_celsius_is_declared_is_refused() {
    let sandbox = World::get().project();
    // 273.15 more than the truth: what a file in kelvin holds that is said to be in °C.
    let ran =
        run_with(&sandbox, "asset = \"tmax\"\n", "asset = \"tmax\"\nunit = \"degC\"\noffset = 273.15\n");
    let ran = ran.exits(2).says("seedbed.toml").says("inputs.tmax").says("degC").says("outside");
    one_error(&ran, &sandbox);
}

#[test]
fn a_bad_location_or_number_is_a_usage_error() {
    let sandbox = Sandbox::new();
    sandbox.seedbed(["copy", "catalog", "--assets", "x", "--to", "gopher://x/y"]).exits(2).says("gopher");
    sandbox.seedbed(["crawl", "mod13a1", "--bbox=1,2,3", "--out", "c"]).exits(2).says("bounding box");
    sandbox.seedbed(["crawl", "mod13a1", "--datetime", "soon", "--out", "c"]).exits(2).says("soon");
    sandbox.seedbed(["crawl", "mod13a9", "--out", "c"]).exits(2).says("mod13a1");
    sandbox.seedbed(["--stores", "none.toml", "archives"]).exits(2).says("none.toml");
    assert_eq!(sandbox.files(), [""; 0]);
}

#[test]
fn a_server_that_is_not_there_is_worth_retrying() {
    let sandbox = Sandbox::new();
    // Port 9 (discard) has no listener here; connecting fails at once.
    let root = ["crawl", "mod13a1", "--root", "http://127.0.0.1:9/", "--out", "catalog"];
    sandbox.seedbed(root).exits(3).says("127.0.0.1").says("hint: ");
    assert!(!sandbox.path("catalog").exists());
}

#[test]
fn what_is_no_product_is_refused_by_its_name() {
    let sandbox = Sandbox::new();
    sandbox.write("folder/other.json", "{}");
    for command in [&["verify"][..], &["mosaic", "--out", "mosaic"]] {
        for name in ["nowhere", "folder", "folder/other.json"] {
            let ran = sandbox.seedbed([command, &[name]].concat()).exits(2).says(name);
            one_error(&ran, &sandbox);
        }
    }
    assert!(!sandbox.path("mosaic").exists());
}

#[test]
fn a_folder_for_tiles_that_is_not_there_is_named() {
    let sandbox = Sandbox::new();
    let args = ["grid", "--bbox=-76,40,-75,41", "--tile", "1deg", "--out", "nowhere/tiles.geojson"];
    one_error(&sandbox.seedbed(args).exits(2).says("cannot write nowhere/tiles.geojson"), &sandbox);
}

#[test]
fn a_crawl_that_finds_nothing_says_so_and_writes_nothing() {
    let sandbox = Sandbox::new();
    sandbox.write("mirror/README.txt", "");
    let crawl = ["crawl", "prism-daily-old", "--root", "mirror", "--out", "catalog"];
    sandbox.seedbed(crawl).exits(0).says("lists nothing");
    sandbox.write("mirror/PRISM.zip", "");
    sandbox.seedbed(crawl).exits(1).says("lists nothing that can be used").says("PRISM.zip");
    assert!(!sandbox.path("catalog").exists());
}
