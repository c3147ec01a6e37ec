//! What a composite says of a pixel's observations.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// One number made of a pixel's observations.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Statistic {
    /// The middle one; the mean of the two middle ones where their number is even.
    Median,
    /// The arithmetic mean, summed in 64 bits in the order of the layers.
    Mean,
    /// The sum, in 64 bits in the order of the layers.
    Sum,
    /// The least one.
    Min,
    /// The greatest one.
    Max,
    /// How many there are; 0 where there is none, never missing.
    Count,
    /// The value below which this share of them lies, from 0 to 1, linear between
    /// neighbours: type 7 of Hyndman and Fan (1996), numpy's default.
    Quantile(f64),
}

/// A word that is no statistic.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no statistic; there are median, mean, sum, min, max, count and quantile=Q with Q from 0 to 1"
)]
pub struct StatisticError(String);

impl Statistic {
    /// A name that is fit for an asset's key: `median`, `q0.9`.
    #[must_use]
    pub fn key(self) -> String {
        match self {
            Self::Quantile(q) => format!("q{q}"),
            other => other.to_string(),
        }
    }
}

impl fmt::Display for Statistic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Median => "median",
            Self::Mean => "mean",
            Self::Sum => "sum",
            Self::Min => "min",
            Self::Max => "max",
            Self::Count => "count",
            Self::Quantile(q) => return write!(f, "quantile={q}"),
        })
    }
}

impl FromStr for Statistic {
    type Err = StatisticError;

    fn from_str(text: &str) -> Result<Self, StatisticError> {
        Ok(match text {
            "median" => Self::Median,
            "mean" => Self::Mean,
            "sum" => Self::Sum,
            "min" => Self::Min,
            "max" => Self::Max,
            "count" => Self::Count,
            _ => {
                let share = text.strip_prefix("quantile=").and_then(|q| q.parse().ok());
                let share = share.filter(|q| (0.0..=1.0).contains(q));
                Self::Quantile(share.ok_or_else(|| StatisticError(text.to_owned()))?)
            }
        })
    }
}

impl From<Statistic> for String {
    fn from(statistic: Statistic) -> Self {
        statistic.to_string()
    }
}

impl TryFrom<String> for Statistic {
    type Error = StatisticError;

    fn try_from(text: String) -> Result<Self, StatisticError> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_statistic_is_read_as_it_is_written() {
        for text in ["median", "mean", "sum", "min", "max", "count", "quantile=0.9"] {
            assert_eq!(text.parse::<Statistic>().unwrap().to_string(), text);
        }
        assert_eq!(Statistic::Quantile(0.25).key(), "q0.25");
        for text in ["", "medians", "quantile", "quantile=", "quantile=1.01", "quantile=nan"] {
            assert!(text.parse::<Statistic>().unwrap_err().to_string().contains("quantile=Q"), "{text}");
        }
    }
}
