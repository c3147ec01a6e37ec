//! What every production of aligned files has in common: inputs opened, tiles
//! planned, products made and told of.

use crate::common_unit::common_unit;
use crate::days::shift;
use crate::error::one_line;
use crate::parallel::{in_parallel, lock};
use crate::tree::write_catalog;
use crate::unread::{Sifted, Unread, sift};
use crate::{
    Cubes, Done, Expected, Format, LeapRule, Member, Outcome, Plans, PrepError, Prepare, PrepareReport,
    Series, Spool, Target, TaskKey, TileReader, TimeRule, survey,
};
use seedbed_block::{Date, Period, Real};
use seedbed_grid::{Bbox, Projections, Tile};
use seedbed_raster::cog;
use seedbed_storage::Location;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Mutex, OnceLock};

/// The inputs of a request, opened.
pub(crate) struct Production<'a> {
    pub(crate) request: &'a Prepare,
    /// One an asset key, in the request's order.
    pub(crate) series: Vec<Series>,
    /// The keys of each series' assets, once they were asked for.
    keys: Vec<Vec<OnceLock<TaskKey>>>,
    pub(crate) spool: &'a Spool,
    pub(crate) projections: &'a dyn Projections,
    /// Assets that the series lack because their files can't be opened.
    pub(crate) unread: Vec<Unread>,
    /// How far the mask's layers lie where the values do.
    masked: Mutex<Masked>,
}

/// What becomes of a request with files that can't be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OnUnread {
    /// Their days aren't made, all others are.
    Skip,
    /// Nothing is made.
    Stop,
}

/// What is known of a mask's layers from tiles that were planned.
#[derive(Default)]
struct Masked {
    /// Whether some lie under some tile.
    somewhere: bool,
    /// Tiles under which some don't, each with an item.
    elsewhere: BTreeMap<String, String>,
}

/// Products that are still to be made.
pub(crate) struct Open<'s>(BTreeSet<&'s TaskKey>);

impl Open<'_> {
    pub(crate) fn contains(&self, member: &Member) -> bool {
        self.0.contains(&member.key)
    }
}

/// The tiles that some input touches, each planned, and the names of the others.
pub(crate) type Planned<P> = (Vec<P>, Vec<String>);

/// Some products that are made in one go.
pub(crate) struct Job<'p, P> {
    pub(crate) members: Vec<&'p Member>,
    /// What they are made from.
    pub(crate) what: P,
}

impl<'a> Production<'a> {
    /// Opens the request's series.
    ///
    /// # Errors
    /// [`PrepError::Request`] for an asset that is given twice and a climatology whose
    /// days aren't asked for, and where assets of one key are in units that don't agree; else as
    /// [`Series::by_rules`].
    pub(crate) fn open(
        request: &'a Prepare,
        on_unread: OnUnread,
        spool: &'a Spool,
        projections: &'a dyn Projections,
    ) -> Result<Self, PrepError> {
        let bounded = |p: Period| p.start > Date::MIN && p.end < Date::MAX;
        if request.rules.time == TimeRule::Climatology && !request.period.is_some_and(bounded) {
            let reason =
                "a climatology has no years of its own: say from which day to which (--datetime A/B)";
            return Err(PrepError::Request(reason.to_owned()));
        }
        let assets = &request.assets;
        if let Some(n) = (1..assets.len()).find(|n| assets[..*n].contains(&assets[*n])) {
            return Err(PrepError::Request(format!("the asset `{}` is asked for twice", assets[n])));
        }
        Expected::check_free(&request.out)?;
        if request.format == Format::Cog {
            let file = request.out.location().file_name().map_or_else(Default::default, PathBuf::from);
            cog::check_crs(&file, &request.grid.grid.crs)?;
        }
        let boxes = request.grid.tiles.iter().map(|tile| {
            let geobox = request.grid.geobox(tile);
            Ok(geobox.territory(projections, 16)?.bbox)
        });
        let boxes = boxes.collect::<Result<Vec<Bbox>, PrepError>>()?;
        let sifted = match on_unread {
            OnUnread::Skip => sift(request, &boxes, spool, projections)?,
            OnUnread::Stop => Sifted::default(),
        };
        let rules = &request.rules;
        let open = |(n, key): (usize, &String)| {
            Series::by_rules(key, &sifted.items(n, &request.items), key, rules, spool, projections)
        };
        let series = assets.iter().enumerate().map(open).collect::<Result<Vec<_>, _>>()?;
        let keys = series.iter().map(|series: &Series| vec![OnceLock::new(); series.assets.len()]).collect();
        let masked = Mutex::default();
        let unread = sifted.unread;
        let mut production = Self { request, series, keys, spool, projections, unread, masked };
        production.agree_on_units(&boxes)?;
        Ok(production)
    }

    /// The days of a series that are asked for, if there may be any.
    pub(crate) fn period(&self, series: &Series) -> Option<Period> {
        let mut all = series.period();
        match (self.request.rules.time, self.request.rules.leap) {
            (TimeRule::Climatology, _) => all = Period { start: Date::MIN, end: Date::MAX },
            (TimeRule::Daily, LeapRule::Error)
            | (TimeRule::Composite | TimeRule::CompositeDay | TimeRule::CompositeLegacy, _) => {}
            // The last day of a calendar that ends on 30 December.
            (TimeRule::Daily, _) => all.end = shift(all.end, 1),
        }
        self.request.period.map_or(Some(all), |asked| all.intersection(asked))
    }

    /// The key of an asset, by its series and its place in it.
    ///
    /// # Errors
    /// As [`crate::SourceAsset::key`].
    pub(crate) fn key(&self, series: usize, asset: usize) -> Result<&TaskKey, PrepError> {
        let known = &self.keys[series][asset];
        if let Some(key) = known.get() {
            return Ok(key);
        }
        let key = self.series[series].assets[asset].key()?;
        Ok(known.get_or_init(|| key))
    }

    /// Makes the digests of local files that have none yet.
    ///
    /// # Errors
    /// [`PrepError::Read`] for a file that can't be read.
    pub(crate) fn digest(&self) -> Result<(), PrepError> {
        self.series.iter().try_for_each(Series::digest)
    }

    /// Where what an asset's values depend on came from.
    pub(crate) fn origins(&self, series: usize, asset: usize) -> impl Iterator<Item = Location> {
        self.series[series].assets[asset].origins().cloned()
    }

    /// Opens a series on a target, or `None` if none of it lies there.
    pub(crate) fn reader<T: Real>(
        &self,
        series: &Series,
        target: Target,
        plans: &Plans,
        period: Period,
    ) -> Result<Option<TileReader<'a, T>>, PrepError> {
        let rules = self.request.rules.clone();
        match TileReader::open(series, target, rules, period, plans.clone(), self.spool, self.projections) {
            Ok(reader) => {
                // Before anything is made: another run would end no better.
                if let Some((_, error)) = reader.unit_errors().into_iter().next() {
                    return Err(error);
                }
                self.look_at_mask(&reader)?;
                Ok(Some(reader))
            }
            Err(PrepError::Outside { .. }) => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// A series' name as part of a key, with the unit that its values are brought to, if
    /// their own differ.
    pub(crate) fn named(&self, series: usize) -> Value {
        let Series { name, unit, .. } = &self.series[series];
        unit.map_or_else(|| json!(name), |unit| json!([name, unit]))
    }

    /// Sees that all values of a series are in one unit, before anything is made.
    fn agree_on_units(&mut self, boxes: &[Bbox]) -> Result<(), PrepError> {
        let rules = &self.request.rules;
        for n in 0..self.series.len() {
            let series = &self.series[n];
            let Some(period) = self.period(series) else { continue };
            let (from, to) = rules.reach(period);
            let near = boxes.iter().flat_map(|bbox| series.places(*bbox, from, to)).map(|(place, _)| place);
            let unit = common_unit(series, &near.collect(), rules, self.spool)?;
            self.series[n].unit = unit;
        }
        Ok(())
    }

    fn look_at_mask<T: Real>(&self, reader: &TileReader<'_, T>) -> Result<(), PrepError> {
        if self.request.rules.mask.is_none() {
            return Ok(());
        }
        let found = reader.masked_elsewhere()?;
        let mut masked = lock(&self.masked);
        masked.somewhere |= found.is_none_or(|(_, all)| !all);
        if let Some((item, _)) = found {
            masked.elsewhere.entry(reader.tile().to_owned()).or_insert_with(|| item.to_owned());
        }
        Ok(())
    }

    /// Refuses a mask whose layers lie under no tile.
    fn check_mask(&self) -> Result<(), PrepError> {
        let masked = lock(&self.masked);
        let (Some(mask), Some((tile, item))) = (&self.request.rules.mask, masked.elsewhere.iter().next())
        else {
            return Ok(());
        };
        if masked.somewhere {
            return Ok(());
        }
        Err(PrepError::Request(format!(
            "the mask `{mask}` would leave nothing: the layer `{}` of item `{item}` doesn't touch tile {tile}, and none \
             touches any other",
            mask.asset
        )))
    }

    /// Plans every tile; `plan` gives `None` for one that nothing touches.
    ///
    /// # Errors
    /// What planning brings; [`PrepError::Request`] where the mask's layers lie under none.
    pub(crate) fn tiles<P>(
        &self,
        mut plan: impl FnMut(&Tile) -> Result<Option<P>, PrepError>,
    ) -> Result<Planned<P>, PrepError> {
        let (mut tiles, mut untouched) = (Vec::new(), Vec::new());
        for tile in &self.request.grid.tiles {
            match plan(tile)? {
                Some(planned) => tiles.push(planned),
                None => untouched.push(tile.name.clone()),
            }
        }
        self.check_mask()?;
        Ok((tiles, untouched))
    }

    /// What there should be: `members` of these tiles, each with its box, by that recipe.
    ///
    /// # Errors
    /// [`PrepError::Outside`] if there is no tile.
    pub(crate) fn expected(
        &self,
        variables: Vec<String>,
        tiles: &[(&Tile, Bbox)],
        members: Vec<Member>,
        recipe: TaskKey,
    ) -> Result<Expected, PrepError> {
        let request = self.request;
        let Some(bbox) = Bbox::around(tiles.iter().map(|(_, bbox)| *bbox)) else {
            return Err(PrepError::Outside {
                input: request.assets.join(", "),
                assets: self.series.iter().map(|s| s.assets.len()).sum(),
                what: format!("any of the {} tiles", request.grid.tiles.len()),
            });
        };
        Ok(Expected {
            format_version: Expected::FORMAT,
            name: request.name.clone(),
            variables,
            grid: request.grid.grid.clone(),
            tiles: tiles.iter().map(|(tile, _)| (*tile).clone()).collect(),
            bbox,
            members,
            recipe: Some(recipe),
        })
    }

    /// The products that are still to be made.
    ///
    /// # Errors
    /// [`PrepError::Storage`] where a store can't be read.
    pub(crate) fn open_of<'s>(&self, set: &'s Expected) -> Result<Open<'s>, PrepError> {
        let done = survey(&self.request.out, &set.members)?;
        done.iter().for_each(Done::tell);
        let open = set.members.iter().zip(done).filter(|(_, done)| *done != Done::Yes);
        Ok(Open(open.map(|(member, _)| &member.key).collect()))
    }

    /// A report of nothing made yet.
    ///
    /// # Errors
    /// [`PrepError::Storage`] where a store can't be read, [`PrepError::Read`] for a file.
    pub(crate) fn report(
        &self,
        set: &Expected,
        open: &Open<'_>,
        untouched: Vec<String>,
    ) -> Result<PrepareReport, PrepError> {
        Ok(PrepareReport {
            expected: set.members.len(),
            made: 0,
            present: set.members.iter().filter(|m| !open.contains(m)).count(),
            untouched,
            partial: Vec::new(),
            missing: Vec::new(),
            replaces: set.replaces(&self.request.out, Cubes::OfDays)?,
            unmasked: lock(&self.masked)
                .elsewhere
                .iter()
                .map(|(tile, item)| format!("{tile}: the mask's layer of item {item} lies elsewhere"))
                .collect(),
            by_library: Vec::new(),
            failed: Vec::new(),
            retryable: 0,
            usage: 0,
            catalog: self.request.out.join("catalog.json"),
        })
    }

    /// Does the jobs, each of which gives an outcome for each of its members, and
    /// writes the product's documents before and after. What fails stops no other.
    ///
    /// # Errors
    /// What writing the documents brings.
    pub(crate) fn make<P: Sync>(
        &self,
        set: &Expected,
        report: &mut PrepareReport,
        jobs: &[Job<'_, P>],
        threads: usize,
        act: impl Fn(&P) -> Vec<Result<Outcome, PrepError>> + Sync,
        progress: &mut dyn FnMut(usize, usize),
    ) -> Result<(), PrepError> {
        let whole = set.clone().joined(&self.request.out, Cubes::OfDays)?;
        whole.write(&self.request.out, self.spool)?;
        self.spool.keep_digests();
        let mut behind = report.present;
        progress(behind, report.expected);
        let results = in_parallel(
            jobs,
            threads,
            |_, job| {
                let told = |e: PrepError| (e.retryable(), e.is_usage(), one_line(&e));
                act(&job.what).into_iter().map(|r| r.map_err(told)).collect::<Vec<_>>()
            },
            |n| {
                behind += jobs[n - 1].members.len();
                progress(behind, report.expected);
            },
        );
        for (job, outcomes) in jobs.iter().zip(results) {
            for (member, outcome) in job.members.iter().zip(outcomes) {
                match outcome {
                    Ok(Outcome::Created) => report.made += 1,
                    Ok(Outcome::Adopted) => report.present += 1,
                    Err((retryable, usage, reason)) => {
                        report.retryable += usize::from(retryable);
                        report.usage += usize::from(usage && !retryable);
                        report.failed.push(format!("{} {}: {reason}", member.tile, member.period));
                    }
                }
            }
        }
        report.by_library = self.spool.by_library();
        let description = format!("{} on tiles of {}", set.variables.join(", "), set.grid.crs);
        match write_catalog(&self.request.out, &whole, &description, self.spool) {
            // What made products fail may keep the documents from being written, too; the next call writes them.
            Err(error) if !report.failed.is_empty() => {
                tracing::warn!(catalog = %report.catalog, error = one_line(&error), "not written");
                Ok(())
            }
            written => written,
        }
    }
}

/// The days from the first of some to the last.
pub(crate) fn span(days: &[Date]) -> Option<Period> {
    days.iter().min().zip(days.iter().max()).map(|(start, end)| Period { start: *start, end: *end })
}
