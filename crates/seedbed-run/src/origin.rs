//! What a run's first day begins from.

use crate::kept_state::{KEY, KeptState, VARIABLE, unusable};
use crate::{Project, RunError, Runner, kept_state};
use seedbed_block::{Date, Period};
use seedbed_grid::TileGrid;
use seedbed_model::{Cadence, ModelSpec};
use seedbed_prep::{Expected, Member, Root, Spool};
use seedbed_raster::same_crs;
use seedbed_storage::{Location, LocationError};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What a run's first day begins from.
#[derive(Debug)]
pub(crate) enum Origin {
    /// The model's own beginning.
    Cold,
    /// What some days, run so many times over, have left.
    SpinUp { days: Period, cycles: u16 },
    /// What another run kept, by tile.
    Kept(BTreeMap<String, KeptState>),
}

impl Origin {
    /// What a project says of it.
    pub(crate) fn resolve(
        project: &Project,
        spec: &ModelSpec,
        start: Date,
        grid: &TileGrid,
        spool: &Spool,
    ) -> Result<Self, RunError> {
        match (&project.model.spin_up, &project.model.state) {
            (None, None) => Ok(Self::Cold),
            (Some(_), Some(_)) => Err(project.key_error(
                "model.spin_up",
                "`model.state` says what the run begins from: give one of the two",
            )),
            (Some(_), None) if spec.cadence == Cadence::Yearly => {
                let message = format!(
                    "model {} counts years: a spin-up would count as so many more of them",
                    spec.name
                );
                Err(project.key_error("model.spin_up", message))
            }
            (Some(spin_up), None) => {
                let days = spin_up.days(start).map_err(|e| project.key_error("model.spin_up", e))?;
                Ok(Self::SpinUp { days, cycles: spin_up.cycles })
            }
            (None, Some(from)) => kept(project, from, start, grid, spool).map(Self::Kept),
        }
    }

    /// What of it is part of a tile's key; nothing of a cold start.
    pub(crate) fn key(&self, tile: &str) -> Option<Value> {
        match self {
            Self::Cold => None,
            Self::SpinUp { days, cycles } => Some(json!({ "spin_up": [days, cycles] })),
            Self::Kept(tiles) => Some(json!({ "state": tiles.get(tile).map(|kept| &kept.checksum) })),
        }
    }

    /// Days that are run before the first, if any.
    pub(crate) fn spin_up(&self) -> Option<Period> {
        match self {
            Self::SpinUp { days, .. } => Some(*days),
            Self::Cold | Self::Kept(_) => None,
        }
    }
}

impl Runner<'_> {
    /// From the first day that anything depends on to the last of `days`, or of what is run
    /// before them.
    pub(crate) fn until(&self, days: Period) -> Period {
        let own = Period { start: self.period.start, end: days.end };
        self.origin
            .spin_up()
            .map_or(own, |first| Period { start: own.start.min(first.start), end: own.end.max(first.end) })
    }
}

/// The states that the run at a location kept, one for each of the grid's tiles.
fn kept(
    project: &Project,
    from: &str,
    start: Date,
    grid: &TileGrid,
    spool: &Spool,
) -> Result<BTreeMap<String, KeptState>, RunError> {
    let location: Location =
        project.resolve(from).parse().map_err(|e: LocationError| project.setting_error(KEY, e))?;
    let out = Root::of_product(&location, spool);
    let (expected, root) = Expected::of(&out).map_err(|e| unusable(project, e))?;
    let theirs = &expected.grid;
    let same_pixels = same_crs(&theirs.crs, &grid.grid.crs)
        && (theirs.origin, theirs.resolution) == (grid.grid.origin, grid.grid.resolution);
    if !same_pixels {
        let message = format!(
            "{} lies on another grid: origin {}, {} and pixels of {} by {} in {}, here {}, {} and {} by {} in {}",
            out,
            theirs.origin.x,
            theirs.origin.y,
            theirs.resolution.x,
            theirs.resolution.y,
            theirs.crs,
            grid.grid.origin.x,
            grid.grid.origin.y,
            grid.grid.resolution.x,
            grid.grid.resolution.y,
            grid.grid.crs,
        );
        return Err(project.key_error(KEY, message));
    }
    let is_state = |variables: &Option<Vec<String>>| variables.as_deref().is_some_and(|v| v == [VARIABLE]);
    let mut states = BTreeMap::new();
    for tile in &grid.tiles {
        let named = expected.tiles.iter().filter(|theirs| theirs.range == tile.range).map(|t| &t.name);
        let there: Vec<&String> = named.collect();
        if there.is_empty() {
            let message = format!("{out} has no tile with the pixels of {}", tile.name);
            return Err(project.key_error(KEY, message));
        }
        let is_there = |m: &&Member| is_state(&m.variables) && there.contains(&&m.tile);
        let members = || expected.members.iter().filter(is_there);
        // A run that was extended keeps one behind each of its ends.
        let wanted = start.yesterday().ok().map(kept_state::name);
        let fits = members().find(|m| Some(&m.period) == wanted.as_ref());
        let Some(member) = fits.or_else(|| members().next()) else {
            let message = format!(
                "{out} keeps no state of tile {}: run it with `state = true` in its [output]",
                tile.name
            );
            return Err(project.key_error(KEY, message));
        };
        let kept = KeptState::of_member(&root, member).map_err(|e| unusable(project, e))?;
        let kept = kept.ok_or_else(|| {
            let what = "it has not been made yet: run its project first";
            project.key_error(KEY, format!("the state of tile {} can't be used: {what}", member.tile))
        })?;
        states.insert(tile.name.clone(), kept);
    }
    Ok(states)
}
