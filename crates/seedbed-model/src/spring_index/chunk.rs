//! Pixels that are computed together, and their days.

use super::calendar::Step;
use super::day_length::{Latitudes, sun};
use super::frost::Frost;
use super::hours::{degree_hours, logs};
use super::lanes::{LANE, Lanes};
use super::outcome::{Exposure, OUTPUTS, outcome};
use super::pending::{BLOCK, Pending, filled};
use super::plants::NAMES;
use super::rules::Rules;
use super::season::{Day, Season};
use super::spec::input;
use crate::values::Number;
use std::ops::Range;

/// The last day that waits for its block.
const LAST_BLOCK: i16 = 240;

/// Seconds of an hour.
const HOUR: f64 = 3600.0;

/// Pixels that are computed together, with all that is remembered of them.
#[derive(Debug, Clone)]
pub struct Chunk<T> {
    /// Where they are given.
    pub latitudes: Option<Latitudes>,
    /// The year under way.
    pub season: Season,
    /// Its freezes.
    pub frost: Frost,
    /// The years before.
    pub exposure: Exposure,
    /// Days that wait for their block.
    pub pending: Pending<T>,
}

/// Numbers that all pixels share.
#[derive(Debug)]
pub struct Tables {
    /// `ln j`.
    logs: [f64; 24],
    /// The [`sun`] by day of year.
    suns: [f64; 367],
}

impl Tables {
    /// The numbers.
    pub fn new() -> Self {
        Self { logs: logs(), suns: std::array::from_fn(|day| sun(day.try_into().unwrap_or(0))) }
    }
}

impl<T: Number> Chunk<T> {
    /// Before the first day; `latitudes` in degrees.
    pub fn new(latitudes: Option<&[f64]>) -> Self {
        Self {
            latitudes: latitudes.map(Latitudes::new),
            season: Season::new(),
            frost: Frost::new(),
            exposure: Exposure::new(),
            pending: Pending { days: Vec::new() },
        }
    }

    /// Shows all that is remembered by name, to be read or overwritten.
    pub fn visit(&mut self, see: &mut dyn FnMut(&str, &mut Lanes)) {
        let Season { lags, synoptic, leaf, bloom, heat, closed, blank, tmin, tmax } = &mut self.season;
        for (k, lanes) in lags.iter_mut().enumerate() {
            see(&format!("degree_hours_{}", k + 1), lanes);
        }
        for (p, name) in NAMES.iter().enumerate() {
            see(&format!("leaf_{name}"), &mut leaf[p]);
            see(&format!("bloom_{name}"), &mut bloom[p]);
            see(&format!("heat_{name}"), &mut heat[p]);
        }
        let Exposure { years, early, late } = &mut self.exposure;
        let rest = [
            ("synoptic", synoptic),
            ("closed", closed),
            ("blank", blank),
            ("tmin_before", tmin),
            ("tmax_before", tmax),
            ("freeze_autumn", &mut self.frost.autumn),
            ("years", years),
            ("years_early", early),
            ("years_late", late),
        ];
        for (name, lanes) in rest {
            see(name, lanes);
        }
        for (w, word) in self.frost.spring.iter_mut().enumerate() {
            let mut lanes = word.map(f64::from);
            see(&format!("freeze_spring_{w}"), &mut lanes);
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "32 bits, as above")]
            let bits = lanes.map(|v| v as u32);
            *word = bits;
        }
        for (d, day) in self.pending.days.iter_mut().enumerate() {
            for (name, values) in ["tmin", "tmax", "dayl"].iter().zip(day) {
                let mut lanes = values.map(seedbed_block::Real::to_f64);
                see(&format!("pending_{name}_{d}"), &mut lanes);
                *values = lanes.map(T::of);
            }
        }
    }

    /// Ends the year under way and begins another.
    pub fn begin_year(&mut self, rules: Rules, whole: bool) {
        if whole {
            self.exposure.count(rules, &self.season, &self.frost);
        }
        self.season = Season::new();
        self.frost = Frost::new();
        self.pending.days.clear();
    }

    /// Writes what is known of the year behind a day, nothing of a year that lost one, to
    /// the places of each output that is wanted.
    pub fn write(&self, rules: Rules, step: Step, outputs: &mut [(usize, &mut [T])], places: Range<usize>) {
        for (lane, at) in places.enumerate() {
            let known = if step.void {
                [f64::NAN; OUTPUTS]
            } else {
                outcome(rules, &self.season, &self.frost, &self.exposure, step.is_whole(), lane)
            };
            for (index, values) in outputs.iter_mut() {
                values[at] = T::of(known[*index]);
            }
        }
    }

    /// Takes a day with temperatures in degF and its length in hours.
    #[inline(always)]
    fn day(&mut self, rules: Rules, tables: &Tables, day: &mut Day, length: &Lanes) {
        self.frost.note(day.number, &day.tmin);
        if day.number > rules.last_day {
            return;
        }
        self.season.put_in_order(rules, day);
        if !self.season.is_over() {
            let sums = degree_hours(&day.tmin, &day.tmax, length, &tables.logs, rules.guarded);
            self.season.advance(rules, day, &sums);
        }
    }

    /// Day lengths in hours, of latitude or of what is given in seconds.
    #[inline(always)]
    fn length(&self, tables: &Tables, day: i16, given: Option<&[T; LANE]>) -> Lanes {
        match (given, &self.latitudes) {
            (None, Some(latitudes)) => latitudes.hours(tables.suns[usize::from(day.unsigned_abs())]),
            (seconds, _) => {
                let mut hours = [f64::NAN; LANE];
                if let Some(seconds) = seconds {
                    for l in 0..LANE {
                        hours[l] = seconds[l].to_f64() / HOUR;
                    }
                }
                hours
            }
        }
    }

    /// Takes a day as it is given: degC, degC, and seconds where they are its length.
    #[inline(always)]
    pub fn take(&mut self, rules: Rules, tables: &Tables, number: i16, day: &[[T; LANE]; 3], given: bool) {
        if rules.fills() && number <= LAST_BLOCK {
            self.pending.days.push(*day);
            if self.pending.days.len() == usize::from(BLOCK) {
                self.take_block(rules, tables, number, given);
            }
        } else {
            self.take_filled(rules, tables, number, day, given, [None, None]);
        }
    }

    /// Takes the days that waited until their block was whole.
    #[inline(always)]
    fn take_block(&mut self, rules: Rules, tables: &Tables, number: i16, given: bool) {
        let mut blank = self.season.blank;
        let lowest = self.pending.means(input::TMIN, rules.gaps, &mut blank);
        let highest = self.pending.means(input::TMAX, rules.gaps, &mut blank);
        self.season.blank = blank;
        let mut days = std::mem::take(&mut self.pending.days);
        for (n, day) in (number + 1 - i16::from(BLOCK)..).zip(&days) {
            self.take_filled(rules, tables, n, day, given, [lowest.as_ref(), highest.as_ref()]);
        }
        days.clear();
        self.pending.days = days;
    }

    #[inline(always)]
    fn take_filled(
        &mut self,
        rules: Rules,
        tables: &Tables,
        number: i16,
        day: &[[T; LANE]; 3],
        given: bool,
        means: [Option<&Lanes>; 2],
    ) {
        let length = self.length(tables, number, given.then_some(&day[input::DAYL]));
        let tmin = filled(&day[input::TMIN], rules.gaps, means[0]);
        let tmax = filled(&day[input::TMAX], rules.gaps, means[1]);
        self.day(rules, tables, &mut Day { number, tmin, tmax }, &length);
    }
}

/// Days that wait for their block after so many of a year.
pub fn waiting(rules: Rules, day: i16) -> usize {
    let waits = rules.fills() && day < LAST_BLOCK;
    if waits { usize::from(day.unsigned_abs()) % usize::from(BLOCK) } else { 0 }
}
