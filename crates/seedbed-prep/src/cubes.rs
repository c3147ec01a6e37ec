//! Cubes of aligned rasters: on every tile all dates of an asset as one Zarr group.

use crate::parallel::threads;
use crate::prepare::{Planned, TilePlan, calendar, parameters};
use crate::production::{Job, Open, Production};
use crate::{
    Attempt, Description, Expected, Member, Outcome, PrepError, PrepareReport, Provenance, TaskKey, Variable,
    revisions,
};
use seedbed_block::{Date, Period, Real};
use seedbed_raster::zarr;
use seedbed_storage::Location;
use serde_json::{Map, json};
use std::collections::BTreeSet;

/// The revision of this algorithm, part of every key.
const REVISION: u32 = 1;

/// Bytes that the layers written as one take where they are small: read, stored and
/// compressed.
const BYTES: usize = 1 << 30;

/// Bytes a pixel of a layer that is larger than that.
const PIXEL: usize = 32;

/// One tile's cubes, planned.
pub(crate) struct CubePlan<'a> {
    tile: &'a TilePlan,
    pub(crate) member: Member,
    period: Period,
}

/// The cubes of tiles: each with all its dates, named `<first>--<last>`.
///
/// # Errors
/// [`PrepError::Encode`] if a key can't be encoded.
pub(crate) fn plan<'a>(
    production: &Production<'_>,
    tiles: &'a [TilePlan],
) -> Result<Vec<CubePlan<'a>>, PrepError> {
    let mut cubes = Vec::new();
    for tile in tiles {
        let dates = &tile.dates;
        let (Some(first), Some(last)) = (dates.first(), dates.last()) else { continue };
        let period = Period { start: first.day, end: last.day };
        let keys: Vec<&TaskKey> = dates.iter().map(|date| &date.member.key).collect();
        let key = TaskKey::of(&json!(["prep cube", revisions(REVISION, &[zarr::REVISION]), keys]))?;
        // A variable that none of the tile's dates has makes no cube.
        let there = |n: &usize| dates.iter().any(|date| date.series.contains(n));
        let series = 0..production.series.len();
        let there: Vec<usize> = series.filter(there).collect();
        let variables = (there.len() < production.series.len())
            .then(|| there.iter().map(|n| production.series[*n].name.clone()).collect());
        let name = format!("{}--{}", period.start, period.end);
        let member = Member { tile: tile.tile.name.clone(), period: name, key, variables, days: None };
        cubes.push(CubePlan { tile, member, period });
    }
    Ok(cubes)
}

/// Makes the cubes that are still to be made; one that fails stops no other.
///
/// # Errors
/// What writing the product's documents brings.
pub(crate) fn make<T: Real>(
    production: &Production<'_>,
    set: &Expected,
    (cubes, open): (&[CubePlan<'_>], &Open<'_>),
    report: &mut PrepareReport,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<(), PrepError> {
    let open = cubes.iter().filter(|cube| open.contains(&cube.member));
    let jobs: Vec<_> = open.map(|cube| Job { members: vec![&cube.member], what: cube }).collect();
    let act = |cube: &&CubePlan<'_>| vec![production.cube::<T>(cube)];
    let pixels = jobs.iter().map(|job| job.what.tile.target.geobox.shape.len()).max().unwrap_or(0);
    production.make(set, report, &jobs, threads(BYTES.max(pixels * PIXEL)), act, progress)
}

impl Production<'_> {
    /// One tile's cubes and their record.
    fn cube<T: Real>(&self, cube: &CubePlan<'_>) -> Result<Outcome, PrepError> {
        let TilePlan { target, plans, dates, .. } = cube.tile;
        let mut attempt = Attempt::begin(&self.request.out, &cube.member, &target.geobox, &self.request.cog)?;
        for (n, series) in self.series.iter().enumerate() {
            let has = |date: &&Planned| date.series.contains(&n);
            let days: Vec<Date> = dates.iter().filter(has).map(|date| date.day).collect();
            let Some(mut reader) = self.reader::<T>(series, target.clone(), plans, cube.period)? else {
                continue;
            };
            if days.is_empty() {
                continue;
            }
            let name = series.name.clone();
            let title = format!("{name}, {} to {}", cube.period.start, cube.period.end);
            let variable = Variable { name, title, unit: reader.unit(), facts: Map::new() };
            let mut writer = attempt.begin_cube(&variable, &days, &self.request.cog)?;
            let mut values = Vec::new();
            for some in days.chunks(writer.layers_at_once()) {
                values.resize(some.len() * target.geobox.shape.len(), T::ZERO);
                reader.read_into(some, &mut values)?;
                writer.write(&values)?;
            }
            attempt.keep_cube(variable, days, writer)?;
        }
        let origins: BTreeSet<&Location> = dates.iter().flat_map(|date| &date.origins).collect();
        let provenance = Provenance {
            process: "seedbed prep".to_owned(),
            parameters: parameters(self.request),
            derived_from: origins.into_iter().cloned().collect(),
            created: cube.period.end,
        };
        let description = Description {
            product: &self.request.name,
            period: cube.period,
            provenance: &provenance,
            properties: calendar(cube.tile),
        };
        Ok(attempt.commit(self.spool, self.projections, &description)?.outcome)
    }
}
