//! What is told of a zone's pixels.

use serde::Serialize;
use std::fmt;
use std::str::FromStr;

/// A statistic of the pixels that have a value, each by its weight: the share of it that
/// lies in the zone times its area on Earth, unless said otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(into = "String")]
pub enum ZoneStatistic {
    /// The weighted mean.
    Mean,
    /// Values times shares of pixels, whatever the pixels' areas: a sum over pixels.
    Sum,
    /// Values times square metres: of millimetres of water it is litres.
    Integral,
    /// The least value of any pixel that the zone touches.
    Min,
    /// The greatest.
    Max,
    /// The sum of shares: how many pixels, the cut ones in part.
    Count,
    /// The weighted standard deviation of the population, √(Σw(v − mean)²/Σw).
    Stddev,
    /// The weighted quantile. Sorted by value, a pixel stands at the middle of its own
    /// weight; between the two next to q·Σw the value is linear. Of equal weights it is
    /// Hazen's, whose median is the usual one.
    Quantile(f64),
}

impl ZoneStatistic {
    /// Whether all values are needed at once.
    pub(crate) fn needs_values(self) -> bool {
        matches!(self, Self::Quantile(_))
    }

    /// The unit, given that of the values.
    #[must_use]
    pub fn unit(self, of: &str) -> String {
        match self {
            Self::Count => "pixels".to_owned(),
            Self::Integral => format!("{of} m2"),
            _ => of.to_owned(),
        }
    }
}

impl fmt::Display for ZoneStatistic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mean => f.write_str("mean"),
            Self::Sum => f.write_str("sum"),
            Self::Integral => f.write_str("integral"),
            Self::Min => f.write_str("min"),
            Self::Max => f.write_str("max"),
            Self::Count => f.write_str("count"),
            Self::Stddev => f.write_str("stddev"),
            Self::Quantile(q) if *q == 0.5 => f.write_str("median"),
            Self::Quantile(q) => write!(f, "quantile={q}"),
        }
    }
}

impl From<ZoneStatistic> for String {
    fn from(statistic: ZoneStatistic) -> Self {
        statistic.to_string()
    }
}

impl FromStr for ZoneStatistic {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(match text.trim() {
            "mean" => Self::Mean,
            "sum" => Self::Sum,
            "integral" => Self::Integral,
            "min" => Self::Min,
            "max" => Self::Max,
            "count" => Self::Count,
            "stddev" => Self::Stddev,
            "median" => Self::Quantile(0.5),
            other => match other.strip_prefix("quantile=").map(str::parse::<f64>) {
                Some(Ok(q)) if (0.0..=1.0).contains(&q) => Self::Quantile(q),
                Some(_) => {
                    return Err(format!("`{text}`: a quantile is a number from 0 to 1, as in quantile=0.9"));
                }
                None => {
                    return Err(format!(
                        "`{text}` is no statistic of zones; there are mean, sum, integral, min, max, count, \
                         stddev, median and quantile=Q"
                    ));
                }
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statistics_are_named_as_they_are_written() {
        for name in ["mean", "sum", "integral", "min", "max", "count", "stddev", "median", "quantile=0.9"] {
            assert_eq!(name.parse::<ZoneStatistic>().unwrap().to_string(), name);
        }
        assert_eq!("quantile=0.5".parse::<ZoneStatistic>().unwrap().to_string(), "median");
        for wrong in ["quantile=2", "quantile=x", "quantile=NaN", "average"] {
            assert!(wrong.parse::<ZoneStatistic>().is_err(), "{wrong}");
        }
        assert_eq!(ZoneStatistic::Integral.unit("mm"), "mm m2");
    }
}
