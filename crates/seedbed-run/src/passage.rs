//! A tile's passage through time: piece by piece read, simulated, gathered and committed.

use crate::checkpoint::{self, Checkpoint, Shape};
use crate::cubes::Cubes;
use crate::feed::Feed;
use crate::gathering::{Gathering, Wanted, gather, gather_unsummed};
use crate::orders::join;
use crate::origin::Origin;
use crate::outputs::Output;
use crate::periods::Volume;
use crate::pieces::pieces;
use crate::project::Format;
use crate::readers::{Readers, open, read_statics};
use crate::shelf::{Laid, Shelf};
use crate::sums::Gathered;
use crate::tile::{Tick, TileOutcome, piece, write};
use crate::work::{Beginning, ToMake, Work, days_before};
use crate::{Event, Ledger, PeriodKind, RunError, Runner, kept_state};
use rayon::prelude::*;
use seedbed_block::{Date, Period};
use seedbed_model::Number;
use seedbed_model::{Balance, Cadence, Forcing, Outputs, Simulation, State, Statics, ValuesMut};
use seedbed_prep::{Outcome, Target, TaskKey};
use std::iter::Peekable;
use std::vec::IntoIter;

/// A tile on its way.
struct Passage<'r, T> {
    runner: &'r Runner<'r>,
    work: &'r Work<'r>,
    target: Target,
    /// The places of the inputs among the model's.
    inputs: Vec<usize>,
    /// Those of a simulation that is to spin up.
    statics: Vec<(usize, Vec<f64>)>,
    simulation: Box<dyn Simulation>,
    /// The product that the state behind the last day is, if it is to be made.
    state: Option<usize>,
    /// Whether the run's first day has no place in sums.
    first_day_apart: bool,
    /// Products that no day has been gathered of.
    coming: Peekable<IntoIter<Wanted>>,
    under_way: Vec<Gathering>,
    /// Arrays of sums that are over.
    spare: Vec<Vec<f64>>,
    /// What periods are the layers of, where that is what they become.
    cubes: Cubes,
    /// How well each day of the piece closed, of a model that keeps books.
    balances: Vec<Balance>,
    /// Day × pixel of each input, row × pixel of each output, of the piece at hand.
    read: Vec<Vec<T>>,
    computed: Vec<Vec<T>>,
}

/// A checkpoint that isn't in its place yet, and the periods under way in it.
type Begun = (Laid, Vec<(PeriodKind, Date)>);

/// Takes a tile through the days that its products still to be made need.
pub(crate) fn run_as<T: Number>(
    runner: &Runner<'_>,
    work: &Work<'_>,
    ledger: &Ledger,
    tick: Tick<'_>,
    outcome: &mut TileOutcome,
) -> Result<(), RunError> {
    let to_make = work.to_make(runner)?;
    outcome.present += to_make.present;
    // What comes behind the last product that is wanted need not be computed.
    let Some(end) = to_make.end(runner) else { return Ok(()) };
    if let Some((product, state)) = work.finished(runner, &to_make)? {
        let target = runner.target(runner.grid.tile(&work.task.tile)?)?;
        outcome.resumed = true;
        return commit_state(runner, work, &target, product, state, ledger, outcome);
    }
    let beginning = work.beginning(runner, &to_make)?;
    let tile = &work.task.tile;
    for (path, reason) in &beginning.passed_over {
        let checkpoint = path.display().to_string();
        ledger.note(tile, None, Event::PassedOver { checkpoint, reason: reason.clone() })?;
    }
    let from = beginning.from;
    if beginning.checkpoint.is_some() {
        ledger.note(tile, None, Event::Resumed { from })?;
        outcome.resumed = true;
    }
    let days: Vec<Date> = Period { start: from, end }.days().collect();
    let is_start = beginning.checkpoint.is_none();
    let (mut passage, mut feed) = Passage::<T>::begin(runner, work, beginning, &to_make)?;
    if let Origin::SpinUp { days, cycles } = &runner.origin
        && is_start
    {
        passage.spin_up(*days, *cycles, tick, outcome)?;
    }
    let due = |day: Date| runner.checkpoints().are_due(day, runner.period);
    let pieces = pieces(&days, passage.piece(), due);
    let mut behind = days_before(from, runner.period);
    tick(behind);
    let passed = passage.pass(&mut feed, &pieces, |passage, dates| {
        passage.take(dates, ledger, outcome)?;
        behind += dates.len();
        outcome.days += dates.len();
        if tick(behind) { Ok(()) } else { Err(RunError::Interrupted) }
    });
    feed.disorders.into_iter().for_each(|disorder| join(&mut outcome.disorders, disorder));
    passed?;
    tick(runner.period.len());
    Ok(())
}

impl<'r, T: Number> Passage<'r, T> {
    fn begin(
        runner: &'r Runner<'r>,
        work: &'r Work<'r>,
        beginning: Beginning,
        to_make: &ToMake,
    ) -> Result<(Self, Feed<'r, T>), RunError> {
        let target = runner.target(runner.grid.tile(&work.task.tile)?)?;
        let days = Period { start: beginning.from, end: runner.period.end };
        let Readers { inputs, statics } = open::<T>(runner, &target, days)?;
        let statics = read_statics(runner, &target, statics)?;
        let kept = match (&runner.origin, &beginning.checkpoint) {
            (Origin::Kept(tiles), None) => {
                let kept = tiles.get(&work.task.tile);
                kept.map(|kept| kept.read(runner, &work.task.tile)).transpose()?
            }
            _ => None,
        };
        let from = beginning.checkpoint.as_ref().map(|checkpoint| &checkpoint.state).or(kept.as_ref());
        let simulation = simulation(runner, target.geobox.shape.len(), &statics, from)?;
        let variant = runner.model.spec().variant(runner.settings.variant())?;
        let is_cold = matches!(runner.origin, Origin::Cold);
        let state = to_make.state;
        let (under_way, coming) = beginning.split(&to_make.volumes);
        let cubes = Cubes::of(&to_make.volumes);
        let feed = Feed::new(runner, inputs, (&work.task.tile, target.geobox.shape.len()));
        // Only a simulation begun anew needs them again.
        let spins_up = matches!(runner.origin, Origin::SpinUp { .. });
        let statics = if spins_up { statics } else { Vec::new() };
        let passage = Self {
            runner,
            work,
            target,
            inputs: feed.indices(),
            simulation,
            statics,
            state,
            first_day_apart: is_cold && !variant.sums_first_day,
            coming: coming.into_iter().peekable(),
            under_way,
            spare: Vec::new(),
            cubes,
            balances: Vec::new(),
            read: Vec::new(),
            computed: Vec::new(),
        };
        Ok((passage, feed))
    }

    fn pixels(&self) -> usize {
        self.target.geobox.shape.len()
    }

    /// The most days of a piece.
    fn piece(&self) -> usize {
        let arrays = 2 * self.inputs.len() + self.runner.outputs.len() + 1;
        piece(arrays * self.pixels() * size_of::<T>())
    }

    /// Runs days so many times over, the last of them standing for the day before the run's
    /// first. Nothing is gathered.
    fn spin_up(
        &mut self,
        days: Period,
        cycles: u16,
        tick: Tick<'_>,
        outcome: &mut TileOutcome,
    ) -> Result<(), RunError> {
        let runner = self.runner;
        let Readers { inputs, .. } = open::<T>(runner, &self.target, days)?;
        let mut feed = Feed::new(runner, inputs, (&self.work.task.tile, self.pixels()));
        let of_run = std::mem::replace(&mut self.inputs, feed.indices());
        let days: Vec<Date> = days.days().collect();
        let pieces = pieces(&days, self.piece(), |_| false);
        for cycle in 1..=cycles {
            self.pass(&mut feed, &pieces, |_, dates| {
                outcome.days += dates.len();
                if tick(0) { Ok(()) } else { Err(RunError::Interrupted) }
            })?;
            if cycle == 1 {
                // Further cycles are of the same days.
                outcome.disorders.clone_from(&feed.disorders);
            }
            let next = if cycle < cycles { days[0] } else { runner.period.start };
            let state = State { last: next.yesterday().ok(), ..self.simulation.checkpoint()? };
            self.simulation = simulation(runner, self.pixels(), &self.statics, Some(&state))?;
        }
        self.inputs = of_run;
        self.statics = Vec::new();
        match runner.spun_up().and_then(|last| Some((last, self.work.keys.get(&last)?))) {
            Some((last, key)) => {
                let state = self.simulation.checkpoint()?;
                let (laid, periods) = lay_down(self.runner, self.work, last, key, state, [].iter())?;
                self.keep(last, laid, &periods)
            }
            None => Ok(()),
        }
    }

    /// Takes the tile through pieces of time, each simulated and then handed to `each`; the
    /// next one is read meanwhile.
    fn pass(
        &mut self,
        feed: &mut Feed<'r, T>,
        pieces: &[&[Date]],
        mut each: impl FnMut(&mut Self, &[Date]) -> Result<(), RunError> + Send,
    ) -> Result<(), RunError> {
        let (spec, pixels) = (self.runner.model.spec(), self.pixels());
        let Some(first) = pieces.first() else { return Ok(()) };
        let longest = pieces.iter().map(|p| p.len()).max().unwrap_or(0);
        let rows = pieces.iter().map(|p| spec.rows(p)).max().unwrap_or(0);
        feed.make_room(longest);
        self.read = feed.room(longest);
        self.computed = self.runner.outputs.iter().map(|_| vec![T::ZERO; rows * pixels]).collect();
        feed.read(first)?;
        for (n, dates) in pieces.iter().enumerate() {
            feed.hand_over(&mut self.read);
            let next = pieces.get(n + 1);
            let at_work = || {
                self.advance(dates)?;
                each(self, dates)
            };
            let (done, read) = rayon::join(at_work, || next.map_or(Ok(()), |next| feed.read(next)));
            done.and(read)?;
        }
        Ok(())
    }

    /// Simulates the piece that was read: row × pixel of each output wanted.
    fn advance(&mut self, dates: &[Date]) -> Result<(), RunError> {
        let (runner, pixels) = (self.runner, self.pixels());
        let spec = runner.model.spec();
        let mut inputs = vec![None; spec.inputs.len()];
        for (index, values) in self.inputs.iter().zip(&self.read) {
            inputs[*index] = Some(T::values(&values[..dates.len() * pixels]));
        }
        let mut values: Vec<Option<ValuesMut<'_>>> = (0..spec.outputs.len()).map(|_| None).collect();
        for (Output { index, .. }, buffer) in runner.outputs.iter().zip(&mut self.computed) {
            values[*index] = Some(T::values_mut(&mut buffer[..spec.rows(dates) * pixels]));
        }
        self.simulation.advance(&Forcing { dates, inputs }, &mut Outputs { values })?;
        self.balances = self.simulation.take_balances();
        runner.check_balances(&self.target, dates, &self.balances)
    }

    /// Adds a simulated piece to the periods under way, commits those that end in it, and
    /// keeps a checkpoint where one is due behind it.
    fn take(&mut self, dates: &[Date], ledger: &Ledger, outcome: &mut TileOutcome) -> Result<(), RunError> {
        let (runner, task, pixels) = (self.runner, self.work.task, self.pixels());
        let (cadence, missing) = (runner.model.spec().cadence, runner.missing_days()?);
        let mut added = 0;
        let mut checkpoint = None;
        for (n, day) in dates.iter().enumerate() {
            if self.coming.peek().is_some_and(|w| w.days.start == *day) {
                self.gather(added..n, cadence);
                added = n;
            }
            while let Some(wanted) = self.coming.next_if(|w| w.days.start == *day) {
                let Wanted { product, kind, days } = wanted;
                let spare = self.spare.split_off(self.spare.len().saturating_sub(runner.outputs.len()));
                let spare = spare.into_iter().chain(std::iter::repeat_with(Vec::new));
                let sums: Vec<_> = runner.outputs.iter().zip(spare).collect();
                let sums = sums.into_par_iter();
                let sums = sums.map(|(o, spare)| Gathered::within(spare, o.aggregation, missing, pixels));
                let (sums, balance) = (sums.collect(), Balance::default());
                self.under_way.push(Gathering { product, kind, days, sums, balance });
            }
            if let Some(balance) = self.balances.get(n) {
                self.under_way.iter_mut().for_each(|gathering| gathering.balance.join(balance));
            }
            if *day == runner.period.start && self.first_day_apart {
                gather_unsummed(&mut self.under_way, &self.computed, n, pixels);
                added = n + 1;
            }
            let is_last = n + 1 == dates.len();
            if !is_last && !self.under_way.iter().any(|g| g.days.end == *day) {
                continue;
            }
            self.gather(added..n + 1, cadence);
            added = n + 1;
            let due = if is_last { self.due(*day) } else { None };
            let under_way = std::mem::take(&mut self.under_way);
            let (done, open): (Vec<_>, Vec<_>) = under_way.into_iter().partition(|g| g.days.end == *day);
            let (work, target, cubes) = (self.work, &self.target, &mut self.cubes);
            let mut commit = || {
                done.iter().try_for_each(|gathering| {
                    let member = &task.products[gathering.product];
                    let written = match runner.project.output.format {
                        Format::Cog => Some(write(runner, target, member, gathering)?),
                        Format::Zarr => cubes.add(runner, target, member, gathering)?,
                    };
                    match written {
                        Some(Outcome::Created) => outcome.made += 1,
                        Some(Outcome::Adopted) => outcome.present += 1,
                        None => return Ok(()),
                    }
                    ledger.note(&task.tile, Some((&member.period, &member.key)), Event::Committed)
                })
            };
            // The checkpoint holds periods that end here and go on in a longer run.
            let (laid, committed) = match due {
                Some((key, state)) => {
                    let all = done.iter().chain(&open);
                    rayon::join(|| lay_down(runner, work, *day, key, state, all).map(Some), commit)
                }
                None => (Ok(None), commit()),
            };
            committed?;
            checkpoint = laid?;
            self.under_way = open;
            self.spare.extend(done.into_iter().flat_map(|over| over.sums).map(Gathered::into_array));
        }
        if let Some(product) = self.state.filter(|_| dates.last() == Some(&runner.period.end)) {
            let state = self.simulation.checkpoint()?;
            commit_state(runner, self.work, &self.target, product, state, ledger, outcome)?;
        }
        match (checkpoint, dates.last()) {
            (Some((laid, periods)), Some(last)) => self.keep(*last, laid, &periods),
            _ => Ok(()),
        }
    }

    fn gather(&mut self, days: std::ops::Range<usize>, cadence: Cadence) {
        let pixels = self.pixels();
        gather(&mut self.under_way, &self.computed, days, pixels, cadence);
    }

    /// The state behind a day that a checkpoint is due behind, and its key.
    fn due(&self, last: Date) -> Option<(&'r TaskKey, State)> {
        let key = self.work.keys.get(&last)?;
        let is_due = self.runner.checkpoints().are_due(last, self.runner.period);
        // A model that can't stop here goes on, and its run has one checkpoint fewer.
        is_due.then(|| self.simulation.checkpoint().ok()).flatten().map(|state| (key, state))
    }

    /// Puts a checkpoint on the shelf, now that the products up to its day are committed,
    /// and takes away those that it makes dispensable.
    fn keep(&self, last: Date, laid: Laid, periods: &[(PeriodKind, Date)]) -> Result<(), RunError> {
        let (runner, keys) = (self.runner, &self.work.keys);
        let Some(key) = keys.get(&last) else { return Ok(()) };
        let shelf = Shelf::of(&runner.out, &self.work.task.tile);
        let shape =
            Shape { outputs: &runner.outputs, missing_days: runner.missing_days()?, pixels: self.pixels() };
        let there = shelf.list().into_iter().find(|kept| kept.last == last && kept.key == key.short());
        let there = there.and_then(|kept| Checkpoint::read(&std::fs::read(kept.path).ok()?, key, shape).ok());
        // One of a run that had more to make serves more.
        if !there.is_some_and(|there| there.holds(periods)) {
            laid.put()?;
        }
        for kept in runner.checkpoints().superseded(&shelf.list(), keys) {
            // Another worker may have taken it away, and `seedbed clean` finds it.
            let _ = std::fs::remove_file(kept.path);
        }
        Ok(())
    }
}

/// Writes a checkpoint beside its place, with those periods under way that go on behind it.
fn lay_down<'g>(
    runner: &Runner<'_>,
    work: &Work<'_>,
    last: Date,
    key: &TaskKey,
    state: State,
    under_way: impl Iterator<Item = &'g Gathering>,
) -> Result<Begun, RunError> {
    let shelf = Shelf::of(&runner.out, &work.task.tile);
    shelf.lay_down(last, key, |to| checkpoint::write(key, last, state, under_way, to))
}

/// Commits the state behind a run's last day.
fn commit_state(
    runner: &Runner<'_>,
    work: &Work<'_>,
    target: &Target,
    product: usize,
    state: State,
    ledger: &Ledger,
    outcome: &mut TileOutcome,
) -> Result<(), RunError> {
    let member = &work.task.products[product];
    match kept_state::write(runner, target, member, state)? {
        Outcome::Created => outcome.made += 1,
        Outcome::Adopted => outcome.present += 1,
    }
    ledger.note(&work.task.tile, Some((&member.period, &member.key)), Event::Committed)
}

/// A simulation of a tile, cold or from a state.
fn simulation(
    runner: &Runner<'_>,
    pixels: usize,
    statics: &[(usize, Vec<f64>)],
    from: Option<&State>,
) -> Result<Box<dyn Simulation>, RunError> {
    let mut values: Vec<Option<&[f64]>> = vec![None; runner.model.spec().statics.len()];
    for (index, field) in statics {
        values[*index] = Some(field);
    }
    let statics = Statics { pixels, values };
    let mut simulation = runner.model.begin(&runner.settings, &statics, runner.precision, from)?;
    simulation.keep_books();
    Ok(simulation)
}

impl Beginning {
    /// The periods under way, with what has been gathered of them, and those that come, in
    /// order of their first days.
    fn split(self, volumes: &[(usize, Volume)]) -> (Vec<Gathering>, Vec<Wanted>) {
        let wanted = volumes.iter().flat_map(|(product, volume)| {
            volume.periods.iter().map(|days| Wanted { product: *product, kind: volume.kind, days: *days })
        });
        let mut wanted: Vec<Wanted> = wanted.collect();
        wanted.sort_by_key(|w| (w.days.start, w.product));
        let Some(mut checkpoint) = self.checkpoint else { return (Vec::new(), wanted) };
        let (begun, coming): (Vec<Wanted>, Vec<Wanted>) =
            wanted.into_iter().partition(|w| w.days.start < self.from);
        let gathered = |w: Wanted| {
            let partial = checkpoint.partial_mut(&w)?;
            let (sums, balance) = (std::mem::take(&mut partial.sums), partial.balance);
            Some(Gathering { product: w.product, kind: w.kind, days: w.days, sums, balance })
        };
        (begun.into_iter().filter_map(gathered).collect(), coming)
    }
}
