//! What a store can do, as far as it was tried.

use crate::Function;
use std::fmt;

/// What a store can do where it was asked; tried out, since some servers ignore what they can't do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Abilities {
    /// What [`crate::Stores::put_once`] comes to.
    pub create_once: CreateOnce,
    /// What [`crate::Stores::replace`] comes to.
    pub replace: Replace,
    /// Whether a part of a file can be read.
    pub ranges: bool,
    /// The function whose digest the server checks or tells for a file that was written.
    pub digest: Option<Function>,
}

/// What creating an object once comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CreateOnce {
    /// Of several writers one is told that the object is its own.
    Guaranteed,
    /// The server ignores the condition, or may heed it only of writers one after another, as a WebDAV server may:
    /// of two at the same moment both are told so, and the last one's object stays.
    LastWins,
    /// Nothing can be written.
    Refused,
}

/// What replacing an object comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replace {
    /// A reader sees the old or the new one.
    Atomic,
    /// A reader may for a moment find nothing, or, from some WebDAV servers, as many bytes of the new one as the old
    /// one had.
    Gap,
    /// Perhaps atomic: a server that ignores conditions is not believed.
    Unproven,
    /// Nothing can be written.
    Refused,
}

impl fmt::Display for CreateOnce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Guaranteed => "guaranteed",
            Self::LastWins => "last wins",
            Self::Refused => "refused",
        })
    }
}

impl fmt::Display for Replace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Atomic => "atomic",
            Self::Gap => "with a gap",
            Self::Unproven => "unproven",
            Self::Refused => "refused",
        })
    }
}
