//! Tiles as GeoJSON and as a shapefile.

use crate::{Cover, GridError, Projections, Territory, Tile, TileGrid, file};
use serde_json::{Value, json};
use shapefile::record::polygon::PolygonRing;
use shapefile::{Point, Polygon, ShapeWriter};
use std::io::Cursor;
use std::path::Path;

/// Points an edge of a projected tile's outline gets in longitude and latitude.
const PER_EDGE: usize = 16;

/// The tiles as a feature collection in longitude and latitude (RFC 7946), edges
/// densified where the grid is projected. Each feature's properties are `name`,
/// `col0`, `row0`, `cols`, `rows` and `share`.
///
/// # Errors
/// [`GridError::Projection`] for a tile that has no longitude and latitude.
pub fn geojson(cover: &Cover, projections: &dyn Projections) -> Result<Value, GridError> {
    let features = members(cover)
        .map(|(tile, share)| {
            let geometry = outline(&cover.grid, tile, projections)?.geojson();
            let r = tile.range;
            let properties = json!({
                "name": tile.name, "col0": r.col0, "row0": r.row0, "cols": r.cols, "rows": r.rows, "share": share,
            });
            Ok(json!({"type": "Feature", "id": tile.name, "geometry": geometry, "properties": properties}))
        })
        .collect::<Result<Vec<Value>, GridError>>()?;
    Ok(json!({"type": "FeatureCollection", "features": features}))
}

/// Writes [`geojson()`] to a file.
///
/// # Errors
/// [`GridError`].
pub fn write_geojson(cover: &Cover, path: &Path, projections: &dyn Projections) -> Result<(), GridError> {
    write_json(path, &geojson(cover, projections)?)
}

pub(crate) fn write_json(path: &Path, value: &Value) -> Result<(), GridError> {
    let mut text = serde_json::to_vec_pretty(value)
        .map_err(|source| GridError::Document { path: path.to_owned(), source })?;
    text.push(b'\n');
    file::replace(path, &text)
}

/// Writes the tiles as a shapefile in the grid's CRS: `.shp`, `.shx`, `.dbf`,
/// `.prj` and `.cpg`, with the same fields as the GeoJSON.
///
/// # Errors
/// [`GridError`].
pub fn write_shapefile(cover: &Cover, path: &Path, projections: &dyn Projections) -> Result<(), GridError> {
    let grid = &cover.grid.grid;
    let rings: Vec<Vec<[f64; 2]>> = cover
        .grid
        .tiles
        .iter()
        .map(|tile| grid.geobox(tile.range).outline(1).into_iter().map(|p| [p.x, p.y]).collect())
        .collect();
    let rows: Vec<Row<'_>> = members(cover)
        .map(|(tile, share)| {
            let r = tile.range;
            Row { name: &tile.name, numbers: Some([r.col0, r.row0, r.cols, r.rows]), share }
        })
        .collect();
    let prj = projections.prj(&grid.crs)?;
    write_shapes(path, &rings, &table(&rows), &prj)
}

/// A row of the attribute table: `col0`, `row0`, `cols`, `rows` and `share`, empty
/// where they aren't known.
pub(crate) struct Row<'a> {
    pub name: &'a str,
    pub numbers: Option<[i64; 4]>,
    pub share: f64,
}

/// Writes rings (not closed) and their table; the `.shp` last, so that it is there
/// only when its companions are.
pub(crate) fn write_shapes(
    path: &Path,
    rings: &[Vec<[f64; 2]>],
    dbf: &[u8],
    prj: &str,
) -> Result<(), GridError> {
    let failed = |source| GridError::Shapefile { path: path.to_owned(), source };
    let (mut shp, mut shx) = (Cursor::new(Vec::new()), Cursor::new(Vec::new()));
    let mut writer = ShapeWriter::with_shx(&mut shp, &mut shx);
    for ring in rings {
        // The library closes the ring and turns it clockwise, as the format wants.
        let points = ring.iter().map(|p| Point::new(p[0], p[1])).collect();
        writer.write_shape(&Polygon::new(PolygonRing::Outer(points))).map_err(failed)?;
    }
    writer.finalize().map_err(failed)?;
    drop(writer);
    file::replace(&path.with_extension("dbf"), dbf)?;
    file::replace(&path.with_extension("prj"), prj.as_bytes())?;
    file::replace(&path.with_extension("cpg"), b"UTF-8")?;
    file::replace(&path.with_extension("shx"), shx.get_ref())?;
    file::replace(path, shp.get_ref())
}

/// A dBASE III table of the rows. Its date, which the
/// format demands, is always 1 January 1970: the same tiles give the same bytes.
pub(crate) fn table(rows: &[Row<'_>]) -> Vec<u8> {
    const NUMBER: usize = 18;
    const DECIMALS: usize = 9;
    let widest = rows.iter().map(|r| r.name.len()).max().unwrap_or(0).clamp(1, 254);
    let mut fields: Vec<(&str, u8, usize, usize)> = vec![("name", b'C', widest, 0)];
    fields.extend(["col0", "row0", "cols", "rows"].map(|n| (n, b'N', NUMBER, 0)));
    fields.push(("share", b'N', DECIMALS + 3, DECIMALS));
    let record = 1 + fields.iter().map(|f| f.2).sum::<usize>();
    let header = 32 + 32 * fields.len() + 1;
    // All sizes are bounded: at most 254 + 4 × 18 + 12 bytes a record, 225 a header.
    let short = |n: usize| u16::try_from(n).unwrap_or(u16::MAX).to_le_bytes();
    let byte = |n: usize| u8::try_from(n).unwrap_or(u8::MAX);

    let mut out = vec![0x03, 70, 1, 1];
    out.extend(u32::try_from(rows.len()).unwrap_or(u32::MAX).to_le_bytes());
    out.extend(short(header));
    out.extend(short(record));
    out.resize(32, 0);
    for (name, kind, width, decimals) in fields {
        let start = out.len();
        out.extend(name.bytes().take(10));
        out.resize(start + 11, 0);
        out.push(kind);
        out.extend([0; 4]);
        out.extend([byte(width), byte(decimals)]);
        out.resize(start + 32, 0);
    }
    out.push(0x0d);
    for row in rows {
        let mut end = row.name.len().min(widest);
        while !row.name.is_char_boundary(end) {
            end -= 1;
        }
        out.push(b' ');
        out.extend(row.name[..end].bytes());
        out.extend(std::iter::repeat_n(b' ', widest - end));
        let number = |text: String, width: usize| format!("{text:>width$}").into_bytes();
        for i in 0..4 {
            let text = row.numbers.map_or_else(String::new, |n| n[i].to_string());
            out.extend(number(text, NUMBER).into_iter().take(NUMBER));
        }
        let share = if row.share.is_finite() { format!("{:.*}", DECIMALS, row.share) } else { String::new() };
        out.extend(number(share, DECIMALS + 3).into_iter().take(DECIMALS + 3));
    }
    out.push(0x1a);
    out
}

fn members(cover: &Cover) -> impl Iterator<Item = (&Tile, f64)> {
    let shares = cover.shares.iter().copied().chain(std::iter::repeat(f64::NAN));
    cover.grid.tiles.iter().zip(shares)
}

/// A tile's outline in longitude and latitude; in parts across the antimeridian.
pub(crate) fn outline(
    grid: &TileGrid,
    tile: &Tile,
    projections: &dyn Projections,
) -> Result<Territory, GridError> {
    let per_edge = if grid.grid.crs.geographic { 1 } else { PER_EDGE };
    Ok(grid.geobox(tile).territory(projections, per_edge)?)
}
