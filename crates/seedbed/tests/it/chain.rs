//! The flow from end to end, command by command.

use crate::sandbox::Sandbox;
use crate::world::World;

#[test]
fn a_project_runs_from_archive_to_page_and_a_second_time_does_nothing() {
    let sandbox = World::get().project();
    let plan = sandbox.seedbed(["run", "seedbed.toml", "--dry-run", "--json"]).succeeds().json();
    let tiles = plan["tiles"].as_u64().unwrap();
    assert!(tiles >= 2, "{tiles} tiles");
    assert_eq!(plan["products"], plan["to_make"]);
    sandbox.seedbed(["verify", "seedbed.toml"]).exits(1).prints("missing: ").prints("has not been made");
    assert!(!sandbox.path("tiles").exists(), "neither a dry run nor looking writes anything");

    let made = sandbox.seedbed(["run", "seedbed.toml", "--json"]).succeeds().json();
    assert_eq!((&made["made"], &made["present"]), (&plan["products"], &0.into()));
    sandbox.seedbed(["status", "seedbed.toml"]).succeeds().prints("products done");
    sandbox.seedbed(["mosaic", "tiles", "--out", "mosaic"]).succeeds();
    sandbox.seedbed(["verify", "seedbed.toml"]).succeeds();
    sandbox.seedbed(["verify", "mosaic"]).succeeds();
    let toml = sandbox.read("seedbed.toml");
    sandbox.write("seedbed.toml", toml.replace("bias_corr = 1.0", "bias_corr = 1.1"));
    sandbox.seedbed(["verify", "seedbed.toml"]).exits(1).prints("is out of date");
    sandbox.write("seedbed.toml", toml);
    let view =
        sandbox.seedbed(["view", "mosaic", "--variables", "etasw", "--grid", "tiles.grid.json"]).succeeds();
    view.prints("quicklook-etasw-2004.png").prints("tiles.png").prints("file:///");
    assert!(sandbox.read("mosaic/view/index.html").contains("quicklook-etasw-2004.png"));

    let files = sandbox.files();
    let again = sandbox.seedbed(["run", "seedbed.toml", "--json"]).succeeds().json();
    assert_eq!((&again["made"], &again["present"]), (&0.into(), &plan["products"]));
    let again = sandbox.seedbed(["mosaic", "tiles", "--out", "mosaic", "--json"]).succeeds().json();
    assert_eq!(again["made"], 0);
    assert_eq!(sandbox.files(), files);
}

#[test]
fn a_worker_does_its_task_and_no_other() {
    let sandbox = World::get().project();
    let tile = &sandbox.json("tiles.grid.json")["tiles"][1]["name"];
    sandbox.seedbed(["run", "seedbed.toml", "--tiles", tile.as_str().unwrap()]).succeeds();
    sandbox.seedbed(["verify", "seedbed.toml"]).exits(1).prints("missing: ").says("error: ");
    let plan = "tiles/.seedbed/plan.json";
    let catalog = sandbox.read("tiles/catalog.json");
    let worked = sandbox.seedbed(["worker", plan, "--index", "0", "--json"]).succeeds().json();
    assert_eq!(worked["tile"], sandbox.json("tiles.grid.json")["tiles"][0]["name"]);
    assert_eq!(sandbox.read("tiles/catalog.json"), catalog, "catalogs are the coordinator's");
    sandbox.seedbed(["worker", plan, "--index", "999"]).exits(2).says("no task 999");
}

#[test]
fn a_crawl_adds_to_a_catalog_and_leaves_copies_alone() {
    let world = World::get();
    let sandbox = world.project();
    let stac = world.url("api/stac/v1/");
    let period = "2004-06/2004-10";
    let crawl = ["crawl", "mod13a1", "--root", &stac, "--datetime", period, "--out", "catalog", "--json"];
    let report = sandbox.seedbed(crawl).succeeds().json();
    assert_eq!(report["changed"], 0, "copied items stay as they are: {report}");
    assert!(report["added"].as_u64().unwrap() > 0, "{report}");
    let copy = ["copy", "catalog/mod13a1", "--assets", "ndvi", "--to", "data", "--json"];
    let copied = sandbox.seedbed(copy).succeeds().json();
    assert_eq!(copied["copied"], report["added"]);
    sandbox.seedbed(["check", "catalog/mod13a1", "--assets", "ndvi", "--deep"]).succeeds().prints("0 differ");
    let describe = sandbox.seedbed(["catalog", "describe", "catalog"]).succeeds();
    describe.prints("collection daymet-drb").prints("collection mod13a1");
    sandbox.seedbed(["catalog", "validate", "catalog"]).succeeds().prints("0 invalid");
}

#[test]
fn a_search_finds_items_in_catalogs_files_and_apis() {
    let world = World::get();
    let sandbox = Sandbox::new();
    World::crawl_daymet(&sandbox, &world.path("daymet"));
    sandbox.seedbed(["catalog", "search", "catalog", "--datetime", "2004", "--out", "items.json"]).succeeds();
    assert_eq!(sandbox.json("items.json")["features"].as_array().unwrap().len(), 1);
    let none = ["catalog", "search", "items.json", "--bbox=10,50,11,51", "--out", "none.ndjson"];
    sandbox.seedbed(none).succeeds().prints("0 items");
    let api = world.url("api/stac/v1");
    let collection = "modis-13A1-061";
    let search =
        ["catalog", "search", &api, "--collections", collection, "--limit", "12", "--out", "api.json"];
    sandbox.seedbed(search).succeeds().prints("12 items");
    let sorted =
        ["catalog", "search", "catalog", "--sortby=-datetime", "--fields=-links", "--out", "items.parquet"];
    sandbox.seedbed(sorted).succeeds().prints("written to items.parquet");
    let again =
        ["catalog", "search", "items.parquet", "--intersects", "POLYGON((-76 40, -74 40, -74 42, -76 40))"];
    let again =
        [&again[..], &["--filter", "datetime >= DATE('2004-01-01')", "--out", "again.ndjson"]].concat();
    sandbox.seedbed(again).succeeds().prints("1 item written");
    sandbox.seedbed(["catalog", "search", "catalog", "--out", "items.xml"]).exits(2).says("hint: ");
    let unknown = ["catalog", "search", "catalog", "--filter", "soundex(id) = 'x'", "--out", "x.json"];
    sandbox.seedbed(unknown).exits(2).says("`soundex`");
}

#[test]
fn a_catalog_is_exported_to_every_form_and_each_is_read_again() {
    let world = World::get();
    let sandbox = Sandbox::new();
    World::crawl_daymet(&sandbox, &world.path("daymet"));
    let mut from = "catalog";
    for to in ["items.parquet", "items.ndjson", "items.json"] {
        let dry = ["catalog", "export", from, "--out", to, "--dry-run"];
        sandbox.seedbed(dry).succeeds().prints("would be written");
        assert!(!sandbox.path(to).exists());
        sandbox.seedbed(["catalog", "export", from, "--out", to]).succeeds().prints("written to");
        sandbox.seedbed(["catalog", "validate", to, "--offline"]).succeeds().prints("0 invalid");
        from = to;
    }
    let features = sandbox.json("items.json")["features"].as_array().unwrap().len();
    let described = sandbox.seedbed(["catalog", "describe", "catalog", "--json"]).succeeds().json();
    assert_eq!(described["items"], features);
}

#[test]
fn prepared_tiles_have_an_item_and_a_file_each_day() {
    let world = World::get();
    let sandbox = Sandbox::new();
    World::crawl_daymet(&sandbox, &world.path("daymet"));
    World::tile(&sandbox, "-75.2,41.1,-75.1,41.2");
    let (grid, days) = ("tiles.grid.json", "2004-02-28/2004-03-01");
    let prep = ["prep", "catalog", "--assets", "tmin", "--grid", grid, "--datetime", days];
    let prep = [&prep[..], &["--resampling", "bilinear", "--out", "prepared", "--json"]].concat();
    let report = sandbox.seedbed(prep.clone()).succeeds().json();
    let tiles = sandbox.json(grid)["tiles"].as_array().unwrap().len();
    assert_eq!(report["made"], 3 * tiles, "28 and 29 February and 1 March");
    assert_eq!(sandbox.seedbed(prep).succeeds().json()["made"], 0);
    sandbox.seedbed(["verify", "prepared"]).succeeds();
}

#[test]
fn the_original_tools_tiles_are_drawn_and_gridded_where_they_lie_on_one() {
    let sandbox = Sandbox::new();
    let draw = |bbox: &str, more: &[&str]| {
        let args = [&["grid", bbox, "--names", "veget-legacy", "--json"], more].concat();
        sandbox.seedbed(args).succeeds()
    };
    let chips = draw("--bbox=-78,36,-72,44", &["--tile", "2deg", "--out", "chips.geojson"]);
    assert_eq!(chips.json()["tiles"].as_array().unwrap().len(), 12);
    assert_eq!(sandbox.json("chips.grid.json")["tiles"][0]["name"], "chip44N-78E");
    let basin = "--bbox=-77.42260935656614,38.35658904973271,-73.24801709738581,42.78299677999807";
    let size = ["--tile", "500px", "--resolution", "0.0023102336796792075", "--out", "basin.shp"];
    let basin = draw(basin, &size).says("no integer grid");
    assert_eq!(basin.json()["tiles"].as_array().unwrap().len(), 20, "the spurious column is there");
    assert!(basin.json()["grid"].is_null() && sandbox.path("basin.dbf").is_file());
    assert!(!sandbox.path("basin.grid.json").exists());
}
