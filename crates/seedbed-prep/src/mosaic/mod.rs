//! Tiles put together on their one integer grid.

mod references;

use crate::parallel::{in_parallel, threads};
use crate::product::{Flaw, check_file, file_of, read_record};
use crate::record::OVERVIEWS;
use crate::tree::write_catalog;
use crate::{
    Attempt, Description, Done, Expected, Member, Outcome, PrepError, Provenance, Spool, TaskKey, Variable,
    cube, is_done, revisions,
};
use seedbed_block::{Period, PixelRange, Real};
use seedbed_catalog::{Asset, Band, Item};
use seedbed_grid::{Projections, Tile};
use seedbed_raster::cog::{CogOptions, Compress, Overview, Threads};
use seedbed_raster::{DType, Raster, RasterSource};
use seedbed_storage::Location;
use serde::Serialize;
use serde_json::{Map, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// What to put together.
#[derive(Debug, Clone, Default)]
pub struct MosaicRequest {
    /// The product: its catalog or folder.
    pub product: PathBuf,
    /// Where the mosaics go.
    pub out: PathBuf,
    /// Whether missing tiles may stay holes, which the item then names.
    pub allow_holes: bool,
    /// What a mosaic is.
    pub format: MosaicFormat,
    /// How COGs are encoded.
    pub encoding: Encoding,
}

/// What a mosaic is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum MosaicFormat {
    /// A COG that holds all pixels.
    #[default]
    Cog,
    /// A virtual raster in GDAL's VRT format, which refers to the tiles where they lie.
    Vrt,
    /// An index of the tiles where they lie, for GDAL's driver GTI, from 3.9 on.
    Gti,
}

impl FromStr for MosaicFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "cog" => Ok(Self::Cog),
            "vrt" => Ok(Self::Vrt),
            "gti" => Ok(Self::Gti),
            _ => Err(format!("`{text}` is no format of a mosaic; there are cog, vrt and gti")),
        }
    }
}

/// How a mosaic's COGs are encoded, where it isn't as usual.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Encoding {
    /// The compression.
    pub compress: Compress,
    /// Its level.
    pub level: Option<u8>,
    /// How overviews are made; as those of the tiles if nothing is said.
    pub overview: Option<Overview>,
    /// How far a value may be from the one that LERC stores.
    pub max_z_error: Option<f64>,
}

/// What was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MosaicReport {
    /// Periods there are mosaics for.
    pub periods: usize,
    /// Mosaics made now.
    pub made: usize,
    /// Mosaics that were there already.
    pub present: usize,
    /// Tiles and periods left out.
    pub holes: Vec<String>,
    /// The mosaics' catalog.
    pub catalog: PathBuf,
}

/// The revision of this algorithm, part of every mosaic's key.
const REVISION: u32 = 3;

/// Bytes a pixel that writing one variable takes, in 64 bits: its values, and what is
/// stored of them and of the overviews, compressed or not.
const BYTES: usize = 24;

/// One period's mosaic, planned.
struct Work<'a> {
    member: Member,
    /// The tiles there are.
    tiles: Vec<&'a Member>,
    /// The names of the others.
    missing: Vec<&'a str>,
}

/// What all periods have in common.
struct Context<'a> {
    source: &'a Expected,
    root: &'a Path,
    set: &'a Expected,
    extent: PixelRange,
    out: &'a Path,
    request: &'a MosaicRequest,
    spool: &'a Spool,
    projections: &'a dyn Projections,
    /// Where a mosaic's tiles are encoded.
    encoding: Threads,
}

/// Puts the tiles of every period together, one COG a variable, or one file that refers to
/// the tiles.
///
/// Pixels are copied by their integer position, never resampled. Each tile's file
/// is held to its record's digest and to its tile's pixels first. One variable of
/// a period is in memory at a time, and several periods where they are small.
///
/// # Errors
/// [`PrepError::Holes`] where tiles are missing and holes aren't allowed;
/// [`PrepError::Grid`] for an input off the grid and [`PrepError::Unverified`] for
/// one that isn't what its record says; [`PrepError::Request`] for a mosaic in
/// its product's own folder; what reading or writing brings.
pub fn mosaic(
    request: &MosaicRequest,
    spool: &Spool,
    projections: &dyn Projections,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<MosaicReport, PrepError> {
    let (expected, root) = Expected::read(&request.product)?;
    if same_folder(&root, &request.out) {
        return Err(PrepError::Request(format!(
            "a mosaic in {} would take the place of its tiles' catalog: choose another folder",
            request.out.display()
        )));
    }
    let holes: BTreeSet<&Member> =
        expected.members.iter().filter(|m| is_done(&root, m) != Done::Yes).collect();
    let named = |m: &Member| format!("{} {}", m.tile, m.period);
    if !holes.is_empty() && !request.allow_holes {
        let mut first: Vec<String> = holes.iter().take(5).map(|m| named(m)).collect();
        if holes.len() > first.len() {
            first.push("…".to_owned());
        }
        return Err(PrepError::Holes {
            count: holes.len(),
            expected: expected.members.len(),
            tiles: first.join(", "),
        });
    }
    let Some(extent) = expected.tiles.iter().map(|t| t.range).reduce(PixelRange::union) else {
        return Err(PrepError::Request(format!("{} has no tiles", request.product.display())));
    };
    refuse_cubes(&request.product, &expected, &root)?;
    let mut set = Expected {
        name: format!("{}-mosaic", expected.name),
        tiles: vec![Tile { name: "mosaic".to_owned(), range: extent }],
        members: Vec::new(),
        ..expected.clone()
    };
    let work = plan(request, &expected, &holes, &set, extent)?;
    set.members = work.iter().map(|w| w.member.clone()).collect();
    set.write(&request.out, spool)?;
    let at_once = threads(extent.shape().len() * BYTES).min(work.len());
    let context = Context {
        source: &expected,
        root: &root,
        set: &set,
        extent,
        out: &request.out,
        request,
        spool,
        projections,
        // Mosaics made one by one, for there are no more or they are large, may take all cores.
        encoding: if at_once > 1 { Threads::Caller } else { Threads::Pool },
    };
    let act = |_, work: &Work<'_>| match is_done(&request.out, &work.member) {
        Done::Yes => Ok(Outcome::Adopted),
        Done::No | Done::Damaged(_) => context.one(work),
    };
    progress(0, work.len());
    let outcomes = in_parallel(&work, at_once, act, |n| progress(n, work.len()));
    let outcomes = outcomes.into_iter().collect::<Result<Vec<_>, PrepError>>();
    write_catalog(&request.out, &set, &format!("Mosaics of {}", expected.name), spool)?;
    let outcomes = outcomes?;
    Ok(MosaicReport {
        periods: work.len(),
        made: outcomes.iter().filter(|o| **o == Outcome::Created).count(),
        present: outcomes.iter().filter(|o| **o == Outcome::Adopted).count(),
        holes: expected.members.iter().filter(|m| holes.contains(m)).map(named).collect(),
        catalog: request.out.join("catalog.json"),
    })
}

/// Refuses a product of cubes, before anything is written.
fn refuse_cubes(product: &Path, expected: &Expected, root: &Path) -> Result<(), PrepError> {
    let record = expected.members.iter().find_map(|m| read_record(&m.record(root)).ok());
    let is_cube = |asset: &Asset<'_>| asset.media_type() == Some(cube::MEDIA_TYPE);
    match record.iter().flat_map(Item::assets).find(|(_, asset)| is_cube(asset)) {
        Some((key, _)) => Err(PrepError::Request(format!(
            "`{key}` of {} is a Zarr cube, and mosaics are of COGs: prepare it with --format cog",
            product.display()
        ))),
        None => Ok(()),
    }
}

/// Whether two paths lead to one folder.
fn same_folder(a: &Path, b: &Path) -> bool {
    match (a.canonicalize(), b.canonicalize()) {
        (Ok(a), Ok(b)) => a == b,
        _ => false,
    }
}

fn plan<'a>(
    request: &MosaicRequest,
    expected: &'a Expected,
    holes: &BTreeSet<&Member>,
    set: &Expected,
    extent: PixelRange,
) -> Result<Vec<Work<'a>>, PrepError> {
    let mut periods: BTreeMap<&str, Vec<&Member>> = BTreeMap::new();
    for member in &expected.members {
        periods.entry(&member.period).or_default().push(member);
    }
    let mut work = Vec::new();
    for (period, members) in periods {
        let (missing, tiles): (Vec<&Member>, Vec<&Member>) =
            members.into_iter().partition(|m| holes.contains(m));
        if tiles.is_empty() {
            continue;
        }
        let missing: Vec<&str> = missing.iter().map(|m| m.tile.as_str()).collect();
        // A variable that only some tiles have is missing on the others, not a hole.
        let has = |v: &&String| tiles.iter().any(|m| expected.variables(m).contains(v));
        let variables: Vec<String> = set.variables.iter().filter(has).cloned().collect();
        // What a model remembers of a tile is no raster.
        if variables.is_empty() {
            continue;
        }
        let variables = (variables.len() < set.variables.len()).then_some(variables);
        let keys: Vec<_> = tiles.iter().map(|m| (&m.tile, &m.key)).collect();
        let mut task = vec![
            json!("mosaic"),
            json!(revisions(REVISION, &[])),
            json!(set.name),
            json!(extent),
            json!(keys),
            json!(missing),
            json!(variables),
        ];
        // A usual mosaic's key tells nothing of what it isn't.
        if (request.format, &request.encoding) != (MosaicFormat::Cog, &Encoding::default()) {
            task.push(json!([request.format, request.encoding]));
        }
        let key = TaskKey::of(&task)?;
        let member = Member { tile: "mosaic".to_owned(), period: period.to_owned(), key, variables };
        work.push(Work { member, tiles, missing });
    }
    Ok(work)
}

impl Context<'_> {
    /// One period's mosaic.
    fn one(&self, work: &Work<'_>) -> Result<Outcome, PrepError> {
        let geobox = self.set.grid.geobox(self.extent);
        let records = work
            .tiles
            .iter()
            .map(|m| Ok((*m, m.record(self.root), read_record(&m.record(self.root))?)))
            .collect::<Result<Vec<(&Member, PathBuf, Item)>, PrepError>>()?;
        let variables = self.set.variables(&work.member);
        let band = |v: &String| records.iter().find_map(|(_, _, item)| Some(item.asset(v)?.band()));
        // Variables may be stored in different ways, such as a count beside a median.
        let overview = |v: &String| {
            let said = records.iter().find_map(|(_, _, item)| overview_of(&item.asset(v)?));
            said.unwrap_or_default()
        };
        let options = |v: &String| {
            let path = records.first().map(|(_, path, _)| path.clone()).unwrap_or_default();
            let stored = band(v).and_then(stored);
            stored.map(|stored| CogOptions { overview: overview(v), ..stored }).ok_or_else(|| {
                PrepError::Document {
                    path,
                    what: "record of a product",
                    reason: format!("it doesn't say how the values of `{v}` are stored"),
                }
            })
        };
        let mut attempt = Attempt::begin(self.out, &work.member, &geobox, &CogOptions::default())?;
        for name in variables {
            let options = options(name)?;
            let variable = Variable {
                name: name.clone(),
                title: format!("{name}, {}", work.member.period),
                unit: band(name).and_then(|b| b.unit),
                facts: Map::new(),
            };
            if self.request.format != MosaicFormat::Cog {
                self.refer(&mut attempt, variable, &records, options)?;
                continue;
            }
            let options = self.encoded(&options);
            // 32-bit floats need no more room than they have on the disk.
            if options.dtype == DType::Float32 {
                attempt.write_as(self.encoding, variable, &self.paste::<f32>(&records, name)?, options)?;
            } else {
                attempt.write_as(self.encoding, variable, &self.paste::<f64>(&records, name)?, options)?;
            }
        }
        let Some((_, _, first)) = records.first() else {
            return Err(PrepError::Request(format!("{} has no tile", work.member.period)));
        };
        let period = days(first)?;
        let created =
            records.iter().filter_map(|(_, _, i)| i.property("created")?.as_str()?.get(..10)?.parse().ok());
        let provenance = Provenance {
            process: "seedbed mosaic".to_owned(),
            parameters: Map::new(),
            derived_from: records.iter().map(|(_, path, _)| Location::Local(path.clone())).collect(),
            created: created.max().unwrap_or(period.end),
        };
        let mut properties = Map::new();
        if !work.missing.is_empty() {
            properties.insert("seedbed:holes".to_owned(), json!(work.missing));
        }
        let description =
            Description { product: &self.set.name, period, provenance: &provenance, properties };
        Ok(attempt.commit(self.spool, self.projections, &description)?.outcome)
    }

    /// All tiles' values at their place in the extent; NaN where there is none.
    fn paste<T: Real>(
        &self,
        records: &[(&Member, PathBuf, Item)],
        variable: &String,
    ) -> Result<Vec<T>, PrepError> {
        let shape = self.extent.shape();
        let mut values = vec![T::NAN; shape.len()];
        let offset = |n: i64| usize::try_from(n).unwrap_or(0);
        for placed in self.placed(records, variable) {
            let Placed { range, raster, .. } = placed?;
            let part: Vec<T> = raster.read(0, PixelRange::of_shape(range.shape()))?;
            // The extent is the union of the tiles, so neither is negative.
            let (top, left) = (offset(range.row0), offset(range.col0));
            let cols = range.shape().cols;
            for (row, line) in part.chunks_exact(cols).enumerate() {
                let start = (top + row) * shape.cols + left;
                values[start..start + cols].copy_from_slice(line);
            }
        }
        Ok(values)
    }

    /// The tiles that have a variable, one after the other, each held to its record.
    fn placed<'t>(
        &'t self,
        records: &'t [(&'t Member, PathBuf, Item)],
        variable: &'t String,
    ) -> impl Iterator<Item = Result<Placed, PrepError>> + 't {
        records
            .iter()
            .filter(|(member, _, _)| self.source.variables(member).contains(variable))
            .map(|(member, record, item)| self.place(member, record, item, variable))
    }

    fn place(
        &self,
        member: &Member,
        record: &Path,
        item: &Item,
        variable: &str,
    ) -> Result<Placed, PrepError> {
        let Some(asset) = item.asset(variable) else {
            return Err(PrepError::Document {
                path: record.to_owned(),
                what: "record of this product",
                reason: format!("it has no asset `{variable}`"),
            });
        };
        let file = file_of(record, &asset);
        let damaged = |what: String| PrepError::Unverified {
            path: file.clone(),
            what: format!("{what}; delete it and run again"),
        };
        check_file(&file, &asset).map_err(|(Flaw::Missing(what) | Flaw::Wrong(what))| damaged(what))?;
        let raster = Raster::open(&RasterSource::new(&file))?;
        let range = self.source.range_of(&file, raster.geobox())?;
        if self.source.range(member) != Some(range) {
            return Err(damaged(format!("it covers {range:?}, which isn't tile {}", member.tile)));
        }
        let (row0, col0) = (range.row0 - self.extent.row0, range.col0 - self.extent.col0);
        Ok(Placed { range: PixelRange { row0, col0, ..range }, file, raster })
    }

    /// How COGs are encoded, given how their values are stored.
    fn encoded(&self, stored: &CogOptions) -> CogOptions {
        let Encoding { compress, level, overview, max_z_error } = self.request.encoding;
        let overview = overview.unwrap_or(stored.overview);
        CogOptions { compress, level, overview, max_z_error, ..stored.clone() }
    }
}

/// A tile at its place.
struct Placed {
    /// Its pixels, counted from the mosaic's corner.
    range: PixelRange,
    file: PathBuf,
    raster: Raster,
}

/// How a mosaic of a band's tiles is stored, where their record says it.
fn stored(band: Band) -> Option<CogOptions> {
    Some(CogOptions {
        dtype: band.data_type?.parse().ok()?,
        scale: band.scale.unwrap_or(1.0),
        offset: band.offset.unwrap_or(0.0),
        nodata: band.nodata,
        ..CogOptions::default()
    })
}

/// How a tile's overviews were made, where its record says it.
fn overview_of(asset: &Asset<'_>) -> Option<Overview> {
    asset.as_object()["bands"][0].get(OVERVIEWS)?.as_str()?.parse().ok()
}

fn days(item: &Item) -> Result<Period, PrepError> {
    match (item.start(), item.end()) {
        (Some(start), Some(end)) => {
            Period::new(start, end).map_err(|e| PrepError::Request(format!("item `{}`: {e}", item.id())))
        }
        _ => Err(PrepError::Undated { item: item.id().to_owned() }),
    }
}
