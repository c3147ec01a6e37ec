//! How far apart two observations may be for the days between them to be filled.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// The longest gap between two valid layers that is bridged, in days; written `48d`.
///
/// # Examples
/// ```
/// use seedbed_block::Bridge;
/// assert_eq!("32d".parse::<Bridge>().unwrap().days(), 32);
/// assert_eq!(Bridge::default().to_string(), "48d");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Bridge(u16);

/// A text that is no number of days.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no gap to bridge: write a number of days, such as 48d, from 1d to 366d")]
pub struct BridgeError(String);

impl Bridge {
    /// From one day to the next: nothing is bridged.
    pub const NOTHING: Self = Self(1);

    /// A single day in between.
    pub const ONE_DAY: Self = Self(2);

    /// The number of days.
    #[must_use]
    pub fn days(self) -> i32 {
        i32::from(self.0)
    }
}

impl Default for Bridge {
    /// Two masked composites of 16 days between valid ones.
    fn default() -> Self {
        Self(48)
    }
}

impl fmt::Display for Bridge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}d", self.0)
    }
}

impl FromStr for Bridge {
    type Err = BridgeError;

    fn from_str(text: &str) -> Result<Self, BridgeError> {
        let days = text.strip_suffix('d').and_then(|days| days.parse().ok());
        let days = days.filter(|days| (1..=366).contains(days));
        days.map(Self).ok_or_else(|| BridgeError(text.to_owned()))
    }
}

impl From<Bridge> for String {
    fn from(bridge: Bridge) -> Self {
        bridge.to_string()
    }
}

impl TryFrom<String> for Bridge {
    type Error = BridgeError;

    fn try_from(text: String) -> Result<Self, BridgeError> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_days_are_read() {
        for text in ["1d", "48d", "366d"] {
            assert_eq!(text.parse::<Bridge>().unwrap().to_string(), text);
        }
        for text in ["", "d", "0d", "367d", "48", "-1d", "4.5d", "2w"] {
            assert!(text.parse::<Bridge>().unwrap_err().to_string().contains("48d"), "{text}");
        }
    }
}
