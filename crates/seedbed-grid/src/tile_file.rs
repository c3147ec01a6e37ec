//! Tile files of ours and of the original tools, read back into a grid.

use crate::aoi::{Outline, Outlines, geojson, shapefile};
use crate::ring::Ring;
use crate::{
    AoiError, Bbox, Cover, Crs, GridError, PixelGrid, Projections, Tile, TileGrid, Transform, export, snap,
};
use ::shapefile::dbase::{self, FieldValue, Record};
use seedbed_block::PixelRange;
use serde_json::Value;
use std::path::Path;

/// A tile file on a grid.
#[derive(Debug, Clone, PartialEq)]
pub struct TileFile {
    /// Its tiles, and their shares where the file tells them (else not a number).
    pub cover: Cover,
    /// How far the edge that moved furthest did, in pixels.
    pub moved: f64,
}

/// What a tile file says of a tile besides its outline.
#[derive(Default)]
struct Said {
    name: Option<String>,
    /// `col0`, `row0`, `cols`, `rows`.
    numbers: Option<[f64; 4]>,
    share: Option<f64>,
}

/// More than this is another grid, in pixels.
const MOST: f64 = 0.5;
/// Bits lost in nine decimals of a degree, in pixels.
const BITS: f64 = 1e-3;
/// Positions this near the antimeridian or a pole, in degrees, are on a seam.
const SEAM: f64 = 1e-6;
/// Pixels that no grid on Earth has.
const MOST_PIXELS: f64 = 1e12;

impl TileFile {
    /// Reads GeoJSON or a shapefile of named rectangles onto a grid: each edge goes to
    /// the nearest grid line.
    ///
    /// # Errors
    /// [`GridError::TileFile`] for a feature without a name, one that is no rectangle on
    /// the grid or more than half a pixel from the pixels it claims; [`GridError::Area`] for
    /// what is no such file; [`GridError::Overlap`] and the like.
    pub fn read(path: &Path, grid: &PixelGrid, projections: &dyn Projections) -> Result<Self, GridError> {
        let file = path.display().to_string();
        let bad = |feature: &str, reason: String| GridError::TileFile {
            file: file.clone(),
            feature: feature.to_owned(),
            reason,
        };
        let shapes = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("shp"));
        let (outlines, crs, said) =
            if shapes { from_shapefile(path, &file)? } else { from_geojson(path, &file)? };
        let crs = projections.resolve(crs.as_deref().unwrap_or("OGC:CRS84"))?;
        let (mut names, mut boxes, mut shares) = (Vec::new(), Vec::new(), Vec::new());
        for (feature, parts) in grouped(&outlines) {
            let said = said(&feature);
            let name = said.name.ok_or_else(|| bad(&feature, "it has no `name`".to_owned()))?;
            let claimed = said.numbers.map(|numbers| claimed(numbers, &parts, &crs, grid, projections));
            let claimed = claimed.transpose()?.flatten();
            let mut rectangle = match claimed {
                Some(rectangle) => rectangle,
                None => rectangle(&parts, &crs, grid, projections).map_err(|e| match e {
                    Fault::Grid(e) => *e,
                    Fault::Reason(reason) => bad(&format!("{feature} ({name})"), reason),
                })?,
            };
            if let Some([col0, row0, cols, rows]) = said.numbers {
                if grid.crs.geographic {
                    // The same meridian may have been written as 179.5° or −180.5°.
                    let turn = 360.0 / grid.resolution.x;
                    let by = turn * ((col0 - rectangle[0]) / turn).round();
                    (rectangle[0], rectangle[2]) = (rectangle[0] + by, rectangle[2] + by);
                }
                let claimed = [col0, row0, col0 + cols, row0 + rows];
                let off = rectangle.iter().zip(claimed).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
                if off > MOST + BITS {
                    let reason = format!(
                        "its outline is {off:.1} pixels from the pixels it claims (col0 {col0}, row0 {row0}): \
                         the file is of another grid; give that one with --crs, --origin and --resolution"
                    );
                    return Err(bad(&format!("{feature} ({name})"), reason));
                }
            }
            let [west, north, east, south] = rectangle;
            let at = |col: f64, row: f64| grid.affine().apply(col, row);
            let (nw, se) = (at(west, north), at(east, south));
            names.push(name);
            boxes.push(Bbox { west: nw.x, south: se.y, east: se.x, north: nw.y });
            shares.push(said.share.unwrap_or(f64::NAN));
        }
        if names.is_empty() {
            return Err(bad("the file", "it has no tiles".to_owned()));
        }
        let snapped = snap(grid, "file", names.iter().map(String::as_str).zip(boxes))?;
        Ok(Self { cover: Cover { grid: snapped.tiles, shares }, moved: snapped.moved })
    }
}

type Parsed = (Outlines, Option<String>, Box<dyn Fn(&str) -> Said>);

fn from_geojson(path: &Path, file: &str) -> Result<Parsed, GridError> {
    let text =
        std::fs::read_to_string(path).map_err(|source| AoiError::Read { file: file.to_owned(), source })?;
    let (outlines, crs) = geojson::outlines(&text, file)?;
    let mut said = std::collections::HashMap::new();
    for (i, f) in geojson::features(&text, file)?.into_iter().enumerate() {
        said.insert(geojson::label(&f, i), f.properties.unwrap_or_default());
    }
    let lookup = move |feature: &str| {
        let Some(p) = said.get(feature) else { return Said::default() };
        let number = |key: &str| p.get(key).and_then(Value::as_f64);
        let name = ["name", "Name", "NAME"].iter().find_map(|k| match p.get(*k)? {
            Value::String(s) if !s.is_empty() => Some(s.clone()),
            Value::Number(n) => Some(n.to_string()),
            _ => None,
        });
        Said { name, numbers: numbers(number), share: number("share") }
    };
    Ok((outlines, crs, Box::new(lookup)))
}

fn from_shapefile(path: &Path, file: &str) -> Result<Parsed, GridError> {
    let (outlines, prj) = shapefile::outlines(path, file)?;
    let table = path.with_extension("dbf");
    let records: Vec<Record> = dbase::read(&table).map_err(|e| AoiError::Vector {
        file: table.display().to_string(),
        reason: format!("no dBASE table: {e}"),
    })?;
    let lookup = move |feature: &str| {
        let index = feature.strip_prefix("record ").and_then(|n| n.parse::<usize>().ok());
        let Some(record) = index.and_then(|i| records.get(i.checked_sub(1)?)) else { return Said::default() };
        let number = |key: &str| match record.get(key)? {
            FieldValue::Numeric(v) => *v,
            FieldValue::Float(v) => v.map(f64::from),
            FieldValue::Integer(v) => Some(f64::from(*v)),
            FieldValue::Double(v) => Some(*v),
            _ => None,
        };
        let text = |key: &str| match record.get(key)? {
            FieldValue::Character(v) => v.clone().filter(|s| !s.is_empty()),
            _ => number(key).map(|n| n.to_string()),
        };
        let name = ["name", "Name", "NAME"].iter().find_map(|k| text(k));
        Said { name, numbers: numbers(number), share: number("share") }
    };
    Ok((outlines, Some(prj), Box::new(lookup)))
}

fn numbers(number: impl Fn(&str) -> Option<f64>) -> Option<[f64; 4]> {
    Some([number("col0")?, number("row0")?, number("cols")?, number("rows")?])
}

/// Outlines by feature, in the file's order.
fn grouped(outlines: &Outlines) -> Vec<(String, Vec<&Outline>)> {
    let mut groups: Vec<(String, Vec<&Outline>)> = Vec::new();
    for o in &outlines.polygons {
        match groups.last_mut() {
            Some((feature, parts)) if *feature == o.feature => parts.push(o),
            _ => groups.push((o.feature.clone(), vec![o])),
        }
    }
    groups
}

enum Fault {
    Grid(Box<GridError>),
    Reason(String),
}

/// The edges in pixels of the pixels that a tile claims, if its parts are these pixels' outline on Earth: cut at the
/// antimeridian, closed at a pole, or without the corners that lie beyond the globe. Positions on these seams aren't on
/// the tile's edges.
fn claimed(
    numbers: [f64; 4],
    parts: &[&Outline],
    crs: &Crs,
    grid: &PixelGrid,
    projections: &dyn Projections,
) -> Result<Option<[f64; 4]>, GridError> {
    let lonlat = projections.resolve("OGC:CRS84")?;
    let whole = numbers.iter().all(|n| n.fract() == 0.0 && n.abs() < MOST_PIXELS);
    if grid.crs.geographic || !crs.geographic || !whole {
        return Ok(None);
    }
    #[expect(clippy::cast_possible_truncation, reason = "whole numbers that fit")]
    let [col0, row0, cols, rows] = numbers.map(|n| n as i64);
    let tile = Tile { name: String::new(), range: PixelRange { row0, col0, rows, cols } };
    if rows < 1 || cols < 1 {
        return Ok(None);
    }
    let there = projections.transform(&lonlat, &grid.crs)?;
    let alone = TileGrid { grid: grid.clone(), scheme: String::new(), tiles: Vec::new() };
    let Ok(own) = export::outline(&alone, &tile, projections) else { return Ok(None) };
    let own = on_edges(own.rings.iter().flatten().map(|p| (p.x, p.y)), grid, &*there);
    let found = on_edges(parts.iter().flat_map(|p| p.outer.iter().copied()), grid, &*there);
    let (Some((own, _)), Some((found, points))) = (own, found) else { return Ok(None) };
    let box_of = [col0, row0, col0 + cols, row0 + rows];
    #[expect(clippy::cast_precision_loss, reason = "pixel indices are far below 2^52")]
    let [west, north, east, south] = box_of.map(|n| n as f64);
    let off = |p: &(f64, f64)| {
        let beyond = (west - p.0).max(p.0 - east).max(north - p.1).max(p.1 - south);
        let inside = (p.0 - west).min(east - p.0).min(p.1 - north).min(south - p.1);
        beyond.max(inside)
    };
    let apart = own.iter().zip(found).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    let differs = apart > MOST + BITS || points.iter().any(|p| off(p) > MOST + BITS);
    let moved = |n: usize, edge: f64| edge + found[n] - own[n];
    Ok((!differs).then(|| [moved(0, west), moved(1, north), moved(2, east), moved(3, south)]))
}

/// The positions of an outline in pixels, but for those on the antimeridian and at the poles, and the box around them.
fn on_edges(
    points: impl Iterator<Item = (f64, f64)>,
    grid: &PixelGrid,
    there: &dyn Transform,
) -> Option<([f64; 4], Ring)> {
    let plain = points.filter(|p| p.0.abs() < 180.0 - SEAM && p.1.abs() < 90.0 - SEAM);
    let (mut xs, mut ys): (Vec<f64>, Vec<f64>) = plain.unzip();
    there.forward(&mut xs, &mut ys);
    let pixels: Ring = xs.into_iter().zip(ys).map(|at| grid.pixel_at(at)).collect();
    let finite = !pixels.is_empty() && pixels.iter().all(|p| p.0.is_finite() && p.1.is_finite());
    finite.then(|| (edges(std::slice::from_ref(&pixels)), pixels))
}

/// Western, northern, eastern and southern edge of some rings.
fn edges(rings: &[Ring]) -> [f64; 4] {
    let none = [f64::MAX, f64::MAX, f64::MIN, f64::MIN];
    rings.iter().flatten().fold(none, |e, p| [e[0].min(p.0), e[1].min(p.1), e[2].max(p.0), e[3].max(p.1)])
}

/// Western, northern, eastern and southern edge in pixels of a tile's parts: one, or
/// two at the antimeridian.
fn rectangle(
    parts: &[&Outline],
    crs: &Crs,
    grid: &PixelGrid,
    projections: &dyn Projections,
) -> Result<[f64; 4], Fault> {
    if parts.iter().any(|p| !p.holes.is_empty()) {
        return Err(Fault::Reason("it has a hole".to_owned()));
    }
    let transform =
        projections.transform(crs, &grid.crs).map_err(|e| Fault::Grid(Box::new(GridError::Projection(e))))?;
    let mut rings: Vec<Ring> = Vec::new();
    for p in parts {
        let (mut xs, mut ys): (Vec<f64>, Vec<f64>) = p.outer.iter().copied().unzip();
        transform.forward(&mut xs, &mut ys);
        if xs.iter().chain(&ys).any(|v| !v.is_finite()) {
            return Err(Fault::Reason(format!("it reaches where {} has no coordinates", grid.crs)));
        }
        rings.push(xs.into_iter().zip(ys).map(|at| grid.pixel_at(at)).collect());
    }
    let turn = 360.0 / grid.resolution.x;
    let mut around = edges(&rings);
    if grid.crs.geographic && rings.len() > 1 && around[2] - around[0] > turn / 2.0 {
        let middle = f64::midpoint(around[0], around[2]);
        for ring in rings.iter_mut().filter(|r| r.iter().all(|p| p.0 >= middle)) {
            for p in ring.iter_mut() {
                p.0 -= turn;
            }
        }
        around = edges(&rings);
    }
    let [west, north, east, south] = around;
    let off = |p: &(f64, f64)| (p.0 - west).min(east - p.0).min(p.1 - north).min(south - p.1);
    match rings.iter().flatten().find(|p| off(p) > MOST) {
        Some(p) => Err(Fault::Reason(format!(
            "it is no rectangle on this grid: a corner lies {:.1} pixels inside its box; give the grid it was \
             made for with --crs",
            off(p)
        ))),
        None if rings.iter().map(|r| crate::ring::area(r)).sum::<f64>()
            < 0.9 * (east - west) * (south - north) =>
        {
            Err(Fault::Reason("it is no rectangle on this grid: it fills less than its box".to_owned()))
        }
        None => Ok(around),
    }
}
