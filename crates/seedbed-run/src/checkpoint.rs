//! What a tile must remember to go on behind a day: the model's state, and what has been
//! gathered of the periods under way.

use crate::PeriodKind;
use crate::gathering::{Gathering, Wanted};
use crate::outputs::Output;
use crate::periods::Volume;
use crate::state_file::{self, Numbers, Vector, decode};
use crate::sums::{Gathered, MissingDays};
use seedbed_block::{Date, Period, Real};
use seedbed_model::{Balance, State};
use seedbed_prep::TaskKey;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::{self, Write};

/// A tile behind a day.
#[derive(Debug, Clone)]
pub(crate) struct Checkpoint {
    pub(crate) last: Date,
    pub(crate) state: State,
    pub(crate) partial: Vec<Partial>,
}

/// A period under way.
#[derive(Debug, Clone)]
pub(crate) struct Partial {
    pub(crate) kind: PeriodKind,
    /// The first of its days that were run.
    pub(crate) start: Date,
    /// What has been gathered of each output.
    pub(crate) sums: Vec<Gathered>,
    /// How well its days closed.
    pub(crate) balance: Balance,
}

/// What a run's checkpoints have in common.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape<'a> {
    pub(crate) outputs: &'a [Output],
    pub(crate) missing_days: MissingDays,
    pub(crate) pixels: usize,
}

#[derive(Debug, Serialize, Deserialize)]
struct Head {
    key: TaskKey,
    model: String,
    revision: u32,
    last: Date,
    periods: Vec<PeriodHead>,
}

#[derive(Debug, Serialize, Deserialize)]
struct PeriodHead {
    kind: PeriodKind,
    start: Date,
    /// The days that counted, of each output.
    days: Vec<u16>,
    balance: Balance,
}

/// Writes a checkpoint behind `last`, with the periods that go on behind it; gives these, by
/// their kind and first day.
///
/// # Errors
/// If it can't be written.
pub(crate) fn write<'g>(
    key: &TaskKey,
    last: Date,
    state: State,
    under_way: impl Iterator<Item = &'g Gathering>,
    to: &mut dyn Write,
) -> io::Result<Vec<(PeriodKind, Date)>> {
    let goes_on = |g: &&Gathering| g.kind.holding(last).end > last;
    let mut under_way: Vec<&Gathering> = under_way.filter(goes_on).collect();
    under_way.sort_by_key(|g| (g.kind, g.days.start));
    let of_state =
        |(name, values): (String, Vec<f64>)| (format!("state {name}"), Numbers::Doubles(values.into()));
    let mut vectors: Vec<(String, Numbers<'_>)> = state.vectors.into_iter().map(of_state).collect();
    let mut periods = Vec::new();
    for (p, gathering) in under_way.iter().enumerate() {
        let mut days = Vec::new();
        for (o, sums) in gathering.sums.iter().enumerate() {
            let (values, missing, counted) = sums.parts();
            days.push(counted);
            vectors.push((format!("sums {p} {o}"), Numbers::Doubles(values.into())));
            vectors.push((format!("missing {p} {o}"), Numbers::Counts(missing)));
        }
        periods.push(PeriodHead {
            kind: gathering.kind,
            start: gathering.days.start,
            days,
            balance: gathering.balance,
        });
    }
    let head = Head { key: key.clone(), model: state.model, revision: state.revision, last, periods };
    state_file::write(&head, &vectors, to)?;
    Ok(under_way.iter().map(|g| (g.kind, g.days.start)).collect())
}

impl Checkpoint {
    /// A checkpoint from its bytes.
    ///
    /// # Errors
    /// What is wrong with it: it is damaged, has another key, or other outputs or pixels.
    pub(crate) fn read(bytes: &[u8], key: &TaskKey, shape: Shape<'_>) -> Result<Self, String> {
        let (head, vectors): (Head, Vec<Vector>) = decode(bytes)?;
        if head.key != *key {
            return Err(format!("its key is {}, not {}", head.key.short(), key.short()));
        }
        if let Some((name, values)) = vectors.iter().find(|(_, v)| !v.is_empty() && v.len() != shape.pixels) {
            return Err(format!("`{name}` has {} values for {} pixels", values.len(), shape.pixels));
        }
        let mut vectors: BTreeMap<String, Vec<f64>> = vectors.into_iter().collect();
        let mut partial = Vec::new();
        for (p, period) in head.periods.iter().enumerate() {
            if period.days.len() != shape.outputs.len() {
                return Err(format!("it has {} outputs, not {}", period.days.len(), shape.outputs.len()));
            }
            let mut sums = Vec::new();
            for (o, (output, days)) in shape.outputs.iter().zip(&period.days).enumerate() {
                let mut take = |name: String| vectors.remove(&name).ok_or(format!("it lacks `{name}`"));
                let values = take(format!("sums {p} {o}"))?;
                let missing = counts(&take(format!("missing {p} {o}"))?);
                let restored =
                    Gathered::restored(output.aggregation, shape.missing_days, values, missing, *days);
                sums.push(restored.ok_or_else(|| format!("counts of `{}` don't fit", output.name))?);
            }
            partial.push(Partial { kind: period.kind, start: period.start, sums, balance: period.balance });
        }
        let of_state = |(name, values): (String, Vec<f64>)| {
            name.strip_prefix("state ").map(|name| (name.to_owned(), values))
        };
        let state = State {
            model: head.model,
            revision: head.revision,
            last: Some(head.last),
            vectors: vectors.into_iter().filter_map(of_state).collect(),
        };
        Ok(Self { last: head.last, state, partial })
    }

    /// What has been gathered of a product that is under way.
    pub(crate) fn partial_mut(&mut self, wanted: &Wanted) -> Option<&mut Partial> {
        self.partial.iter_mut().find(|p| p.is_of(wanted.kind, wanted.days.start))
    }

    fn has(&self, kind: PeriodKind, start: Date) -> bool {
        self.partial.iter().any(|p| p.is_of(kind, start))
    }

    /// Whether it has every period under way that another one of the same key has.
    pub(crate) fn holds(&self, periods: &[(PeriodKind, Date)]) -> bool {
        periods.iter().all(|(kind, start)| self.has(*kind, *start))
    }

    /// Whether every product still to be made can be made from here.
    ///
    /// A cube is made whole from here, or from the midst of its first period: of those that
    /// are behind nothing is kept.
    pub(crate) fn serves(&self, wanted: &[(usize, Volume)]) -> bool {
        wanted.iter().all(|(_, volume)| {
            let is_begun = |days: &Period| days.end > self.last && self.has(volume.kind, days.start);
            volume.days.start > self.last || volume.periods.first().is_some_and(is_begun)
        })
    }
}

impl Partial {
    fn is_of(&self, kind: PeriodKind, start: Date) -> bool {
        self.kind == kind && self.start == start
    }
}

fn counts(values: &[f64]) -> Vec<u16> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "they were counts in 16 bits"
    )]
    let whole = |v: &f64| v.to_f64() as u16;
    values.iter().map(whole).collect()
}
