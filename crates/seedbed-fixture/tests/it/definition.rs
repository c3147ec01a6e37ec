//! The definition that fits the fixture's Daymet.

use std::fs;
use std::path::Path;

use seedbed_fixture::{Area, daymet::Window};

fn read(relative: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    fs::read_to_string(root.join(relative)).unwrap()
}

#[test]
fn its_grid_is_the_window_that_the_fixture_cuts() {
    // The fields reach 0.15 degrees beyond the area.
    let window = Window::covering(Area::UPPER_DELAWARE.grown(0.15)).unwrap();
    let (rows, cols) = window.shape();
    let text = read("fixtures/definitions/daymet-drb.toml");
    let grid = text.split_once("[grids.na]").unwrap().1;
    assert!(grid.contains(&format!("shape = [{rows}, {cols}]")), "{rows} {cols} in {grid}");
    let transform = window.transform().map(|number| number.to_string()).join(", ");
    assert!(grid.contains(&format!("transform = [{transform}]")), "{transform} in {grid}");
}

#[test]
fn apart_from_name_and_grid_it_is_the_catalogs_definition() {
    let between = |text: String| {
        let (_, rest) = text.split_once("\nlicence =").unwrap();
        let (body, _) = rest.split_once("[grids.na]").unwrap();
        let lines = body.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
        lines.map(String::from).collect::<Vec<_>>()
    };
    assert_eq!(
        between(read("fixtures/definitions/daymet-drb.toml")),
        between(read("catalogs/daymet-daily.toml"))
    );
}
