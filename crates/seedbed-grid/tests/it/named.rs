//! Well-known grids.

use crate::support::{Two, sinusoidal};
use seedbed_grid::{
    Aoi, Bbox, Crs, GridError, NamedGrid, PixelGrid, PixelRange, ProjectionError, Projections, Scheme,
    Transform, Xy, cover_within,
};

/// [`Two`], which also knows the sinusoidal system by its PROJ string, and takes any
/// other for longitude and latitude.
struct Named;

impl Projections for Named {
    fn resolve(&self, definition: &str) -> Result<Crs, ProjectionError> {
        Ok(if definition.contains("+proj=sinu") || definition == sinusoidal().wkt2 {
            sinusoidal()
        } else {
            Two.resolve("EPSG:4326")?
        })
    }

    fn transform(&self, from: &Crs, to: &Crs) -> Result<Box<dyn Transform>, ProjectionError> {
        Two.transform(from, to)
    }
}

#[test]
fn every_named_grid_has_a_source_and_tiles_that_fit_it() {
    let all = NamedGrid::all().unwrap();
    assert_eq!(all.len(), 9);
    for (name, grid) in all {
        assert!(!grid.source.is_empty() && !grid.about.is_empty(), "{name}");
        let whole = grid.whole(name, &Named).unwrap();
        assert_eq!((whole.tiles.len(), whole.tiles[0].name.as_str()), (1, name.as_str()));
        assert_eq!(grid.tile().unwrap().unit, seedbed_grid::SizeUnit::Pixel);
        let tiles = grid.tiles(None, &Named).unwrap();
        let pixels: f64 =
            tiles.grid.tiles.iter().zip(&tiles.shares).map(|(t, s)| t.range.shape().len() as f64 * s).sum();
        assert!(
            (pixels - grid.extent().shape().len() as f64).abs() < 0.5,
            "{name}: every pixel is in a tile"
        );
    }
    let message = NamedGrid::find("daymet").unwrap_err().to_string();
    assert!(
        message.contains("no grid `daymet`; there are daymet-hi, daymet-na, daymet-pr, gridmet"),
        "{message}"
    );
}

#[test]
fn modis_tiles_of_three_pixel_sizes_are_the_same_tiles() {
    let area = Aoi::from_bbox("-77.5,38.7,-74.4,42.5".parse().unwrap());
    for (name, pixels) in
        [("modis-sinusoidal-1km", 1200), ("modis-sinusoidal-500m", 2400), ("modis-sinusoidal-250m", 4800)]
    {
        let grid = NamedGrid::find(name).unwrap();
        let cover = grid.tiles(Some(&area), &Named).unwrap();
        let names: Vec<&str> = cover.grid.tiles.iter().map(|t| t.name.as_str()).collect();
        // The 40th parallel parts v04 from v05; 77.5° W, 38.7° N is at -60.5° · 111.2 km.
        assert_eq!(names, ["h12v04", "h11v05", "h12v05"], "{name}");
        for tile in &cover.grid.tiles {
            assert_eq!((tile.range.rows, tile.range.cols), (pixels, pixels));
            let range = Scheme::Modis.parse(&cover.grid.grid, tile.range.shape(), &tile.name).unwrap();
            assert_eq!(range, tile.range);
        }
        let corner = cover.grid.geobox(&cover.grid.tiles[1]).affine;
        let side = 20_015_109.354 / 18.0;
        assert!(
            (corner.c - (-20_015_109.354 + 11.0 * side)).abs() < 1e-4
                && (corner.f - (10_007_554.677 - 5.0 * side)).abs() < 1e-4
        );
    }
    let whole = NamedGrid::find("modis-sinusoidal-1km").unwrap().tiles(None, &Named).unwrap();
    assert_eq!((whole.grid.tiles.len(), whole.grid.tiles[36 * 5 + 9].name.as_str()), (648, "h09v05"));
}

#[test]
fn an_area_beyond_a_grid_is_refused() {
    let prism = NamedGrid::find("prism-4km").unwrap();
    let europe = Aoi::from_bbox("5,45,6,46".parse().unwrap());
    assert!(matches!(prism.tiles(Some(&europe), &Named), Err(GridError::NoArea(_))));
}

#[test]
fn longitudes_go_by_whole_turns_to_where_a_raster_is() {
    // MACA's longitudes run from 235 to 293, those of climate models from 0 to 360.
    let crs = Two.resolve("EPSG:4326").unwrap();
    let tiles = |west: f64, cols: i64, bbox: &str| {
        let grid = PixelGrid::new(crs.clone(), Some(Xy { x: west, y: 90.0 }), Some(Xy { x: 0.25, y: 0.25 }))
            .unwrap();
        let extent = PixelRange { row0: 0, col0: 0, rows: 720, cols };
        let area = Aoi::from_bbox(bbox.parse::<Bbox>().unwrap());
        cover_within(&grid, extent, Some(&area), "10deg".parse().unwrap(), Scheme::RowColumn, &Two)
    };
    let names = |cover: seedbed_grid::Cover| cover.grid.tiles.into_iter().map(|t| t.name).collect::<Vec<_>>();
    assert_eq!(names(tiles(235.0, 232, "-120,40,-119,41").unwrap()), ["r4c0"]);
    assert_eq!(names(tiles(0.0, 1440, "-120,40,-119,41").unwrap()), ["r4c24"]);
    assert_eq!(names(tiles(0.0, 1440, "-5,40,5,41").unwrap()), ["r4c0", "r4c35"]);
    assert_eq!(names(tiles(0.0, 1440, "175,40,-175,41").unwrap()), ["r4c17", "r4c18"]);
    assert!(tiles(235.0, 232, "10,40,11,41").is_err());
}
