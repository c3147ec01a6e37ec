//! Zips of one variable's days: rasters on one grid whose names differ by their dates.

use crate::bands::{self, BandReader, Bands};
use crate::container::{self, Member};
use crate::error::RasterError;
use gdal::Dataset;
use seedbed_block::{Date, PixelRange, Real};
use std::ops::Range;
use std::path::{Path, PathBuf};

/// Digits of a date in a name: YYYYMMDD.
const DIGITS: usize = 8;

/// The days of a zip, as one raster.
pub struct DatedZip {
    /// The zip as GDAL names it.
    full: PathBuf,
    /// Its members by their days.
    members: Vec<(Date, Member)>,
    /// What the first one's bands are; the others' have to be the same.
    pub bands: Bands,
}

/// The members of a zip by their days, in order, if their names differ by their dates alone.
pub fn days(members: &[Member]) -> Option<Vec<(Date, Member)>> {
    let mut found: Vec<(Date, Member)> = Vec::new();
    let mut common: Option<(&str, &str)> = None;
    for member in members {
        let (around, date) = split(&member.name)?;
        if *common.get_or_insert(around) != around {
            return None;
        }
        found.push((date, member.clone()));
    }
    found.sort_by_key(|(date, _)| *date);
    (found.len() > 1 && found.windows(2).all(|pair| pair[0].0 < pair[1].0)).then_some(found)
}

/// What stands before and behind the last date in a name, and that date.
fn split(name: &str) -> Option<((&str, &str), Date)> {
    let digit = |at: usize| name.as_bytes().get(at).is_some_and(u8::is_ascii_digit);
    let alone =
        |at: usize| (at == 0 || !digit(at - 1)) && !digit(at + DIGITS) && (at..at + DIGITS).all(digit);
    (0..=name.len().checked_sub(DIGITS)?).rev().filter(|at| alone(*at)).find_map(|at| {
        let date = name.get(at..at + DIGITS)?;
        let number = |range: Range<usize>| date.get(range)?.parse::<i16>().ok();
        let small = |range| number(range).and_then(|n| i8::try_from(n).ok());
        let day = Date::new(number(0..4)?, small(4..6)?, small(6..8)?).ok()?;
        Some(((&name[..at], &name[at + DIGITS..]), day))
    })
}

impl DatedZip {
    /// Opens the first of the members.
    ///
    /// # Errors
    /// As [`bands::describe`]; [`RasterError::Damaged`] for a member that isn't what the zip's checksums say.
    pub fn open(path: &Path, full: PathBuf, members: Vec<(Date, Member)>) -> Result<Self, RasterError> {
        let (_, first) = members.first().ok_or_else(|| RasterError::Damaged {
            path: path.to_owned(),
            reason: "the zip holds no days".to_owned(),
        })?;
        let bands = bands::describe(&dataset(path, &full, first)?, path, None)?;
        if bands.numbers.len() != 1 {
            let available = members.iter().map(|(_, member)| member.stem().to_owned()).collect();
            return Err(RasterError::Variable { path: path.to_owned(), wanted: None, available });
        }
        Ok(Self { full, members, bands })
    }

    /// The days, in order.
    pub fn dates(&self) -> impl Iterator<Item = Date> {
        self.members.iter().map(|(date, _)| *date)
    }

    /// The members' names without endings.
    pub fn names(&self) -> Vec<String> {
        self.members.iter().map(|(_, member)| member.stem().to_owned()).collect()
    }

    /// A window of some days, into as many places: layer, row, column.
    ///
    /// # Errors
    /// [`RasterError::Damaged`] for a member that is damaged or lies elsewhere than the first, [`RasterError::Io`].
    pub fn read_into<T: Real>(
        &self,
        path: &Path,
        layers: Range<usize>,
        window: PixelRange,
        out: &mut [T],
    ) -> Result<(), RasterError> {
        let members = self.members[layers].iter();
        for ((_, member), out) in members.zip(out.chunks_exact_mut(window.shape().len())) {
            let dataset = dataset(path, &self.full, member)?;
            let mut bands = bands::describe(&dataset, path, None)?;
            if !bands.lie_with(&self.bands) {
                let reason = format!(
                    "its member {} is on another grid or of another type than the first",
                    member.name
                );
                return Err(RasterError::Damaged { path: path.to_owned(), reason });
            }
            // With what was said since of scale and missing values.
            bands.decoding = self.bands.decoding.clone();
            BandReader::new(bands, dataset, false).read_into(path, 0..1, window, out)?;
        }
        Ok(())
    }
}

/// Opens a member, held to the zip's checksums.
pub fn dataset(path: &Path, full: &Path, member: &Member) -> Result<Dataset, RasterError> {
    container::verify(path, member)?;
    let inside = format!("/vsizip/{{{}}}/{}", full.display(), member.name);
    bands::open_file(path, &inside, member.size, member.may_be_raw())
}

#[cfg(test)]
mod tests {
    use super::*;
    use seedbed_block::date;

    fn members(names: &[&str]) -> Vec<Member> {
        names.iter().map(|name| Member { name: (*name).to_owned(), size: 1 }).collect()
    }

    #[test]
    fn names_that_differ_by_their_dates_alone_are_days() {
        let of =
            |names: &[&str]| days(&members(names)).map(|d| d.into_iter().map(|(d, _)| d).collect::<Vec<_>>());
        let ppt = |day: &str| format!("in/PRISM_ppt_stable_4kmD2_{day}_bil.bil");
        let (first, last) = (ppt("20170101"), ppt("20170131"));
        assert_eq!(of(&[&last, &first]).unwrap(), [date(2017, 1, 1), date(2017, 1, 31)]);
        for names in [
            [first.as_str(), "in/PRISM_tmax_stable_4kmD2_20170102_bil.bil"],
            ["a_20170101.tif", "a_20171301.tif"],
            ["a_201701011.tif", "a_201701021.tif"],
            ["a.tif", "b.tif"],
            ["20170101.tif", "20170101.tif"],
        ] {
            assert_eq!(of(&names), None, "{names:?}");
        }
        assert_eq!(of(&[&first]), None);
    }
}
