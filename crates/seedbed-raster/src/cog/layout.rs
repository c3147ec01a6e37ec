//! The file around the tiles: header, directories, places.
//!
//! TIFF 6.0 and `BigTIFF`, little-endian, laid out as GDAL's COG driver does and promises in the
//! lines after the header ("ghost area" in the driver's documentation): all directories before
//! all data, the full image's first; data from the smallest overview to the full image, each by
//! rows of tiles; before each tile its size in four bytes, after it its last four bytes again.
//! A reader that trusts the lines gets a tile's place, size and soundness with one request.

use super::geokeys::GeoKeys;
use super::pyramid::Level;
use seedbed_grid::Affine;
use std::io::{self, Write};

/// The lines after the header. Their own length is told in the first one; the space at the end
/// is where GDAL writes a warning when it changes such a file.
const PROMISES: &str = "LAYOUT=IFDS_BEFORE_DATA\nBLOCK_ORDER=ROW_MAJOR\nBLOCK_LEADER=SIZE_AS_UINT4\n\
    BLOCK_TRAILER=LAST_4_BYTES_REPEATED\nKNOWN_INCOMPATIBLE_EDITION=NO\n ";

/// Bytes around a tile: its size, and its last four again.
const LEADER: u64 = 4;
const TRAILER: u64 = 4;

/// What the directories say.
#[derive(Debug)]
pub struct Facts<'a> {
    pub affine: Affine,
    pub keys: &'a GeoKeys,
    /// TIFF's `SampleFormat` and the bytes of a number.
    pub format: u16,
    pub bytes: usize,
    /// TIFF's `Compression`, and `Predictor` if there is one.
    pub compression: u16,
    pub predictor: Option<u16>,
    /// Rows and columns of a tile.
    pub tile: usize,
    pub metadata: Option<Vec<u8>>,
    pub nodata: Option<Vec<u8>>,
}

/// Writes the file. The full image comes first in `levels`.
pub fn write(out: &mut impl Write, facts: &Facts<'_>, levels: &[Level]) -> io::Result<()> {
    write_as(Form::for_levels(facts, levels)?, out, facts, levels)
}

fn write_as(form: Form, out: &mut impl Write, facts: &Facts<'_>, levels: &[Level]) -> io::Result<()> {
    out.write_all(&header(facts, levels, form)?)?;
    for tile in levels.iter().rev().flat_map(|l| &l.tiles) {
        out.write_all(&size_of_tile(tile)?.to_le_bytes())?;
        out.write_all(tile)?;
        out.write_all(&tile[tile.len().saturating_sub(4)..])?;
    }
    out.flush()
}

fn size_of_tile(tile: &[u8]) -> io::Result<u32> {
    match u32::try_from(tile.len()) {
        Ok(n) if n >= 4 => Ok(n),
        _ => Err(invalid(format!("a tile of {} bytes", tile.len()))),
    }
}

fn invalid(what: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// The two kinds of TIFF.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// Places of 32 bits.
    Classic,
    /// Places of 64 bits.
    Big,
}

impl Form {
    /// Classic, unless the file's last place needs more than 32 bits.
    fn for_levels(facts: &Facts<'_>, levels: &[Level]) -> io::Result<Self> {
        let data: u64 = levels.iter().flat_map(|l| &l.tiles).map(|t| room(t)).sum();
        let head = header_bytes(facts, levels, Self::Classic)?;
        Ok(if head + data > u64::from(u32::MAX) { Self::Big } else { Self::Classic })
    }

    /// Bytes of a place.
    fn word(self) -> usize {
        match self {
            Self::Classic => 4,
            Self::Big => 8,
        }
    }

    fn put(self, out: &mut Vec<u8>, place: u64) -> io::Result<()> {
        match self {
            Self::Classic => {
                let place = u32::try_from(place).map_err(|_| invalid(format!("a place of {place}")))?;
                out.extend(place.to_le_bytes());
            }
            Self::Big => out.extend(place.to_le_bytes()),
        }
        Ok(())
    }
}

/// What a tile takes in the file.
fn room(tile: &[u8]) -> u64 {
    LEADER + tile.len() as u64 + TRAILER
}

/// A directory's entry.
struct Entry {
    tag: u16,
    /// TIFF's number of the type, and the bytes of one.
    kind: (u16, usize),
    bytes: Vec<u8>,
}

const ASCII: (u16, usize) = (2, 1);
const SHORT: (u16, usize) = (3, 2);
const LONG: (u16, usize) = (4, 4);
const DOUBLE: (u16, usize) = (12, 8);
const LONG8: (u16, usize) = (16, 8);

const TILE_OFFSETS: u16 = 324;
const TILE_BYTE_COUNTS: u16 = 325;

impl Entry {
    fn short(tag: u16, values: &[u16]) -> Self {
        Self { tag, kind: SHORT, bytes: values.iter().flat_map(|v| v.to_le_bytes()).collect() }
    }

    fn long(tag: u16, value: usize) -> io::Result<Self> {
        let value = u32::try_from(value).map_err(|_| invalid(format!("tag {tag} of {value}")))?;
        Ok(Self { tag, kind: LONG, bytes: value.to_le_bytes().to_vec() })
    }

    fn double(tag: u16, values: &[f64]) -> Self {
        Self { tag, kind: DOUBLE, bytes: values.iter().flat_map(|v| v.to_le_bytes()).collect() }
    }

    fn ascii(tag: u16, bytes: &[u8]) -> Self {
        Self { tag, kind: ASCII, bytes: bytes.to_vec() }
    }

    /// Whether it comes after all directories: the tiles' places, which may be long, so that
    /// what tells a file apart is in its first kilobytes.
    fn is_late(&self) -> bool {
        matches!(self.tag, TILE_OFFSETS | TILE_BYTE_COUNTS)
    }
}

/// The directories of all levels, with these places for their tiles.
fn directories(
    facts: &Facts<'_>,
    levels: &[Level],
    form: Form,
    places: &[Vec<u64>],
) -> io::Result<Vec<Vec<Entry>>> {
    let mut all = Vec::with_capacity(levels.len());
    for (i, (level, places)) in levels.iter().zip(places).enumerate() {
        let mut entries = Vec::new();
        if i > 0 {
            // NewSubfileType: a smaller version of another image.
            entries.push(Entry::long(254, 1)?);
        }
        let bits = u16::try_from(8 * facts.bytes).unwrap_or(0);
        entries.extend([
            Entry::long(256, level.shape.cols)?,
            Entry::long(257, level.shape.rows)?,
            Entry::short(258, &[bits]),
            Entry::short(259, &[facts.compression]),
            // PhotometricInterpretation: the smallest number is black.
            Entry::short(262, &[1]),
            // SamplesPerPixel and PlanarConfiguration.
            Entry::short(277, &[1]),
            Entry::short(284, &[1]),
        ]);
        entries.extend(facts.predictor.map(|p| Entry::short(317, &[p])));
        entries.extend([Entry::long(322, facts.tile)?, Entry::long(323, facts.tile)?]);
        let kind = if form == Form::Big { LONG8 } else { LONG };
        let mut offsets = Vec::with_capacity(places.len() * form.word());
        for place in places {
            form.put(&mut offsets, *place)?;
        }
        let mut counts = Vec::with_capacity(4 * places.len());
        for tile in &level.tiles {
            counts.extend(size_of_tile(tile)?.to_le_bytes());
        }
        entries.extend([
            Entry { tag: TILE_OFFSETS, kind, bytes: offsets },
            Entry { tag: TILE_BYTE_COUNTS, kind: LONG, bytes: counts },
            Entry::short(339, &[facts.format]),
        ]);
        if i == 0 {
            entries.extend(place_on_earth(facts));
            entries.extend(facts.metadata.as_ref().map(|m| Entry::ascii(42_112, m)));
        }
        entries.extend(facts.nodata.as_ref().map(|n| Entry::ascii(42_113, n)));
        all.push(entries);
    }
    Ok(all)
}

/// `ModelPixelScale` and `ModelTiepoint` where north is up, else `ModelTransformation`, which
/// holds any affine; then the keys.
fn place_on_earth(facts: &Facts<'_>) -> Vec<Entry> {
    let Affine { a, b, c, d, e, f } = facts.affine;
    let mut entries = if facts.affine.is_north_up() {
        vec![Entry::double(33_550, &[a, -e, 0.0]), Entry::double(33_922, &[0.0, 0.0, 0.0, c, f, 0.0])]
    } else {
        let matrix = [a, b, 0.0, c, d, e, 0.0, f, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0];
        vec![Entry::double(34_264, &matrix)]
    };
    entries.push(Entry::short(34_735, &facts.keys.directory));
    if !facts.keys.doubles.is_empty() {
        entries.push(Entry::double(34_736, &facts.keys.doubles));
    }
    if !facts.keys.ascii.is_empty() {
        entries.push(Entry::ascii(34_737, &facts.keys.ascii));
    }
    entries
}

/// How long everything before the data is: it doesn't depend on the places.
fn header_bytes(facts: &Facts<'_>, levels: &[Level], form: Form) -> io::Result<u64> {
    let nowhere: Vec<Vec<u64>> = levels.iter().map(|l| vec![0; l.tiles.len()]).collect();
    Ok(assemble(&directories(facts, levels, form, &nowhere)?, form)?.len() as u64)
}

/// Everything before the data.
fn header(facts: &Facts<'_>, levels: &[Level], form: Form) -> io::Result<Vec<u8>> {
    let mut end = header_bytes(facts, levels, form)?;
    let mut places: Vec<Vec<u64>> = Vec::with_capacity(levels.len());
    for level in levels.iter().rev() {
        let of_level = level.tiles.iter().map(|tile| {
            let place = end + LEADER;
            end += room(tile);
            place
        });
        places.push(of_level.collect());
    }
    places.reverse();
    assemble(&directories(facts, levels, form, &places)?, form)
}

/// Header, promises, then directories each with its values, then the places of all tiles.
fn assemble(directories: &[Vec<Entry>], form: Form) -> io::Result<Vec<u8>> {
    let mut out = b"II".to_vec();
    match form {
        Form::Classic => out.extend(42_u16.to_le_bytes()),
        // Places of eight bytes, and a word that is always 0.
        Form::Big => out.extend([43_u16, 8, 0].into_iter().flat_map(u16::to_le_bytes)),
    }
    // Where the next directory's place is to be written.
    let mut link = out.len();
    form.put(&mut out, 0)?;
    out.extend(format!("GDAL_STRUCTURAL_METADATA_SIZE={:06} bytes\n{PROMISES}", PROMISES.len()).bytes());
    // Values that come later: where their place is to be written, and they.
    let mut late: Vec<(usize, &[u8])> = Vec::new();
    for entries in directories {
        align(&mut out);
        patch(&mut out, link, form)?;
        match form {
            Form::Classic => out.extend(u16::try_from(entries.len()).unwrap_or(0).to_le_bytes()),
            Form::Big => out.extend((entries.len() as u64).to_le_bytes()),
        }
        let mut soon: Vec<(usize, &[u8])> = Vec::new();
        for entry in entries {
            out.extend(entry.tag.to_le_bytes());
            out.extend(entry.kind.0.to_le_bytes());
            form.put(&mut out, (entry.bytes.len() / entry.kind.1) as u64)?;
            if entry.bytes.len() <= form.word() {
                out.extend(&entry.bytes);
                out.resize(out.len() + form.word() - entry.bytes.len(), 0);
            } else {
                let list = if entry.is_late() { &mut late } else { &mut soon };
                list.push((out.len(), &entry.bytes));
                form.put(&mut out, 0)?;
            }
        }
        link = out.len();
        form.put(&mut out, 0)?;
        append(&mut out, &soon, form)?;
    }
    append(&mut out, &late, form)?;
    Ok(out)
}

fn append(out: &mut Vec<u8>, values: &[(usize, &[u8])], form: Form) -> io::Result<()> {
    for (at, bytes) in values {
        align(out);
        patch(out, *at, form)?;
        out.extend(*bytes);
    }
    Ok(())
}

/// TIFF wants even places; eight suit every type.
fn align(out: &mut Vec<u8>) {
    out.resize(out.len().next_multiple_of(8), 0);
}

/// Writes the end of `out` as a place at `at`.
fn patch(out: &mut [u8], at: usize, form: Form) -> io::Result<()> {
    let mut place = Vec::with_capacity(8);
    form.put(&mut place, out.len() as u64)?;
    out[at..at + place.len()].copy_from_slice(&place);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cog::codec::Codec;
    use crate::cog::pyramid::{Threads, Tiling, encode};
    use crate::cog::quantise::Quantiser;
    use crate::cog::{CogOptions, Compress, Overview, metadata};
    use crate::{DType, Proj, Raster, RasterSource, runtime};
    use seedbed_block::{PixelRange, Shape2d};
    use seedbed_grid::Projections;
    use std::path::Path;
    use std::sync::Arc;

    fn facts(keys: &GeoKeys) -> Facts<'_> {
        Facts {
            affine: Affine { a: 2.0, b: 0.0, c: 5e5, d: 0.0, e: -2.0, f: 4e6 },
            keys,
            format: 2,
            bytes: 2,
            compression: 8,
            predictor: Some(2),
            tile: 16,
            metadata: None,
            nodata: Some(metadata::nodata(-1.0)),
        }
    }

    fn encoded(values: &[f32], shape: Shape2d) -> Vec<Level> {
        let options = CogOptions { dtype: DType::Int16, nodata: Some(-1.0), ..CogOptions::default() };
        let quantiser = Quantiser::new(Path::new("a.tif"), shape, &options);
        let codec = Codec::new(Compress::Deflate, None).unwrap();
        let tiling = Tiling { tile: 16, codec, overview: Overview::Average, threads: Threads::Caller };
        encode::<f32, i16>(values, shape, &quantiser, tiling).map_err(|_| "failed").unwrap()
    }

    #[test]
    fn gdal_reads_both_kinds_of_tiff() {
        runtime::prepare();
        let keys = GeoKeys::of(&Proj.resolve("EPSG:32618").unwrap()).unwrap();
        let shape = Shape2d { rows: 50, cols: 37 };
        let values: Vec<f32> = (0..1850_u16).map(f32::from).collect();
        let levels = encoded(&values, shape);
        let folder = tempfile::tempdir().unwrap();
        for (form, version) in [(Form::Classic, 42), (Form::Big, 43)] {
            let mut bytes = Vec::new();
            write_as(form, &mut bytes, &facts(&keys), &levels).unwrap();
            assert_eq!(bytes[2], version);
            let path = folder.path().join(format!("{version}.tif"));
            std::fs::write(&path, &bytes).unwrap();
            let raster = Raster::open(&RasterSource::new(&path)).unwrap();
            assert_eq!(raster.geobox().affine, facts(&keys).affine);
            assert_eq!(raster.read::<f32>(0, PixelRange::of_shape(shape)).unwrap(), values);
            let dataset = gdal::Dataset::open(&path).unwrap();
            assert_eq!(dataset.rasterband(1).unwrap().overview_count().unwrap(), 2);
            let layout = gdal::Metadata::metadata_item(&dataset, "LAYOUT", "IMAGE_STRUCTURE");
            assert_eq!(layout.as_deref(), Some("COG"));
        }
    }

    #[test]
    fn only_large_files_are_big() {
        let keys = GeoKeys { directory: vec![1, 1, 0, 0], doubles: Vec::new(), ascii: Vec::new() };
        let tile = Arc::new(vec![7_u8; 1 << 20]);
        let levels = |n: usize| {
            vec![Level { shape: Shape2d { rows: 16, cols: 16 * n }, tiles: vec![Arc::clone(&tile); n] }]
        };
        // 4095 such tiles, their frames and places leave room below 2³² bytes, 4096 don't.
        assert_eq!(Form::for_levels(&facts(&keys), &levels(4095)).unwrap(), Form::Classic);
        assert_eq!(Form::for_levels(&facts(&keys), &levels(4096)).unwrap(), Form::Big);
    }

    #[test]
    fn a_full_disk_is_told() {
        let keys = GeoKeys { directory: vec![1, 1, 0, 0], doubles: Vec::new(), ascii: Vec::new() };
        let levels = encoded(&[1.0; 400], Shape2d { rows: 20, cols: 20 });
        let mut whole = Vec::new();
        write(&mut whole, &facts(&keys), &levels).unwrap();
        for room in [0, 100, whole.len() - 1] {
            let mut disk = vec![0; room];
            assert!(write(&mut disk.as_mut_slice(), &facts(&keys), &levels).is_err(), "{room}");
        }
        write(&mut vec![0; whole.len()].as_mut_slice(), &facts(&keys), &levels).unwrap();
    }
}
