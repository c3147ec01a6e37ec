//! How a target pixel's value follows from source pixels.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A resampling kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Resampling {
    /// The source pixel that holds the target pixel's centre.
    #[default]
    Nearest,
    /// Linear in rows and columns between the four surrounding pixel centres,
    /// or over a wider triangle where the target's pixels are larger.
    Bilinear,
    /// The mean over the target pixel's true area.
    Average,
}

impl Resampling {
    /// Goes up whenever a kernel or the coordinates it samples at would give other
    /// numbers; part of every task's key.
    pub const REVISION: u32 = 1;

    /// Every kernel.
    pub const ALL: [Self; 3] = [Self::Nearest, Self::Bilinear, Self::Average];

    /// The name in kebab case.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Nearest => "nearest",
            Self::Bilinear => "bilinear",
            Self::Average => "average",
        }
    }
}

impl fmt::Display for Resampling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Resampling {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|r| r.name() == text)
            .ok_or_else(|| format!("`{text}` is no resampling; there are nearest, bilinear and average"))
    }
}
