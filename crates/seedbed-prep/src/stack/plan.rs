//! What a stack holds, from records or items.

use super::{Frame, Part, Stack, Wanted};
use crate::expected::is_cube;
use crate::{Done, Expected, Member, PrepError, Root, SourceAsset, Spool, in_parallel, survey};
use seedbed_block::{Date, Period, PixelRange, Xy};
use seedbed_catalog::{Asset, Item};
use seedbed_grid::{Claim, GeoBox, PixelGrid, Projections};
use seedbed_raster::{Raster, same_crs};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

/// Frames by their days, their period's name and the variable's place among those wanted.
type Frames = BTreeMap<(Period, String, usize), Frame>;

/// Records that are read at once.
const AT_ONCE: usize = 8;

/// Media types of rasters, by what they begin with.
const RASTERS: [&str; 7] = [
    "image/tiff",
    "image/jp2",
    "application/x-netcdf",
    "application/netcdf",
    "application/x-hdf",
    "application/vnd+zarr",
    "application/vnd.zarr",
];

impl Stack {
    /// The stack of a product, wherever it lies.
    ///
    /// # Errors
    /// [`PrepError::Request`] for a variable or period it doesn't have, or for no product;
    /// [`PrepError::Storage`] where a store can't be read.
    pub fn of_product(
        product: &Root,
        wanted: &Wanted,
        spool: &Spool,
        projections: &dyn Projections,
    ) -> Result<Self, PrepError> {
        let (set, root) = Expected::of(product)?;
        let what = product.to_string();
        let variables = chosen(&wanted.variables, &set.variables, &what)?;
        let (mut frames, mut holes) = (Frames::new(), Vec::new());
        let is_wanted = |m: &&Member| m.is_cube() || wanted.has_period(&m.period);
        let members: Vec<&Member> = set.members.iter().filter(is_wanted).collect();
        for (member, item) in members.iter().zip(records(&root, &members)?) {
            let Some(range) = set.range(member) else {
                let reason = format!("{what} has no tile {}", member.tile);
                return Err(PrepError::Request(reason));
            };
            let Some(item) = item else {
                holes.push((range, format!("{} {}", member.tile, member.period)));
                continue;
            };
            for (n, variable) in variables.iter().enumerate() {
                if !set.variables(member).contains(variable) {
                    continue;
                }
                let Some(asset) = item.asset(variable) else { continue };
                // The file says itself where it lies.
                let mut asset = SourceAsset::stated(&item, &asset, projections)?;
                asset.claim = Claim::default();
                add(&mut frames, wanted, (n, variable), Some(&member.period), asset, range, spool)?;
            }
        }
        Self::of(set.grid.clone(), set.tiles.iter().map(|t| t.range).collect(), frames, holes, wanted, &what)
    }

    /// The stack of items whose rasters lie on one grid: that of the first.
    ///
    /// # Errors
    /// [`PrepError::Grid`] for a raster off the grid; [`PrepError::Request`] for a variable
    /// or period that isn't there, and for rasters of one time that share pixels or aren't in one unit.
    pub fn of_items(
        items: &[Item],
        what: &str,
        wanted: &Wanted,
        spool: &Spool,
        projections: &dyn Projections,
    ) -> Result<Self, PrepError> {
        let mut there: Vec<String> = Vec::new();
        for (key, asset) in items.iter().flat_map(Item::assets) {
            let named = wanted.variables.iter().any(|v| v == key);
            if (named || is_raster(&asset)) && !there.iter().any(|t| t == key) {
                there.push(key.to_owned());
            }
        }
        let variables = chosen(&wanted.variables, &there, what)?;
        let mut frames = Frames::new();
        let mut grid: Option<PixelGrid> = None;
        let mut tiles = BTreeSet::new();
        for item in items {
            for (n, variable) in variables.iter().enumerate() {
                let Some(asset) = item.asset(variable) else { continue };
                let asset = SourceAsset::stated(item, &asset, projections)?;
                let geobox = match asset.claim.clone().geobox() {
                    Some(said) => said,
                    None => spool.open(&asset)?.geobox().clone(),
                };
                let range = placed(&mut grid, &asset, geobox)?;
                tiles.insert(range);
                let cube = item.property("seedbed:period").and_then(|period| period.as_str());
                let cube = cube.filter(|period| is_cube(period));
                add(&mut frames, wanted, (n, variable), cube, asset, range, spool)?;
            }
        }
        let grid = grid.ok_or_else(|| PrepError::Request(format!("{what} has no rasters")))?;
        apart(&frames)?;
        Self::of(grid, tiles.into_iter().collect(), frames, Vec::new(), wanted, what)
    }

    fn of(
        grid: PixelGrid,
        mut tiles: Vec<PixelRange>,
        frames: Frames,
        holes: Vec<(PixelRange, String)>,
        wanted: &Wanted,
        what: &str,
    ) -> Result<Self, PrepError> {
        tiles.sort_unstable();
        tiles.dedup();
        let extent = tiles.iter().copied().reduce(PixelRange::union);
        let extent = extent.ok_or_else(|| PrepError::Request(format!("{what} has no tiles")))?;
        if frames.is_empty() && holes.is_empty() {
            let periods = wanted.periods.join(", ");
            return Err(PrepError::Request(format!("{what} has nothing of the periods {periods}")));
        }
        let mut frames: Vec<Frame> = frames.into_values().collect();
        for frame in &mut frames {
            frame.parts.sort_by_key(|part| part.range);
        }
        Ok(Self { grid, extent, tiles, frames, holes })
    }
}

/// The records of those products that are whole, at their places.
fn records(root: &Root, members: &[&Member]) -> Result<Vec<Option<Item>>, PrepError> {
    let done = survey(root, members.iter().copied())?;
    let read = |n: usize, member: &&Member| {
        let record = if done[n] == Done::Yes { root.record(member)? } else { None };
        Ok(record.map(|item| item.at(root.join(&member.record_names()))))
    };
    in_parallel(members, AT_ONCE, read, |_| ()).into_iter().collect()
}

/// Adds an asset's layers to the frames they belong to.
fn add(
    frames: &mut Frames,
    wanted: &Wanted,
    (n, variable): (usize, &str),
    name: Option<&str>,
    asset: SourceAsset,
    range: PixelRange,
    spool: &Spool,
) -> Result<(), PrepError> {
    let asset = Arc::new(asset);
    let mut put = |name: String, days: Period, layer: usize, unit: Option<String>| {
        if !wanted.has_period(&name) {
            return Ok(());
        }
        let frame = frames.entry((days, name.clone(), n)).or_insert_with(|| Frame {
            period: name,
            days,
            variable: variable.to_owned(),
            unit: unit.clone(),
            parts: Vec::new(),
        });
        if let Some(other) = frame.parts.first().filter(|_| frame.unit != unit) {
            let [theirs, ours] = [&frame.unit, &unit].map(|unit| unit.as_deref().unwrap_or("no unit"));
            return Err(PrepError::Request(format!(
                "`{variable}` on {} is in {theirs} of item `{}`, but in {ours} of item `{}`: bring them to one unit \
                 with `seedbed prep` first",
                frame.period, other.asset.item, asset.item
            )));
        }
        frame.parts.push(Part { asset: asset.clone(), layer, range });
        Ok(())
    };
    // A product's period is one layer, unless it is a cube's.
    if let Some(name) = name.filter(|name| !is_cube(name)) {
        return put(name.to_owned(), asset.period, 0, asset.unit.clone());
    }
    let dates = layers(&asset, spool)?;
    let (days, unit) = (asset.period, &asset.unit);
    let unit = unit.clone().or(dates.unit);
    match dates.days.as_slice() {
        [None] => {
            let name = if days.start == days.end {
                days.start.to_string()
            } else {
                format!("{}/{}", days.start, days.end)
            };
            put(name, days, 0, unit)?;
        }
        several => {
            for (layer, day) in several.iter().enumerate() {
                let day = day.ok_or_else(|| {
                    PrepError::dateless(asset.location.to_string().into(), layer, several.len())
                })?;
                let (name, layer_days) = named(name, day);
                let end = layer_days.end.min(days.end.max(day));
                put(name, Period { start: day.max(days.start), end }, layer, unit.clone())?;
            }
        }
    }
    Ok(())
}

/// Name and days of a cube's layer that goes by a day: that day, or the month or year that
/// begins on it, as the cube's own name tells, `2003-01--2003-12` or `2003--2003`.
fn named(cube: Option<&str>, day: Date) -> (String, Period) {
    match cube.and_then(|cube| cube.split_once("--")).map(|(first, _)| first.len()) {
        Some(4) => (day.strftime("%Y").to_string(), Period::year(day.year())),
        Some(7) => (day.strftime("%Y-%m").to_string(), Period::month_of(day)),
        _ => (day.to_string(), Period { start: day, end: day }),
    }
}

/// The days of a file's layers, and its unit.
struct Layers {
    days: Vec<Option<Date>>,
    unit: Option<String>,
}

fn layers(asset: &SourceAsset, spool: &Spool) -> Result<Layers, PrepError> {
    let of = |raster: &Raster| Layers {
        days: raster.layers().iter().map(|layer| layer.date).collect(),
        unit: raster.unit().filter(|unit| !unit.is_empty()).map(str::to_owned),
    };
    let mut found = of(&spool.open(asset)?);
    if found.days.len() == 1 && (asset.undated || asset.dated_by_item) {
        found.days = vec![None];
    }
    Ok(found)
}

/// The variables asked for, or all.
fn chosen(wanted: &[String], there: &[String], what: &str) -> Result<Vec<String>, PrepError> {
    if let Some(unknown) = wanted.iter().find(|v| !there.contains(v)) {
        let there = if there.is_empty() { "none".to_owned() } else { there.join(", ") };
        return Err(PrepError::Request(format!("{what} has no variable `{unknown}`; it has {there}")));
    }
    if wanted.is_empty() { Ok(there.to_vec()) } else { Ok(wanted.to_vec()) }
}

fn is_raster(asset: &Asset<'_>) -> bool {
    asset.media_type().is_some_and(|t| RASTERS.iter().any(|known| t.starts_with(known)))
        || (asset.media_type().is_none() && asset.roles().any(|role| role == "data"))
}

/// The pixels of a raster; the first one makes the grid.
fn placed(
    grid: &mut Option<PixelGrid>,
    asset: &SourceAsset,
    mut geobox: GeoBox,
) -> Result<PixelRange, PrepError> {
    let what = asset.location.to_string();
    let affine = geobox.affine;
    if grid.is_none() {
        if !affine.is_north_up() {
            let reason = format!("{what} isn't north-up: put it on a grid with `seedbed prep` first");
            return Err(PrepError::Request(reason));
        }
        let (origin, resolution) = (Xy { x: affine.c, y: affine.f }, Xy { x: affine.a, y: -affine.e });
        *grid = Some(PixelGrid { crs: geobox.crs.clone(), origin, resolution });
    }
    let Some(grid) = grid else { return Err(PrepError::Request(what)) };
    if same_crs(&geobox.crs, &grid.crs) {
        geobox.crs = grid.crs.clone();
    }
    Ok(grid.range_of(&what, &geobox)?)
}

/// Refuses rasters of one time that share pixels: a pixel would count twice.
fn apart(frames: &Frames) -> Result<(), PrepError> {
    let mut known: HashSet<Vec<PixelRange>> = HashSet::new();
    for frame in frames.values() {
        let mut parts: Vec<&Part> = frame.parts.iter().collect();
        parts.sort_by_key(|part| part.range);
        if !known.insert(parts.iter().map(|part| part.range).collect()) {
            continue;
        }
        for (n, part) in parts.iter().enumerate() {
            let below = parts[n + 1..].iter().take_while(|other| other.range.row0 < part.range.row1());
            if let Some(other) = below.into_iter().find(|o| o.range.intersection(part.range).is_some()) {
                return Err(PrepError::Request(format!(
                    "items `{}` and `{}` both cover pixels of `{}` on {}: choose between them",
                    part.asset.item, other.asset.item, frame.variable, frame.period
                )));
            }
        }
    }
    Ok(())
}
