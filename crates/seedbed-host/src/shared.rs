//! Memory that a program has in common with seedbed: a call's arrays lie in it side by side, so that none
//! goes through a pipe.
//!
//! A line of a call, `{…, "memory": {"descriptor": 5, "bytes": N, "given": {NAME: PLACE}, "wanted": {NAME: PLACE}}}`,
//! says where: a place is `{"offset": BYTES, "dtype": "<f4", "shape": [ROWS, PIXELS]}`. The program maps the
//! descriptor, which it inherits, reads what is given and writes what is wanted; an answer is its first line alone.

use crate::call::{Call, Given, Wanted};
use crate::npy::descr;
use rustix::fs::{MemfdFlags, memfd_create};
use rustix::io::{FdFlags, fcntl_setfd};
use seedbed_block::Precision;
use seedbed_model::{Values, ValuesMut};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;

/// Arrays begin on multiples of as many bytes: a cache line.
const ALIGNMENT: usize = 64;

/// Memory without a name, which ends with the last process that has it.
#[derive(Debug)]
pub(crate) struct Shared {
    file: File,
    bytes: u64,
}

/// Where an array lies, and what it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Place {
    offset: u64,
    dtype: &'static str,
    shape: Vec<usize>,
}

/// Where the arrays of a call lie.
#[derive(Debug, Serialize)]
pub(crate) struct Layout {
    descriptor: i32,
    bytes: u64,
    given: BTreeMap<&'static str, Place>,
    wanted: BTreeMap<&'static str, Place>,
}

impl Shared {
    /// Empty memory, which processes inherit that are started from now on.
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self { file: memfd_create("seedbed-arrays", MemfdFlags::empty())?.into(), bytes: 0 })
    }

    /// Keeps it from processes that are started later.
    pub(crate) fn close_to_others(&self) -> io::Result<()> {
        Ok(fcntl_setfd(&self.file, FdFlags::CLOEXEC)?)
    }

    /// Puts what a call gives into the memory, and says where all its arrays lie.
    pub(crate) fn lay(&mut self, call: &Call<'_>) -> io::Result<Layout> {
        let mut end = 0;
        let mut place = |rows: Option<usize>, precision: Precision| {
            let shape: Vec<usize> = rows.into_iter().chain([call.pixels]).collect();
            let offset = u64::try_from(end).unwrap_or(u64::MAX);
            end += (shape.iter().product::<usize>() * size_of_one(precision)).next_multiple_of(ALIGNMENT);
            Place { offset, dtype: descr(precision), shape }
        };
        let given = call.given.iter().map(|g| (g.name, place(g.rows, g.values.precision()))).collect();
        let wanted = call.wanted.iter().map(|w| (w.name, place(w.rows, w.values.precision()))).collect();
        self.grow(u64::try_from(end).unwrap_or(u64::MAX))?;
        let layout = Layout { descriptor: self.file.as_raw_fd(), bytes: self.bytes, given, wanted };
        for array in &call.given {
            self.write(array, &layout)?;
        }
        for array in &call.wanted {
            self.mark(array, &layout)?;
        }
        Ok(layout)
    }

    /// It never shrinks: a program may have mapped it.
    fn grow(&mut self, bytes: u64) -> io::Result<()> {
        if bytes > self.bytes {
            self.file.set_len(bytes)?;
            self.bytes = bytes;
        }
        Ok(())
    }

    fn write(&self, array: &Given<'_>, layout: &Layout) -> io::Result<()> {
        let Some(place) = layout.given.get(array.name) else { return Ok(()) };
        let bytes: &[u8] = match array.values {
            Values::F32(values) => bytemuck::cast_slice(values),
            Values::F64(values) => bytemuck::cast_slice(values),
        };
        self.file.write_all_at(bytes, place.offset)
    }

    /// Writes a mark over both ends of what is wanted.
    fn mark(&self, array: &Wanted<'_>, layout: &Layout) -> io::Result<()> {
        let Some(place) = layout.wanted.get(array.name) else { return Ok(()) };
        for (offset, mark) in place.ends() {
            self.file.write_all_at(mark, offset)?;
        }
        Ok(())
    }

    /// Takes what a program has written. False if the array's marks are there still: it has not.
    pub(crate) fn read(&self, array: &mut Wanted<'_>, layout: &Layout) -> io::Result<bool> {
        let Some(place) = layout.wanted.get(array.name) else { return Ok(false) };
        let bytes: &mut [u8] = match &mut array.values {
            ValuesMut::F32(values) => bytemuck::cast_slice_mut(values),
            ValuesMut::F64(values) => bytemuck::cast_slice_mut(values),
        };
        self.file.read_exact_at(bytes, place.offset)?;
        let marked = |(offset, mark): (u64, &[u8])| {
            let at = usize::try_from(offset - place.offset).unwrap_or(usize::MAX);
            bytes.get(at..).is_some_and(|rest| rest.starts_with(mark))
        };
        Ok(!place.ends().any(marked))
    }
}

fn size_of_one(precision: Precision) -> usize {
    match precision {
        Precision::Single => size_of::<f32>(),
        Precision::Double => size_of::<f64>(),
    }
}

impl Place {
    /// Offset and mark of the first and the last number: a NaN that no computation gives, little-endian.
    fn ends(&self) -> impl Iterator<Item = (u64, &'static [u8])> {
        let mark: &[u8] = match self.dtype {
            "<f4" => &[0x5d, 0xeb, 0xee, 0x7f],
            _ => &[0x5d, 0xeb, 0xee, 0x5d, 0xeb, 0xee, 0xf8, 0x7f],
        };
        let (count, size) = (self.shape.iter().product::<usize>(), mark.len());
        let at = |index: usize| (self.offset + u64::try_from(index * size).unwrap_or(u64::MAX), mark);
        (count > 0).then(|| [0, count - 1].map(at)).into_iter().flatten()
    }
}
