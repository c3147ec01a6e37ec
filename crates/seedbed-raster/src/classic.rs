//! The header of a classic netCDF file: how long the file must be, since the netCDF
//! library reads what is cut off as zeros, and where each variable's values are.
//!
//! Reference: The netCDF classic format specification, "NetCDF Classic and
//! 64-bit Offset File Formats" and its CDF-5 extension.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

/// Header strings and lists longer than this mean damage.
const SANE: u64 = 1 << 28;

struct Header<R> {
    input: R,
    /// 8 in CDF-5, else 4.
    count_bytes: usize,
    /// 4 in CDF-1, else 8.
    offset_bytes: usize,
}

/// Where the values of a file are.
#[derive(Debug)]
pub struct Contents {
    /// Records; none in a file that was being written.
    pub records: Option<u64>,
    /// Bytes from one record to the next.
    pub record: u64,
    pub variables: Vec<Place>,
}

/// Where a variable's values are.
#[derive(Debug)]
pub struct Place {
    pub name: String,
    /// Elements along each dimension, the slowest first; 0 along the records.
    pub sizes: Vec<u64>,
    /// The type's number in the format.
    pub nc_type: u64,
    /// Where they begin.
    pub begin: u64,
    /// Bytes of a record, or of all.
    pub bytes: u64,
}

impl Place {
    /// Whether its first dimension are the records.
    pub fn is_in_records(&self) -> bool {
        self.sizes.first() == Some(&0)
    }
}

/// The length a classic netCDF file must have for all its values to be there,
/// or what is wrong with its header; `None` for other files.
pub fn needed_bytes(path: &Path) -> std::io::Result<Option<u64>> {
    Ok(contents(File::open(path)?)?.map(|contents| contents.needed_bytes()))
}

/// Whether a file is of the form of 64-bit data, CDF-5.
pub fn is_cdf5(path: &Path) -> bool {
    let mut magic = [0; 4];
    File::open(path).and_then(|mut file| file.read_exact(&mut magic)).is_ok() && magic == *b"CDF\x05"
}

/// Where the values of a classic netCDF file are; `None` for other files.
///
/// # Errors
/// If it can't be read, or its header is damaged.
pub fn contents(file: impl Read) -> std::io::Result<Option<Contents>> {
    let mut input = BufReader::with_capacity(1 << 16, file);
    let mut magic = [0; 4];
    input.read_exact(&mut magic)?;
    let (count_bytes, offset_bytes) = match &magic {
        b"CDF\x01" => (4, 4),
        b"CDF\x02" => (4, 8),
        b"CDF\x05" => (8, 8),
        _ => return Ok(None),
    };
    Header { input, count_bytes, offset_bytes }.contents().map(Some)
}

impl<R: Read> Header<R> {
    fn number(&mut self, bytes: usize) -> std::io::Result<u64> {
        let mut buffer = [0; 8];
        self.input.read_exact(&mut buffer[8 - bytes..])?;
        Ok(u64::from_be_bytes(buffer))
    }

    fn count(&mut self) -> std::io::Result<u64> {
        let n = self.number(self.count_bytes)?;
        if n > SANE && n != self.streaming() {
            return Err(std::io::Error::new(std::io::ErrorKind::InvalidData, "its netCDF header is damaged"));
        }
        Ok(n)
    }

    /// The record count of a file that was being written.
    fn streaming(&self) -> u64 {
        if self.count_bytes == 8 { u64::MAX } else { u64::from(u32::MAX) }
    }

    fn skip(&mut self, bytes: u64) -> std::io::Result<()> {
        let copied = std::io::copy(&mut self.input.by_ref().take(bytes), &mut std::io::sink())?;
        if copied == bytes { Ok(()) } else { Err(std::io::ErrorKind::UnexpectedEof.into()) }
    }

    fn name(&mut self) -> std::io::Result<String> {
        let (n, mut name) = (self.count()?, Vec::new());
        self.input.by_ref().take(n).read_to_end(&mut name)?;
        self.skip(padded(n) - n)?;
        Ok(String::from_utf8_lossy(&name).into_owned())
    }

    fn attributes(&mut self) -> std::io::Result<()> {
        self.number(4)?;
        for _ in 0..self.count()? {
            self.name()?;
            let size = type_bytes(self.number(4)?);
            let n = self.count()?;
            self.skip(padded(n.saturating_mul(size)))?;
        }
        Ok(())
    }

    fn contents(mut self) -> std::io::Result<Contents> {
        let records = self.count()?;
        let records = (records != self.streaming()).then_some(records);
        let mut dimensions = Vec::new();
        self.number(4)?;
        for _ in 0..self.count()? {
            self.name()?;
            dimensions.push(self.count()?);
        }
        self.attributes()?;
        let mut variables = Vec::new();
        self.number(4)?;
        for _ in 0..self.count()? {
            let name = self.name()?;
            let rank = self.count()?;
            let mut sizes = Vec::new();
            for _ in 0..rank {
                let id = usize::try_from(self.count()?).unwrap_or(usize::MAX);
                sizes.push(dimensions.get(id).copied().unwrap_or(0));
            }
            self.attributes()?;
            let nc_type = self.number(4)?;
            // The stored size overflows for large variables: it is worked out again.
            self.number(self.count_bytes)?;
            let begin = self.number(self.offset_bytes)?;
            let mut place = Place { name, sizes, nc_type, begin, bytes: 0 };
            let sizes = place.sizes.iter().skip(usize::from(place.is_in_records()));
            place.bytes = sizes.fold(type_bytes(nc_type), |a, b| a.saturating_mul(*b));
            variables.push(place);
        }
        let mut in_records = variables.iter().filter(|v| v.is_in_records());
        let record = match (in_records.next(), in_records.next()) {
            // A single record variable isn't padded.
            (Some(only), None) => only.bytes,
            (first, second) => {
                let all = first.into_iter().chain(second).chain(in_records);
                all.fold(0_u64, |sum, v| sum.saturating_add(padded(v.bytes)))
            }
        };
        Ok(Contents { records, record, variables })
    }
}

impl Contents {
    fn needed_bytes(&self) -> u64 {
        let end = |v: &Place| match (v.is_in_records(), self.records) {
            (false, _) => v.begin.saturating_add(v.bytes),
            (true, None | Some(0)) => 0,
            (true, Some(records)) => {
                v.begin.saturating_add(self.record.saturating_mul(records - 1)).saturating_add(v.bytes)
            }
        };
        self.variables.iter().map(end).max().unwrap_or(0)
    }
}

fn padded(bytes: u64) -> u64 {
    bytes.div_ceil(4).saturating_mul(4)
}

/// Bytes of an element.
pub fn type_bytes(nc_type: u64) -> u64 {
    match nc_type {
        3 | 8 => 2,
        4 | 5 | 9 => 4,
        6 | 10 | 11 => 8,
        // NC_BYTE, NC_CHAR, NC_UBYTE
        _ => 1,
    }
}
