//! Tiles put together on their one integer grid.

mod cubes;
pub(crate) mod references;

use crate::at_hand::AtHand;
use crate::parallel::{in_parallel, threads};
use crate::product::Flaw;
use crate::record::OVERVIEWS;
use crate::series::CALENDAR;
use crate::tree::write_catalog;
use crate::{
    Attempt, Description, Done, Expected, Member, Outcome, PrepError, Provenance, Root, Spool, TaskKey,
    Variable, cube, is_done, revisions, survey,
};
use seedbed_block::{Period, PixelRange, Real, Shape2d};
use seedbed_catalog::{Asset, Band, Item};
use seedbed_grid::Projections;
use seedbed_raster::cog::{CogOptions, Compress, Overview, Threads};
use seedbed_raster::{DType, Raster, RasterSource, zarr};
use seedbed_storage::Location;
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::str::FromStr;

/// What to put together.
#[derive(Debug, Clone, Default)]
pub struct MosaicRequest {
    /// The product: its catalog or folder.
    pub product: Root,
    /// Where the mosaics go.
    pub out: Root,
    /// Whether missing tiles may stay holes, which the item then names.
    pub allow_holes: bool,
    /// What a mosaic is; what its tiles are if nothing is said.
    pub format: Option<MosaicFormat>,
    /// How COGs and cubes are encoded.
    pub encoding: Encoding,
    /// Whether nothing is made, and the report is the plan.
    pub dry_run: bool,
}

/// What a mosaic is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum MosaicFormat {
    /// A COG that holds all pixels.
    Cog,
    /// A virtual raster in GDAL's VRT format, which refers to the tiles where they lie.
    Vrt,
    /// An index of the tiles where they lie, for GDAL's driver GTI, from 3.9 on.
    Gti,
    /// A Zarr cube that holds all pixels and layers of tiles that are cubes.
    Zarr,
}

impl FromStr for MosaicFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "cog" => Ok(Self::Cog),
            "vrt" => Ok(Self::Vrt),
            "gti" => Ok(Self::Gti),
            "zarr" => Ok(Self::Zarr),
            _ => Err(format!("`{text}` is no format of a mosaic; there are cog, vrt, gti and zarr")),
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
    pub catalog: Location,
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
    root: &'a Root,
    set: &'a Expected,
    extent: PixelRange,
    out: &'a Root,
    format: MosaicFormat,
    encoding: &'a Encoding,
    spool: &'a Spool,
    projections: &'a dyn Projections,
    /// Where a mosaic's tiles are encoded.
    threads: Threads,
}

/// Puts the tiles of every period together, one COG a variable, or one file that refers to
/// the tiles; of tiles that are cubes, one cube a variable.
///
/// Pixels are copied by their integer position, never resampled. Each tile's file
/// is held to its record's digest and to its tile's pixels first. One variable of
/// a period is in memory at a time (some layers of a cube), and several periods where they are small.
///
/// # Errors
/// [`PrepError::Holes`] where tiles are missing and holes aren't allowed;
/// [`PrepError::Grid`] for an input off the grid and [`PrepError::Unverified`] for
/// one that isn't what its record says; [`PrepError::Request`] for a mosaic in
/// its product's own folder and for a format that tiles of its kind don't have; what reading or writing brings.
pub fn mosaic(
    request: &MosaicRequest,
    spool: &Spool,
    projections: &dyn Projections,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<MosaicReport, PrepError> {
    let (expected, root) = Expected::of(&request.product)?;
    if root.is_same(&request.out) {
        return Err(PrepError::Request(format!(
            "a mosaic in {} would take the place of its tiles' catalog: choose another folder",
            request.out
        )));
    }
    let done = survey(&root, &expected.members)?;
    done.iter().for_each(Done::tell);
    let holes: BTreeSet<&Member> =
        expected.members.iter().zip(done).filter(|(_, done)| *done != Done::Yes).map(|(m, _)| m).collect();
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
        return Err(PrepError::Request(format!("{} has no tiles", request.product)));
    };
    let format = format_of(request, &expected, &root, &holes)?;
    let remote = [&root, &request.out].into_iter().find(|root| root.as_path().is_none());
    if let Some(remote) = remote.filter(|_| matches!(format, MosaicFormat::Vrt | MosaicFormat::Gti)) {
        return Err(PrepError::Request(format!(
            "a vrt or gti refers to tiles by their way on this machine's disk, and {remote} isn't there: make the \
             mosaic with --format cog"
        )));
    }
    let mut set = Expected {
        name: format!("{}-mosaic", expected.name),
        tiles: vec![seedbed_grid::Tile { name: "mosaic".to_owned(), range: extent }],
        // A mosaic is a rectangle on the grid, its tiles need not fill it.
        bbox: expected.grid.geobox(extent).territory(projections, 16)?.bbox,
        members: Vec::new(),
        recipe: None,
        ..expected.clone()
    };
    let work = plan((format, &request.encoding), &expected, &holes, &set, extent)?;
    set.members = work.iter().map(|w| w.member.clone()).collect();
    let mut report = MosaicReport {
        periods: work.len(),
        made: 0,
        present: 0,
        holes: expected.members.iter().filter(|m| holes.contains(m)).map(named).collect(),
        catalog: request.out.join("catalog.json"),
    };
    if request.dry_run {
        report.present =
            survey(&request.out, &set.members)?.iter().filter(|done| **done == Done::Yes).count();
        return Ok(report);
    }
    set.write(&request.out, spool)?;
    // A cube's layers are as many as there is room for, and encoded on all cores.
    let at_once = match format {
        MosaicFormat::Zarr => 1,
        _ => threads(extent.shape().len() * BYTES).min(work.len()),
    };
    let context = Context {
        source: &expected,
        root: &root,
        set: &set,
        extent,
        out: &request.out,
        format,
        encoding: &request.encoding,
        spool,
        projections,
        // Mosaics made one by one, for there are no more or they are large, may take all cores.
        threads: if at_once > 1 { Threads::Caller } else { Threads::Pool },
    };
    let done = survey(&request.out, &set.members)?;
    let work: Vec<(&Work<'_>, Done)> = work.iter().zip(done).collect();
    let act = |_, (work, done): &(&Work<'_>, Done)| {
        // Another process may have made it meanwhile, which a folder tells for nothing.
        let now = request.out.as_path().map(|out| is_done(out, &work.member));
        now.iter().for_each(Done::tell);
        match now.as_ref().unwrap_or(done) {
            Done::Yes => Ok(Outcome::Adopted),
            Done::No | Done::Damaged(_) => context.one(work),
        }
    };
    progress(0, work.len());
    let outcomes = in_parallel(&work, at_once, act, |n| progress(n, work.len()));
    let outcomes = outcomes.into_iter().collect::<Result<Vec<_>, PrepError>>();
    write_catalog(&request.out, &set, &format!("Mosaics of {}", expected.name), spool)?;
    let outcomes = outcomes?;
    report.made = outcomes.iter().filter(|o| **o == Outcome::Created).count();
    report.present = outcomes.iter().filter(|o| **o == Outcome::Adopted).count();
    Ok(report)
}

/// What the mosaics are to be, before anything is written.
fn format_of(
    request: &MosaicRequest,
    expected: &Expected,
    root: &Root,
    holes: &BTreeSet<&Member>,
) -> Result<MosaicFormat, PrepError> {
    // What a model remembers of a tile is no raster, and the record of a hole may be damaged.
    let is_raster = |member: &&Member| !expected.variables(member).is_empty() && !holes.contains(*member);
    let mut rasters = expected.members.iter().filter(is_raster);
    let record = rasters.find_map(|member| root.record(member).transpose()).transpose()?;
    let is_cube = |asset: &Asset<'_>| asset.media_type() == Some(cube::MEDIA_TYPE);
    let cube = record.iter().flat_map(Item::assets).find(|(_, asset)| is_cube(asset));
    let product = &request.product;
    match (cube, request.format) {
        (None, Some(MosaicFormat::Zarr)) => Err(PrepError::Request(format!(
            "the tiles of {product} aren't Zarr cubes: make a mosaic with --format cog, vrt or gti, or make the product \
             with --format zarr, or in a project with format = \"zarr\""
        ))),
        (None, format) => Ok(format.unwrap_or(MosaicFormat::Cog)),
        (Some(_), None | Some(MosaicFormat::Zarr)) => {
            let Encoding { compress, level, .. } = request.encoding;
            zarr::check_encoding(compress, level).map_err(PrepError::Request)?;
            Ok(MosaicFormat::Zarr)
        }
        (Some((key, _)), Some(_)) => Err(PrepError::Request(format!(
            "`{key}` of {product} is a Zarr cube, and the mosaic of cubes is a cube: leave --format out, or make the \
             product with --format cog, or in a project with format = \"cog\""
        ))),
    }
}

fn plan<'a>(
    (format, encoding): (MosaicFormat, &Encoding),
    expected: &'a Expected,
    holes: &BTreeSet<&Member>,
    set: &Expected,
    extent: PixelRange,
) -> Result<Vec<Work<'a>>, PrepError> {
    let mut periods: BTreeMap<String, Vec<&Member>> = BTreeMap::new();
    if format == MosaicFormat::Zarr {
        periods = cubes::overlapping(&expected.members);
    } else {
        for member in &expected.members {
            periods.entry(member.period.clone()).or_default().push(member);
        }
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
        if (format, encoding) != (MosaicFormat::Cog, &Encoding::default()) {
            task.push(json!([format, encoding]));
        }
        let key = TaskKey::of(&task)?;
        let member = Member { tile: "mosaic".to_owned(), period, key, variables, days: None };
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
            .map(|m| Ok((*m, self.record(m)?)))
            .collect::<Result<Vec<Tile<'_>>, PrepError>>()?;
        let variables = self.set.variables(&work.member);
        let band = |v: &String| records.iter().find_map(|(_, item)| Some(item.asset(v)?.band()));
        // Variables may be stored in different ways, such as a count beside a median.
        let overview = |v: &String| {
            let said = records.iter().find_map(|(_, item)| overview_of(&item.asset(v)?));
            said.unwrap_or_default()
        };
        let options = |v: &String| {
            let path = records.first().map(|(member, _)| self.name(member)).unwrap_or_default();
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
            // 32-bit floats need no more room than they have on the disk.
            let is_single = options.dtype == DType::Float32;
            match self.format {
                MosaicFormat::Vrt | MosaicFormat::Gti => {
                    self.refer(&mut attempt, variable, &records, options)?;
                }
                MosaicFormat::Zarr if is_single => {
                    self.join::<f32>(&mut attempt, variable, &records, &self.encoded(&options))?;
                }
                MosaicFormat::Zarr => {
                    self.join::<f64>(&mut attempt, variable, &records, &self.encoded(&options))?;
                }
                MosaicFormat::Cog if is_single => {
                    let values = self.paste::<f32>(&records, name)?;
                    attempt.write_as(self.threads, variable, &values, self.encoded(&options))?;
                }
                MosaicFormat::Cog => {
                    let values = self.paste::<f64>(&records, name)?;
                    attempt.write_as(self.threads, variable, &values, self.encoded(&options))?;
                }
            }
        }
        // Cubes of tiles whose inputs begin later than others' have fewer days.
        let periods = records.iter().map(|(_, item)| days(item)).collect::<Result<Vec<_>, PrepError>>()?;
        let Some((start, end)) =
            periods.iter().map(|p| p.start).min().zip(periods.iter().map(|p| p.end).max())
        else {
            return Err(PrepError::Request(format!("{} has no tile", work.member.period)));
        };
        let period = Period { start, end };
        let created =
            records.iter().filter_map(|(_, i)| i.property("created")?.as_str()?.get(..10)?.parse().ok());
        let provenance = Provenance {
            process: "seedbed mosaic".to_owned(),
            parameters: Map::new(),
            derived_from: records.iter().map(|(m, _)| self.root.join(&m.record_names())).collect(),
            created: created.max().unwrap_or(period.end),
        };
        let mut calendars = records.iter().map(|(_, item)| item.property(CALENDAR));
        let calendar =
            calendars.next().flatten().filter(|first| calendars.all(|other| other == Some(*first)));
        let mut properties: Map<String, Value> =
            calendar.iter().map(|said| (CALENDAR.to_owned(), (*said).clone())).collect();
        if !work.missing.is_empty() {
            properties.insert("seedbed:holes".to_owned(), json!(work.missing));
        }
        let description =
            Description { product: &self.set.name, period, provenance: &provenance, properties };
        Ok(attempt.commit(self.spool, self.projections, &description)?.outcome)
    }

    /// All tiles' values at their place in the extent; NaN where there is none.
    fn paste<T: Real>(&self, records: &[Tile<'_>], variable: &String) -> Result<Vec<T>, PrepError> {
        let shape = self.extent.shape();
        let mut values = vec![T::NAN; shape.len()];
        for placed in self.placed(records, variable) {
            let Placed { range, raster, .. } = placed?;
            let part: Vec<T> = raster.read(0, PixelRange::of_shape(range.shape()))?;
            lay(&part, range, &mut values, shape);
        }
        Ok(values)
    }

    /// The tiles that have a variable, one after the other, each held to its record.
    fn placed<'t>(
        &'t self,
        records: &'t [Tile<'t>],
        variable: &'t String,
    ) -> impl Iterator<Item = Result<Placed, PrepError>> + 't {
        records
            .iter()
            .filter(|(member, _)| self.source.variables(member).contains(variable))
            .map(|(member, item)| self.place(member, item, variable))
    }

    /// A record that there must be.
    fn record(&self, member: &Member) -> Result<Item, PrepError> {
        self.root.record(member)?.ok_or_else(|| PrepError::Document {
            path: self.name(member),
            what: "record",
            reason: "it is gone".to_owned(),
        })
    }

    /// A record's name in what is said of it.
    fn name(&self, member: &Member) -> PathBuf {
        self.root.join(&member.record_names()).to_string().into()
    }

    fn place(&self, member: &Member, item: &Item, variable: &str) -> Result<Placed, PrepError> {
        let Some(asset) = item.asset(variable) else {
            return Err(PrepError::Document {
                path: self.name(member),
                what: "record of this product",
                reason: format!("it has no asset `{variable}`"),
            });
        };
        let file = self.root.place(member, &asset);
        let damaged = |what: String| PrepError::Unverified {
            path: file.clone(),
            what: format!("{what}; delete it and run again"),
        };
        let at_hand = self.root.at_hand(member, &asset)?;
        let at_hand = at_hand.map_err(|(Flaw::Missing(what) | Flaw::Wrong(what))| damaged(what))?;
        let mut raster = Raster::open(&RasterSource::new(at_hand.path()))?;
        raster.keep_infinite();
        let range = self.source.range_of(&file, raster.geobox())?;
        let meant = self.source.range(member).filter(|meant| self.source.grid.is_same_place(*meant, range));
        let Some(range) = meant else {
            return Err(damaged(format!("it covers {range}, which isn't tile {}", member.tile)));
        };
        let (row0, col0) = (range.row0 - self.extent.row0, range.col0 - self.extent.col0);
        let range = PixelRange { row0, col0, ..range };
        Ok(Placed { range, file, raster, _at_hand: at_hand })
    }

    /// How COGs are encoded, given how their values are stored.
    fn encoded(&self, stored: &CogOptions) -> CogOptions {
        let Encoding { compress, level, overview, max_z_error } = *self.encoding;
        let overview = overview.unwrap_or(stored.overview);
        CogOptions { compress, level, overview, max_z_error, ..stored.clone() }
    }
}

/// Lays a tile's layer, row × column, where it belongs in an extent's.
fn lay<T: Real>(part: &[T], range: PixelRange, to: &mut [T], extent: Shape2d) {
    // The extent is the union of the tiles, so neither is negative.
    let [top, left] = [range.row0, range.col0].map(|n| usize::try_from(n).unwrap_or(0));
    let cols = range.shape().cols;
    for (row, line) in part.chunks_exact(cols).enumerate() {
        let start = (top + row) * extent.cols + left;
        to[start..start + cols].copy_from_slice(line);
    }
}

/// A tile at its place.
struct Placed {
    /// Its pixels, counted from the mosaic's corner.
    range: PixelRange,
    file: PathBuf,
    raster: Raster,
    /// Goes when the raster has been closed.
    _at_hand: AtHand,
}

/// A tile of a period, and its record.
type Tile<'a> = (&'a Member, Item);

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
        _ => Err(PrepError::undated(item)),
    }
}
