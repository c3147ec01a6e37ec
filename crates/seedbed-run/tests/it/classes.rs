//! Statics by the classes of a raster.

use crate::support::{PROJECT, Sandbox, Unwatched};
use seedbed_grid::TileGrid;
use seedbed_prep::TaskKey;
use seedbed_run::{ProblemKind, RunError};

/// The project, whose interception is by land cover.
fn project(more: &str) -> String {
    PROJECT.replace(
        "[statics.interception]\nvalue = 10",
        &format!("[statics.interception]\nhref = \"data/landcover.tif\"\n{more}"),
    )
}

/// Land cover of two classes, in columns of two pixels.
fn class(i: i32) -> f64 {
    if i / 2 % 2 == 0 { 41.0 } else { 11.0 }
}

/// What the canopies of the western tile keep of a month's rain.
fn march(prepare: impl Fn(&Sandbox), text: &str) -> Vec<f64> {
    let sandbox = Sandbox::new();
    prepare(&sandbox);
    sandbox.write_project(&text.replace("\"swf\"]", "\"intercept\"]"));
    let report = sandbox.run(&Unwatched).unwrap();
    assert!(report.failed.is_empty(), "{:?}", report.failed);
    sandbox.values("west", "2004-03", "intercept")
}

fn keys(sandbox: &Sandbox) -> Vec<TaskKey> {
    sandbox.plan().tasks.into_iter().flat_map(|t| t.products.into_iter().map(|p| p.key)).collect()
}

#[test]
fn classes_are_as_a_raster_of_their_values_by_every_kernel() {
    let of_classes = |sandbox: &Sandbox| sandbox.raster("data/landcover.tif", "1", class);
    let of_values = |sandbox: &Sandbox| {
        sandbox.raster("data/landcover.tif", "%", |i| if class(i) == 41.0 { 18.5 } else { 3.0 });
    };
    let mut found = Vec::new();
    for kernel in ["nearest", "bilinear"] {
        // Half a pixel off, so that two classes lie under a pixel.
        let with = |more: &str| {
            let grid = |text: String| text.replace("file = \"tiles.grid.json\"", "file = \"half.grid.json\"");
            grid(project(&format!("resampling = \"{kernel}\"\n{more}")))
        };
        let half = |sandbox: &Sandbox| {
            let mut grid = TileGrid::read(&sandbox.path("tiles.grid.json")).unwrap();
            grid.grid.origin.x += 500.0;
            std::fs::write(sandbox.path("half.grid.json"), serde_json::to_vec(&grid).unwrap()).unwrap();
        };
        let table = "classes = { 11 = 3, 41 = 18.5 }\nunit = \"%\"";
        let by_class = march(
            |s| {
                half(s);
                of_classes(s);
            },
            &with(table),
        );
        let by_value = march(
            |s| {
                half(s);
                of_values(s);
            },
            &with(""),
        );
        assert_eq!(by_class, by_value, "{kernel}");
        let others = march(
            |s| {
                half(s);
                of_classes(s);
            },
            &with("classes = { 41 = 18.5 }\nother = 3"),
        );
        assert_eq!(others, by_value, "{kernel}");
        found.push(by_class);
    }
    assert_ne!(found[0], found[1]);
}

#[test]
fn a_class_that_the_table_lacks_is_named_with_its_tile_and_pixel() {
    let sandbox = Sandbox::new();
    // Row 4, column 9, in the eastern tile alone.
    sandbox.raster("data/landcover.tif", "1", |i| if i == 4 * 16 + 9 { 95.0 } else { class(i) });
    sandbox.write_project(&project("classes = { 11 = 0, 41 = 18.5 }"));
    let RunError::Inputs { report, .. } = sandbox.run(&Unwatched).unwrap_err() else { panic!() };
    assert_eq!(report.problems.len(), 1, "{report}");
    let problem = &report.problems[0];
    assert_eq!((problem.kind, problem.tile.as_str()), (ProblemKind::Class, "east"));
    assert!(problem.usage && problem.input == "statics.interception");
    assert!(
        problem.what.contains("class 95") && problem.what.contains("row 4, column 9"),
        "{}",
        problem.what
    );
}

#[test]
fn a_table_is_part_of_the_key_where_there_is_one() {
    let sandbox = Sandbox::new();
    sandbox.raster("data/landcover.tif", "%", class);
    let with = |more: &str| {
        sandbox.write_project(&project(more));
        keys(&sandbox)
    };
    let without = with("");
    let table = with("classes = { 11 = 0, 41 = 18.5 }");
    assert!(without.iter().zip(&table).all(|(a, b)| a != b));
    assert_eq!(table, with("classes = { 41 = 18.5, 11 = 0.0 }"), "in any order");
    for other in ["classes = { 11 = 0, 41 = 18 }", "classes = { 11 = 0, 41 = 18.5 }\nother = 1"] {
        assert!(with(other).iter().zip(&table).all(|(a, b)| a != b), "{other}");
    }
}

#[test]
fn tables_that_wont_do_are_refused_by_their_key() {
    let sandbox = Sandbox::new();
    sandbox.raster("data/landcover.tif", "1", class);
    for (more, key, why) in [
        ("classes = { oak = 1 }", "statics.interception.classes", "`oak`"),
        ("classes = {}", "statics.interception.classes", "no class"),
        ("classes = { 11 = nan }", "statics.interception.classes", "class 11"),
        ("other = 3", "statics.interception.other", "needs `classes`"),
        ("value = 3\nclasses = { 11 = 1 }", "statics.interception.classes", "everywhere"),
    ] {
        sandbox.write_project(&project(more));
        let said = seedbed_prep::one_line(&sandbox.run(&Unwatched).unwrap_err());
        assert!(said.contains(key) && said.contains(why), "{said}");
    }
}
