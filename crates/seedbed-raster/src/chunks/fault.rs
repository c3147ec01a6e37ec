//! Why a variable's values can't be read chunk by chunk.

use hdf5_reader::error::Error;
use std::io;

/// What went wrong, before it is known in which file.
#[derive(Debug)]
pub enum Fault {
    /// It is stored in a way that isn't read here; a library may know it.
    Unknown(String),
    /// The file contradicts itself.
    Damaged(String),
    /// Its bytes can't be had.
    Io(io::Error),
}

impl Fault {
    /// Of an error in the metadata that lead to the values.
    pub fn of_index(error: Error) -> Self {
        match error {
            Error::Io(error) => Self::Io(error),
            Error::Context { source, .. } => Self::of_index(*source),
            other => Self::Damaged(format!("its chunks' index can't be read: {other}")),
        }
    }

    /// Of an error in the metadata that say how the values are stored.
    pub fn of_layout(error: Error) -> Self {
        match error {
            Error::Io(error) => Self::Io(error),
            Error::Context { source, .. } => Self::of_layout(*source),
            other => Self::Unknown(other.to_string()),
        }
    }
}
