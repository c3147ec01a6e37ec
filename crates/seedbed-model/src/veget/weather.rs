//! Days of weather, lane by lane.

use super::day::Weather;
use super::site::LANE;
use crate::values::Number;

/// A call's inputs, day × pixel.
#[derive(Debug, Clone, Copy)]
pub struct Fields<'a, T> {
    pub ppt: &'a [T],
    pub tmin: &'a [T],
    pub tmax: &'a [T],
    /// The mean of the extremes where there is none.
    pub tavg: Option<&'a [T]>,
    pub ndvi: &'a [T],
    pub eto: &'a [T],
}

impl<T: Number> Fields<'_, T> {
    /// The day's values of a lane that begins at `from`; those of a strip's end are
    /// filled up in `room`, and a mean temperature that isn't given is put there.
    #[inline(always)]
    pub fn lane<'a>(&'a self, from: usize, width: usize, room: &'a mut [[T; LANE]; 6]) -> Weathers<'a, T> {
        let [ppt, tmin, tmax, tavg, ndvi, eto] = room;
        let (tmin, tmax) = (lane(self.tmin, from, width, tmin), lane(self.tmax, from, width, tmax));
        let tavg = if let Some(given) = self.tavg {
            lane(given, from, width, tavg)
        } else {
            for l in 0..LANE {
                tavg[l] = (tmin[l] + tmax[l]) / T::of(2.0);
            }
            tavg
        };
        let (ppt, ndvi) = (lane(self.ppt, from, width, ppt), lane(self.ndvi, from, width, ndvi));
        Weathers { ppt, tmin, tmax, tavg, ndvi, eto: lane(self.eto, from, width, eto) }
    }
}

/// So many values from `from` on as a lane, in `room` where they don't fill one.
#[inline(always)]
fn lane<'a, T: Number>(values: &'a [T], from: usize, width: usize, room: &'a mut [T; LANE]) -> &'a [T; LANE] {
    let values = &values[from..from + width];
    if let Some(whole) = values.first_chunk() {
        return whole;
    }
    room[..width].copy_from_slice(values);
    room
}

/// The way back: the first of a lane's values into all of `values`.
#[inline(always)]
pub fn put<T: Number>(lane: &[T; LANE], values: &mut [T]) {
    let width = values.len();
    match values.first_chunk_mut() {
        Some(whole) => *whole = *lane,
        None => values.copy_from_slice(&lane[..width]),
    }
}

/// A day's weather over a lane.
pub struct Weathers<'a, T> {
    ppt: &'a [T; LANE],
    tmin: &'a [T; LANE],
    tmax: &'a [T; LANE],
    tavg: &'a [T; LANE],
    ndvi: &'a [T; LANE],
    eto: &'a [T; LANE],
}

impl<T: Number> Weathers<'_, T> {
    /// One pixel's.
    #[inline(always)]
    pub fn at(&self, l: usize) -> Weather<T> {
        Weather {
            ppt: self.ppt[l],
            tmin: self.tmin[l],
            tmax: self.tmax[l],
            tavg: self.tavg[l],
            ndvi: self.ndvi[l],
            eto: self.eto[l],
        }
    }
}
