//! MODIS MOD13A1 v061, 16-day vegetation index at 500 m, as the Planetary Computer serves it:
//! one `GeoTIFF` a layer on the sinusoidal tile h12v04, and a STAC item a composite.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use anyhow::{Context, Result, bail};
use jiff::civil::{Date, date};
use serde_json::{Value, json};

use crate::archives::Job;
use crate::climate::noise::hash;
use crate::climate::vegetation::{Reliability, Vegetation};
use crate::climate::{Sites, terrain::Surface};
use crate::spec::{Area, Spec};
use crate::write::file;
use crate::write::geotiff::{self, Band};
use crate::write::projection::{Grid, SINUSOIDAL};

/// The collection's id at the Planetary Computer.
pub const COLLECTION: &str = "modis-13A1-061";
/// The asset that holds the index.
pub const NDVI: &str = "500m_16_days_NDVI";
/// The asset that holds its rank.
pub const RELIABILITY: &str = "500m_16_days_pixel_reliability";
/// Stands for the server's address in the stored items.
pub(crate) const BASE: &str = "{base}";

const EARTH_RADIUS: f64 = 6_371_007.181;
/// A tile's side and the grid's corner as the granules give them, m.
const TILE: f64 = 1_111_950.519_666_666_6;
const CORNER: (f64, f64) = (-20_015_109.354, 10_007_554.677);
const PIXELS: usize = 2400;
/// The tile that holds the upper Delaware: columns from the west, rows from the north.
const TILE_H: i32 = 12;
const TILE_V: i32 = 4;
const NDVI_FILL: i16 = -3000;
const RANK_FILL: u8 = 255;
/// How far the fields reach beyond the area, degrees.
const MARGIN: f64 = 0.1;
/// As the archive's items write the projection, although it is not WKT 2.
pub(crate) const ITEM_WKT: &str = "PROJCS[\"unnamed\",GEOGCS[\"Unknown datum based upon the custom spheroid\",\
DATUM[\"Not specified (based on custom spheroid)\",SPHEROID[\"Custom spheroid\",6371007.181,0]],\
PRIMEM[\"Greenwich\",0],UNIT[\"degree\",0.0174532925199433,AUTHORITY[\"EPSG\",\"9122\"]]],\
PROJECTION[\"Sinusoidal\"],PARAMETER[\"longitude_of_center\",0],PARAMETER[\"false_easting\",0],\
PARAMETER[\"false_northing\",0],UNIT[\"Meter\",1],AXIS[\"Easting\",EAST],AXIS[\"Northing\",NORTH]]";

/// The satellite.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Platform {
    Terra,
    Aqua,
}

/// A 16-day composite of the tile.
#[derive(Debug, Clone, Copy)]
struct Composite {
    platform: Platform,
    year: i16,
    day_of_year: i16,
}

impl Composite {
    fn start(self) -> Date {
        date(self.year, 1, 1).saturating_add(jiff::Span::new().days(self.day_of_year - 1))
    }

    fn product(self) -> &'static str {
        match self.platform {
            Platform::Terra => "MOD13A1",
            Platform::Aqua => "MYD13A1",
        }
    }

    /// The granule's name, which is the item's id.
    fn id(self) -> String {
        let serial = i64::from(self.year) * 1000 + i64::from(self.day_of_year);
        let draw = |k: i64, below: f64| (hash(51, serial, k) * below) as u32;
        format!(
            "{}.A{}{:03}.h{TILE_H:02}v{TILE_V:02}.061.2020{:03}{:02}{:02}{:02}",
            self.product(),
            self.year,
            self.day_of_year,
            40 + draw(0, 290.0),
            draw(1, 24.0),
            draw(2, 60.0),
            draw(3, 60.0),
        )
    }

    /// Where a layer lies under the blob container, which is also its place on disk.
    fn layer_path(self, layer: &str) -> String {
        let id = self.id();
        let product = self.product();
        format!("{product}/{TILE_H:02}/{TILE_V:02}/{}{:03}/{id}_{layer}.tif", self.year, self.day_of_year)
    }
}

/// The composites that a spec asks for: those of its years, one before and one after, so that a
/// value can be interpolated on every day, and the first two of Aqua, which the collection mixes in.
fn composites(spec: &Spec) -> Vec<Composite> {
    let terra = |year, day_of_year| Composite { platform: Platform::Terra, year, day_of_year };
    let (first, last) = (*spec.years.start(), *spec.years.end());
    let mut list = vec![terra(first - 1, 353)];
    for year in spec.years.clone() {
        list.extend((0..23).map(|k| terra(year, 1 + 16 * k)));
    }
    list.push(terra(last + 1, 1));
    list.extend([9, 25].map(|day_of_year| Composite { platform: Platform::Aqua, year: first, day_of_year }));
    list.sort_by_key(|composite| (composite.year, composite.day_of_year));
    list
}

/// The tile's pixels. The granules' metadata round the corners to a micrometre, and the size of a
/// pixel follows from them.
fn grid() -> Grid {
    let micro = |metres: f64| (metres * 1e6).round() / 1e6;
    let column = |h: i32| micro(CORNER.0 + f64::from(h) * TILE);
    let row = |v: i32| micro(CORNER.1 - f64::from(v) * TILE);
    let side = PIXELS as f64;
    Grid {
        left: column(TILE_H),
        top: row(TILE_V),
        pixel: ((column(TILE_H + 1) - column(TILE_H)) / side, (row(TILE_V) - row(TILE_V + 1)) / side),
        rows: PIXELS,
        cols: PIXELS,
    }
}

/// Longitude and latitude of a point of the sinusoidal plane.
fn lonlat((x, y): (f64, f64)) -> (f64, f64) {
    let lat = y / EARTH_RADIUS;
    ((x / (EARTH_RADIUS * lat.cos())).to_degrees(), lat.to_degrees())
}

struct Fields {
    valid: Vec<usize>,
    vegetation: Vegetation,
}

impl Fields {
    fn new(area: Area) -> Self {
        let area = area.grown(MARGIN);
        let grid = grid();
        let mut valid = Vec::new();
        let mut points = Vec::new();
        for row in 0..grid.rows {
            let lat = lonlat(grid.centre(row, 0)).1;
            if lat < area.south || lat > area.north {
                continue;
            }
            for col in 0..grid.cols {
                let point = lonlat(grid.centre(row, col));
                if area.contains(point.0, point.1) {
                    valid.push(row * grid.cols + col);
                    points.push(point);
                }
            }
        }
        let sites = Sites::new(points, area);
        let kept = sites.where_surface(|surface| matches!(surface, Surface::Land | Surface::Pond));
        let valid = kept.iter().map(|&k| valid[k]).collect();
        Self { valid, vegetation: Vegetation::new(&sites.picked(&kept)) }
    }

    fn composite(&self, composite: Composite) -> (Vec<f32>, Vec<Reliability>) {
        let mut green = vec![0.0; self.valid.len()];
        let mut rank = vec![Reliability::Good; self.valid.len()];
        self.vegetation.composite(composite.year, composite.day_of_year, &mut green, &mut rank);
        (green, rank)
    }
}

pub(crate) fn jobs(root: &Path, spec: &Spec) -> Result<Vec<Job>> {
    let tile = lonlat_bounds();
    if !(tile.contains(spec.area.west, spec.area.south) && tile.contains(spec.area.east, spec.area.north)) {
        bail!("the area {} isn't within the MODIS tile h{TILE_H:02}v{TILE_V:02}", spec.area);
    }
    let fields: Arc<OnceLock<Fields>> = Arc::default();
    let area = spec.area;
    let mut jobs = Vec::new();
    for composite in composites(spec) {
        for layer in [NDVI, RELIABILITY] {
            let fields = Arc::clone(&fields);
            jobs.push(Job::new(root.join(composite.layer_path(layer)), move |path| {
                write(path, layer, composite, fields.get_or_init(|| Fields::new(area)))
            }));
        }
    }
    Ok(jobs)
}

fn write(path: &Path, layer: &str, composite: Composite, fields: &Fields) -> Result<()> {
    let (green, rank) = fields.composite(composite);
    let band = Band {
        crs: SINUSOIDAL,
        grid: grid(),
        nodata: f64::from(NDVI_FILL),
        // The granules carry 10000, to divide by, and GDAL copies it; items say 0.0001.
        scale: Some(10_000.0),
        description: "500m 16 days NDVI",
        options: &[("BLOCKSIZE", "512"), ("OVERVIEW_RESAMPLING", "NEAREST")],
    };
    if layer == NDVI {
        let mut values = vec![NDVI_FILL; PIXELS * PIXELS];
        for (&at, &green) in fields.valid.iter().zip(&green) {
            values[at] = (green * 10_000.0).round() as i16;
        }
        geotiff::write(path, values, &band)
    } else {
        let mut values = vec![RANK_FILL; PIXELS * PIXELS];
        for (&at, &rank) in fields.valid.iter().zip(&rank) {
            values[at] = rank as u8;
        }
        let band = Band {
            nodata: f64::from(RANK_FILL),
            scale: None,
            description: "500m 16 days pixel reliability",
            ..band
        };
        geotiff::write(path, values, &band)
    }
}

/// The bounding box of the tile in longitude and latitude.
fn lonlat_bounds() -> Area {
    let (left, right) = (grid().left, grid().left + TILE);
    let (top, bottom) = (grid().top, grid().top - TILE);
    let corners = [(left, top), (left, bottom), (right, top), (right, bottom)].map(lonlat);
    let fold = |pick: fn(&(f64, f64)) -> f64, join: fn(f64, f64) -> f64| {
        corners.iter().map(pick).reduce(join).unwrap_or(f64::NAN)
    };
    Area {
        west: fold(|p| p.0, f64::min),
        south: fold(|p| p.1, f64::min),
        east: fold(|p| p.0, f64::max),
        north: fold(|p| p.1, f64::max),
    }
}

/// Writes `items.json`, the items that the STAC API serves, for the composites that are there.
pub(crate) fn list(root: &Path, spec: &Spec) -> Result<()> {
    let path = items_path(root);
    let mut items: Vec<Value> = read_items(root)?;
    for composite in composites(spec) {
        let id = composite.id();
        if !items.iter().any(|item| item["id"] == id.as_str()) {
            items.push(item(composite));
        }
    }
    // The Planetary Computer answers with the newest first.
    items.sort_by_key(|item| {
        let start = item["properties"]["start_datetime"].as_str().unwrap_or_default().to_owned();
        std::cmp::Reverse((start, item["id"].as_str().unwrap_or_default().to_owned()))
    });
    let text = serde_json::to_string_pretty(&items)?;
    if fs::read_to_string(&path).is_ok_and(|found| found == text) {
        return Ok(());
    }
    let _ = fs::remove_file(&path);
    file::whole(&path, |temporary| Ok(fs::write(temporary, text)?))
}

fn items_path(root: &Path) -> PathBuf {
    root.join("items.json")
}

/// The stored items, with [`BASE`] for the server's address; none where there is no list.
pub(crate) fn read_items(root: &Path) -> Result<Vec<Value>> {
    let path = items_path(root);
    if !path.exists() {
        return Ok(Vec::new());
    }
    let text = fs::read_to_string(&path).with_context(|| format!("can't read {}", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} isn't a list of items", path.display()))
}

/// A composite's item as the Planetary Computer writes it.
fn item(composite: Composite) -> Value {
    let id = composite.id();
    let start = composite.start();
    let end = start.saturating_add(jiff::Span::new().days(15));
    let bounds = lonlat_bounds();
    let (left, top, right, bottom) = (grid().left, grid().top, grid().left + TILE, grid().top - TILE);
    let plane = [(right, bottom), (right, top), (left, top), (left, bottom), (right, bottom)];
    let ring: Vec<[f64; 2]> = plane.iter().map(|&(x, y)| [x, y]).collect();
    let globe: Vec<[f64; 2]> = plane.iter().map(|&point| lonlat(point)).map(|(x, y)| [x, y]).collect();
    let blob = |path: String| format!("{BASE}/modis-061-cogs/{path}");
    let granule = format!(
        "{BASE}/modis-061/{}/{TILE_H:02}/{TILE_V:02}/{}{:03}/{id}.hdf",
        composite.product(),
        composite.year,
        composite.day_of_year
    );
    let data_type = "image/tiff; application=geotiff; profile=cloud-optimized";
    let link = |rel: &str, path: &str| json!({ "rel": rel, "type": "application/json", "href": format!("{BASE}/api/stac/v1{path}") });
    json!({
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": id,
        "properties": {
            "created": "2023-11-30T12:00:00Z",
            "updated": "2023-11-30T12:00:00Z",
            "datetime": null,
            "start_datetime": format!("{start}T00:00:00Z"),
            "end_datetime": format!("{end}T23:59:59Z"),
            "platform": match composite.platform { Platform::Terra => "terra", Platform::Aqua => "aqua" },
            "instruments": ["modis"],
            "modis:horizontal-tile": TILE_H,
            "modis:vertical-tile": TILE_V,
            "modis:tile-id": format!("51{TILE_H:03}{TILE_V:03}"),
            "proj:epsg": null,
            "proj:wkt2": ITEM_WKT,
            "proj:shape": [PIXELS, PIXELS],
            "proj:transform": grid().affine(),
            "proj:geometry": { "type": "Polygon", "coordinates": [ring] },
        },
        "geometry": { "type": "Polygon", "coordinates": [globe] },
        "bbox": [bounds.west, bounds.south, bounds.east, bounds.north],
        "links": [
            link("collection", &format!("/collections/{COLLECTION}")),
            link("parent", &format!("/collections/{COLLECTION}")),
            link("root", "/"),
            { "rel": "self", "type": "application/geo+json", "href": format!("{BASE}/api/stac/v1/collections/{COLLECTION}/items/{id}") },
        ],
        "assets": {
            "hdf": {
                "href": granule,
                "type": "application/x-hdf",
                "title": "Source data containing all bands",
                "roles": ["data"],
            },
            "metadata": {
                "href": format!("{granule}.xml"),
                "type": "application/xml",
                "title": "Federal Geographic Data Committee (FGDC) Metadata",
                "roles": ["metadata"],
            },
            NDVI: {
                "href": blob(composite.layer_path(NDVI)),
                "type": data_type,
                "title": "500m 16 days NDVI",
                "raster:bands": [{ "unit": "NDVI", "scale": 0.0001, "data_type": "int16", "spatial_resolution": 500 }],
                "roles": ["data"],
            },
            RELIABILITY: {
                "href": blob(composite.layer_path(RELIABILITY)),
                "type": data_type,
                "title": "Quality reliability of VI pixel",
                "raster:bands": [{ "unit": "Rank", "data_type": "int8", "spatial_resolution": 500 }],
                "file:values": [
                    { "values": [0], "summary": "Good data, use with confidence" },
                    { "values": [1], "summary": "Marginal data, useful, but look at other QA information" },
                    { "values": [2], "summary": "Snow/Ice Target covered with snow/ice" },
                    { "values": [3], "summary": "Cloudy data" },
                ],
                "roles": ["data"],
            },
        },
        "stac_extensions": [
            "https://stac-extensions.github.io/raster/v1.0.0/schema.json",
            "https://stac-extensions.github.io/projection/v1.0.0/schema.json",
            "https://stac-extensions.github.io/file/v2.0.0/schema.json",
        ],
        "collection": COLLECTION,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tile_lies_where_the_modis_grid_has_it() {
        // Corner and pixel size of h12v11 and of h12 by the published items.
        assert_eq!(grid().left, -6_671_703.118);
        assert!((grid().pixel.0 - 463.312_716_527_916_5).abs() < 1e-12);
        assert_eq!(grid().top, 5_559_752.598_333);
        assert!(lonlat_bounds().contains(-75.0, 41.0));
    }

    #[test]
    fn composites_bracket_the_years() {
        let list = composites(&Spec::demo());
        let terra: Vec<_> = list.iter().filter(|c| c.platform == Platform::Terra).collect();
        assert_eq!(terra.len(), 48);
        assert_eq!(terra[0].start(), date(2002, 12, 19));
        assert_eq!(terra[47].start(), date(2005, 1, 1));
        assert!(terra[1].id().starts_with("MOD13A1.A2003001.h12v04.061.2020"));
    }
}
