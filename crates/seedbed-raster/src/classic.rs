//! The header of a classic netCDF file, read for one purpose: how long the
//! file must be. The netCDF library reads what is cut off as zeros.
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

/// The length a classic netCDF file must have for all its values to be there,
/// or what is wrong with its header; `None` for other files.
pub fn needed_bytes(path: &Path) -> std::io::Result<Option<u64>> {
    let mut input = BufReader::new(File::open(path)?);
    let mut magic = [0; 4];
    input.read_exact(&mut magic)?;
    let (count_bytes, offset_bytes) = match &magic {
        b"CDF\x01" => (4, 4),
        b"CDF\x02" => (4, 8),
        b"CDF\x05" => (8, 8),
        _ => return Ok(None),
    };
    Header { input, count_bytes, offset_bytes }.needed_bytes().map(Some)
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

    fn name(&mut self) -> std::io::Result<()> {
        let n = self.count()?;
        self.skip(padded(n))
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

    fn needed_bytes(mut self) -> std::io::Result<u64> {
        let records = self.count()?;
        let streaming = records == self.streaming();
        let mut dimensions = Vec::new();
        self.number(4)?;
        for _ in 0..self.count()? {
            self.name()?;
            dimensions.push(self.count()?);
        }
        self.attributes()?;
        let (mut end, mut record) = (0_u64, 0_u64);
        let mut in_records: Vec<(u64, u64)> = Vec::new();
        self.number(4)?;
        for _ in 0..self.count()? {
            self.name()?;
            let rank = self.count()?;
            let mut sizes = Vec::new();
            for _ in 0..rank {
                let id = usize::try_from(self.count()?).unwrap_or(usize::MAX);
                sizes.push(dimensions.get(id).copied().unwrap_or(0));
            }
            self.attributes()?;
            let size = type_bytes(self.number(4)?);
            // The stored size overflows for large variables: it is worked out again.
            self.number(self.count_bytes)?;
            let begin = self.number(self.offset_bytes)?;
            let is_record = sizes.first() == Some(&0);
            let values = sizes.iter().skip(usize::from(is_record)).fold(size, |a, b| a.saturating_mul(*b));
            if is_record {
                record = record.saturating_add(padded(values));
                in_records.push((begin, values));
            } else {
                end = end.max(begin.saturating_add(values));
            }
        }
        if let (Some(last), false) = (records.checked_sub(1), streaming) {
            if let [(_, values)] = in_records[..] {
                // A single record variable isn't padded.
                record = values;
            }
            for (begin, values) in in_records {
                end = end.max(begin.saturating_add(record.saturating_mul(last)).saturating_add(values));
            }
        }
        Ok(end)
    }
}

fn padded(bytes: u64) -> u64 {
    bytes.div_ceil(4).saturating_mul(4)
}

fn type_bytes(nc_type: u64) -> u64 {
    match nc_type {
        3 | 8 => 2,
        4 | 5 | 9 => 4,
        6 | 10 | 11 => 8,
        // NC_BYTE, NC_CHAR, NC_UBYTE
        _ => 1,
    }
}
