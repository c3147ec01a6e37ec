//! Patterns for item ids.

use std::fmt;
use std::str::FromStr;

/// A pattern in which `*` stands for any text, also none, and `?` for one
/// character; everything else stands for itself, and the whole id must match.
///
/// ```
/// let spring: seedbed_catalog::Glob = "MOD13Q1.A2003*.h12v0?".parse().unwrap();
/// assert!(spring.matches("MOD13Q1.A2003097.h12v04"));
/// assert!(!spring.matches("MOD13Q1.A2003097.h12v14"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glob(String);

impl Glob {
    /// Whether the whole of `text` matches.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        let (pattern, text): (Vec<char>, Vec<char>) = (self.0.chars().collect(), text.chars().collect());
        let (mut p, mut t) = (0, 0);
        // Where to go on after the last `*`, should the rest not fit: that star
        // then takes one character more.
        let mut star: Option<(usize, usize)> = None;
        while t < text.len() {
            if pattern.get(p) == Some(&'*') {
                star = Some((p, t));
                p += 1;
            } else if pattern.get(p).is_some_and(|c| *c == '?' || *c == text[t]) {
                p += 1;
                t += 1;
            } else if let Some((at, taken)) = star {
                p = at + 1;
                t = taken + 1;
                star = Some((at, taken + 1));
            } else {
                return false;
            }
        }
        pattern[p..].iter().all(|c| *c == '*')
    }

    /// The id itself if the pattern has no wildcard.
    #[must_use]
    pub fn literal(&self) -> Option<&str> {
        (!self.0.contains(['*', '?'])).then_some(&self.0)
    }
}

impl FromStr for Glob {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.to_owned()))
    }
}

impl From<&str> for Glob {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_match_whole_ids() {
        for (pattern, text, is) in [
            ("*", "", true),
            ("a*b*c", "aXbYbZc", true),
            ("a*b*c", "aXbYbZ", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("abc", "abcd", false),
            ("*2003*", "daymet-2003-na", true),
            ("**", "x", true),
        ] {
            assert_eq!(Glob::from(pattern).matches(text), is, "{pattern} on {text}");
        }
    }
}
