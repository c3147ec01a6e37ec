//! How HDF5 stores a dataset: shape, elements, filters, and where the values are.

use super::filters::Pipeline;
use crate::chunks::fault::Fault;
use crate::chunks::numbers::Number;
use hdf5_reader::error::ByteOrder;
use hdf5_reader::messages::HdfMessage;
use hdf5_reader::messages::fill_value::FillValueMessage;
use hdf5_reader::messages::layout::{ChunkIndexing, DataLayout};
use hdf5_reader::messages::shared::SharedMessage;
use hdf5_reader::{Dataset, Datatype, Hdf5File};

/// The largest chunk, inflated, in bytes: each thread holds one.
const LARGEST: u64 = 1 << 28;

/// A dataset's storage.
#[derive(Debug)]
pub struct Layout {
    /// Elements along each dimension, the slowest first.
    pub shape: Vec<u64>,
    /// What the shape may grow to, `u64::MAX` for without limit.
    pub max_shape: Option<Vec<u64>>,
    /// The elements.
    pub number: Number,
    /// What was done to a chunk's bytes before they were stored.
    pub filters: Pipeline,
    /// The bytes of an element that was never written.
    pub fill: Vec<u8>,
    /// Where the elements are.
    pub values: Values,
}

/// Where a dataset's elements are; addresses count from the HDF5 file's base.
#[derive(Debug)]
pub enum Values {
    /// Nowhere: none was ever written.
    Unwritten,
    /// In the header itself.
    Compact(Vec<u8>),
    /// In one piece from an address on.
    Contiguous(u64),
    /// In chunks.
    Chunked(Chunks),
}

/// How a dataset is cut into chunks.
#[derive(Debug)]
pub struct Chunks {
    /// A chunk's elements along each dimension; none is 0.
    pub shape: Vec<u64>,
    /// A chunk's elements.
    pub elements: usize,
    /// Where the index is.
    pub address: u64,
    /// Its kind; a B-tree of the first version where none is said.
    pub index: Option<ChunkIndexing>,
}

impl Layout {
    /// Of the dataset of that name in the root group.
    ///
    /// # Errors
    /// [`Fault::Unknown`] if there is none, or it is stored in a way that isn't
    /// read here: another filter, a virtual dataset, external files, elements
    /// that aren't plain numbers.
    pub fn of(file: &Hdf5File, name: &str) -> Result<Self, Fault> {
        let dataset = file.dataset(name).map_err(Fault::of_layout)?;
        let header = file.get_or_parse_header(dataset.address()).map_err(Fault::of_layout)?;
        let (mut layout, mut fill, mut pipeline) = (None, None, None);
        for message in &header.messages {
            match message {
                HdfMessage::DataLayout(m) => layout = Some(&m.layout),
                HdfMessage::FillValue(m) => fill = Some(m),
                HdfMessage::FilterPipeline(m) => pipeline = Some(m),
                HdfMessage::ExternalFiles(_) => return unknown("its values are in external files"),
                HdfMessage::Shared(shared) => match message_type(shared) {
                    // Fill values, layout and filters change what is read.
                    0x04 | 0x05 | 0x08 | 0x0b => return unknown("its header is in shared messages"),
                    _ => {}
                },
                _ => {}
            }
        }
        let Some(layout) = layout else { return unknown("its header has no layout") };
        let number = number(dataset.dtype())?;
        let filters = Pipeline::of(pipeline, number.size()).map_err(Fault::Unknown)?;
        let shape = dataset.shape().to_vec();
        let undefined = undefined_address(file);
        let values = match layout {
            DataLayout::Compact { data } => Values::Compact(data.clone()),
            DataLayout::Contiguous { address, .. } | DataLayout::Chunked { address, .. }
                if *address == undefined =>
            {
                Values::Unwritten
            }
            DataLayout::Contiguous { address, .. } => Values::Contiguous(*address),
            DataLayout::Chunked { address, chunk_indexing, .. } => {
                Values::Chunked(chunks(&dataset, number, *address, chunk_indexing.clone())?)
            }
        };
        Ok(Self {
            max_shape: dataset.max_dims().map(<[u64]>::to_vec),
            fill: fill_bytes(fill, number)?,
            shape,
            number,
            filters,
            values,
        })
    }
}

/// The bytes of a dataset's whole numbers, and whether they have a sign; none of other types, and
/// of those without a fill value, by which netCDF tells that nothing is filled in.
///
/// # Errors
/// [`Fault`] if there is no such dataset, or its header can't be read.
pub fn filled_integer(file: &Hdf5File, name: &str) -> Result<Option<(u8, bool)>, Fault> {
    let dataset = file.dataset(name).map_err(Fault::of_layout)?;
    let header = file.get_or_parse_header(dataset.address()).map_err(Fault::of_layout)?;
    let is_fill = |m: &HdfMessage| matches!(m, HdfMessage::FillValue(fill) if fill.value.is_some());
    Ok(match dataset.dtype() {
        Datatype::FixedPoint { size, signed, .. } if header.messages.iter().any(is_fill) => {
            Some((*size, *signed))
        }
        _ => None,
    })
}

fn unknown<T>(reason: &str) -> Result<T, Fault> {
    Err(Fault::Unknown(reason.to_owned()))
}

fn message_type(shared: &SharedMessage) -> u16 {
    match shared {
        SharedMessage::SharedInOhdr { message_type, .. }
        | SharedMessage::SharedInSohm { message_type, .. } => *message_type,
    }
}

/// The address that means nowhere: all its bits are set.
pub fn undefined_address(file: &Hdf5File) -> u64 {
    match file.superblock().offset_size {
        size @ 0..8 => (1 << (8 * u32::from(size))) - 1,
        _ => u64::MAX,
    }
}

fn chunks(
    dataset: &Dataset,
    number: Number,
    address: u64,
    index: Option<ChunkIndexing>,
) -> Result<Chunks, Fault> {
    // Without the element's size, which some layouts hold as a last dimension.
    let shape: Vec<u64> = dataset.chunks().unwrap_or_default().into_iter().map(u64::from).collect();
    if shape.len() != dataset.ndim() || shape.contains(&0) {
        return Err(Fault::Damaged(format!(
            "its chunks of {shape:?} elements don't fit its {} dimensions",
            dataset.ndim()
        )));
    }
    let bytes = shape.iter().try_fold(number.size() as u64, |product, n| product.checked_mul(*n));
    let elements = match bytes.filter(|bytes| *bytes <= LARGEST) {
        Some(bytes) => usize::try_from(bytes).ok().map(|bytes| bytes / number.size()),
        None => None,
    };
    let Some(elements) = elements else {
        return Err(Fault::Unknown(format!(
            "its chunks of {shape:?} elements are larger than {LARGEST} bytes"
        )));
    };
    Ok(Chunks { shape, elements, address, index })
}

fn number(datatype: &Datatype) -> Result<Number, Fault> {
    let big = |order: &ByteOrder| matches!(order, ByteOrder::BigEndian);
    let number = match datatype {
        Datatype::FixedPoint { size, signed, byte_order } => Number::integer(*size, *signed, big(byte_order)),
        Datatype::FloatingPoint { size, byte_order } => Number::float(*size, big(byte_order)),
        _ => None,
    };
    number.ok_or_else(|| Fault::Unknown("its elements aren't plain numbers".to_owned()))
}

/// What stands for an element that was never written: as in the HDF5 library the
/// fill value, else zero. Of a dataset whose fill value is never to be written
/// the library leaves such elements undefined; they get the same here.
fn fill_bytes(message: Option<&FillValueMessage>, number: Number) -> Result<Vec<u8>, Fault> {
    match message.and_then(|message| message.value.as_ref()) {
        None => Ok(vec![0; number.size()]),
        Some(value) if value.len() == number.size() => Ok(value.clone()),
        Some(value) => Err(Fault::Damaged(format!(
            "its fill value has {} bytes, its elements have {}",
            value.len(),
            number.size()
        ))),
    }
}
