//! Mosaics of cubes: one cube of all tiles, some layers at a time.

use super::{Context, Placed, Tile, lay};
use crate::{Attempt, Member, PrepError, Variable};
use seedbed_block::{Date, Period, PixelRange, Real};
use seedbed_raster::cog::CogOptions;
use std::collections::{BTreeMap, BTreeSet};

/// Bytes of values that are put together at once, where one layer takes less.
const ROOM: usize = 512 << 20;

impl Context<'_> {
    /// Writes a variable's cube. It has the days that any tile has; where a tile lacks one, its pixels are missing.
    ///
    /// # Errors
    /// [`PrepError::Unverified`] for a tile that isn't what its record says; what reading or writing brings.
    pub(super) fn join<T: Real>(
        &self,
        attempt: &mut Attempt,
        variable: Variable,
        records: &[Tile<'_>],
        options: &CogOptions,
    ) -> Result<(), PrepError> {
        let tiles = self.placed(records, &variable.name).map(dated).collect::<Result<Vec<_>, PrepError>>()?;
        let days: BTreeSet<Date> = tiles.iter().flat_map(|(_, days)| days).copied().collect();
        let days: Vec<Date> = days.into_iter().collect();
        let mut cube = attempt.begin_cube(&variable, &days, options)?;
        let shape = self.extent.shape();
        // As many as tiles store together, so that no chunk is decoded twice, if there is room for them.
        let together = tiles.iter().map(|(placed, _)| placed.raster.layers_together()).max().unwrap_or(1);
        let room = ROOM / (shape.len() * size_of::<T>()).max(1);
        let at_once = room.clamp(1, together).max(cube.layers_at_once());
        let mut values = Vec::new();
        for some in days.chunks(at_once) {
            values.clear();
            values.resize(some.len() * shape.len(), T::NAN);
            for (Placed { range, raster, .. }, own) in &tiles {
                let first = own.partition_point(|day| *day < some[0]);
                let end = own.partition_point(|day| *day <= some[some.len() - 1]);
                if first == end {
                    continue;
                }
                let own_shape = range.shape();
                let part: Vec<T> = raster.read_layers(first..end, PixelRange::of_shape(own_shape))?;
                for (day, layer) in own[first..end].iter().zip(part.chunks_exact(own_shape.len())) {
                    let number = some.partition_point(|other| other < day);
                    lay(layer, *range, &mut values[number * shape.len()..][..shape.len()], shape);
                }
            }
            cube.write(&values)?;
        }
        attempt.keep_cube(variable, days, cube)
    }
}

/// A tile with the day of each of its layers.
fn dated(placed: Result<Placed, PrepError>) -> Result<(Placed, Vec<Date>), PrepError> {
    let placed = placed?;
    let days: Option<Vec<Date>> = placed.raster.layers().iter().map(|layer| layer.date).collect();
    let increase = |days: &Vec<Date>| days.windows(2).all(|two| two[0] < two[1]);
    let days = days.filter(increase).ok_or_else(|| PrepError::Unverified {
        path: placed.file.clone(),
        what: "its layers have no days that increase; delete it and run again".to_owned(),
    })?;
    Ok((placed, days))
}

/// What goes into one mosaic: cubes whose layers are of one kind and whose times overlap, under the name of them all.
/// A tile whose inputs begin later is in the same mosaic as the others.
pub(super) fn overlapping<'a>(members: &'a [Member]) -> BTreeMap<String, Vec<&'a Member>> {
    let mut mosaics: BTreeMap<String, Vec<&'a Member>> = BTreeMap::new();
    let mut spans: Vec<(usize, Period, &'a Member)> = Vec::new();
    for member in members {
        match (member.span(), member.period.split_once("--")) {
            (Some(span), Some((first, _))) => spans.push((first.len(), span, member)),
            _ => mosaics.entry(member.period.clone()).or_default().push(member),
        }
    }
    spans.sort_by_key(|(kind, span, _)| (*kind, span.start, span.end));
    let mut rest = spans.as_slice();
    while let Some((kind, first, _)) = rest.first() {
        let mut end = first.end;
        let overlaps = |(own, span, _): &&(usize, Period, &Member)| {
            let overlaps = own == kind && span.start <= end;
            end = if overlaps { end.max(span.end) } else { end };
            overlaps
        };
        let (cluster, others) = rest.split_at(rest.iter().take_while(overlaps).count());
        let members: Vec<&Member> = cluster.iter().map(|(_, _, member)| *member).collect();
        let starts = members[0].period.split_once("--").map_or("", |(first, _)| first);
        let last = cluster.iter().max_by_key(|(_, span, _)| span.end).map(|(_, _, member)| *member);
        let ends = last.and_then(|member| member.period.split_once("--")).map_or("", |(_, last)| last);
        mosaics.insert(format!("{starts}--{ends}"), members);
        rest = others;
    }
    mosaics
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TaskKey;

    #[test]
    fn cubes_of_one_kind_that_overlap_are_one_mosaic() {
        let member = |(tile, period): (&str, &str)| {
            let key = TaskKey::of(&(tile, period)).unwrap();
            Member { tile: tile.into(), period: period.into(), key, variables: None, days: None }
        };
        let members = [
            ("west", "2001-02-01--2001-12-31"),
            ("east", "2001-01-01--2001-03-31"),
            ("west", "2002-01-01--2002-01-31"),
            ("east", "2001-01--2001-12"),
            ("west", "2001-01--2001-12"),
            ("west", "state-2001"),
        ]
        .map(member);
        let found: Vec<(String, Vec<&str>)> = overlapping(&members)
            .into_iter()
            .map(|(period, members)| (period, members.iter().map(|m| m.tile.as_str()).collect()))
            .collect();
        let expected = [
            ("2001-01--2001-12", vec!["east", "west"]),
            ("2001-01-01--2001-12-31", vec!["east", "west"]),
            ("2002-01-01--2002-01-31", vec!["west"]),
            ("state-2001", vec!["west"]),
        ];
        assert_eq!(found, expected.map(|(period, tiles)| (period.to_owned(), tiles)));
    }
}
