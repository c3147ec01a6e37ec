//! How a target pixel's value follows from source pixels.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A resampling kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Resampling {
    /// The source pixel that holds the target pixel's centre.
    #[default]
    Nearest,
    /// Linear in rows and columns between the four surrounding pixel centres,
    /// or over a wider triangle where the target's pixels are larger.
    Bilinear,
    /// Cubic convolution (a = -½) over sixteen neighbours, or over a wider kernel where the
    /// target's pixels are larger.
    Cubic,
    /// The mean over the target pixel's true area.
    Average,
    /// The mean over the box from the target pixel's upper left to its lower right
    /// corner: what gdalwarp calls `average`. Wrong on sheared grids.
    BoxAverage,
    /// The sum over the target pixel's true area, of each source pixel the share that
    /// lies in it: what is counted in pixels stays the same in all.
    Sum,
    /// The least value in the target pixel's true area.
    Min,
    /// The greatest value there.
    Max,
    /// The most frequent value there, by area; of equals the least.
    Mode,
    /// The median there, by area.
    Median,
}

impl Resampling {
    /// Goes up whenever a kernel or the coordinates it samples at would give other
    /// numbers; part of every task's key.
    pub const REVISION: u32 = 5;

    /// Every kernel.
    pub const ALL: [Self; 10] = [
        Self::Nearest,
        Self::Bilinear,
        Self::Cubic,
        Self::Average,
        Self::BoxAverage,
        Self::Sum,
        Self::Min,
        Self::Max,
        Self::Mode,
        Self::Median,
    ];

    /// Whether it is over target pixels' true areas.
    pub(crate) fn is_of_areas(self) -> bool {
        !matches!(self, Self::Nearest | Self::Bilinear | Self::Cubic | Self::BoxAverage)
    }

    /// The name in kebab case.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Nearest => "nearest",
            Self::Bilinear => "bilinear",
            Self::Cubic => "cubic",
            Self::Average => "average",
            Self::BoxAverage => "box-average",
            Self::Sum => "sum",
            Self::Min => "min",
            Self::Max => "max",
            Self::Mode => "mode",
            Self::Median => "median",
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
        Self::ALL.into_iter().find(|r| r.name() == text).ok_or_else(|| {
            let names: Vec<&str> = Self::ALL.iter().map(|r| r.name()).collect();
            format!("`{text}` is no resampling; there are {}", names.join(", "))
        })
    }
}
