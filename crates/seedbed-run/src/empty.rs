//! Statics that have no value on some tiles.

use crate::{InputProblem, ProblemKind};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;

/// A static that has no value on some tiles, of which nothing can be made there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Empty {
    /// The key in the project file: `statics.whc`.
    pub input: String,
    /// The tiles.
    pub tiles: Vec<String>,
}

impl fmt::Display for Empty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// Tiles that a line has room for.
        const SHOWN: usize = 6;
        let Self { input, tiles } = self;
        let shown = tiles[..tiles.len().min(SHOWN)].join(", ");
        write!(f, "{input} has no value on {shown}")?;
        match tiles.len().saturating_sub(SHOWN) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

/// The statics without a value by tile, which are problems where they have none on all tiles.
pub(crate) fn gather(
    found: Vec<(String, String)>,
    all: usize,
    problems: &mut Vec<InputProblem>,
) -> Vec<Empty> {
    let mut tiles: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (input, tile) in found {
        tiles.entry(input).or_default().push(tile);
    }
    let mut partly = Vec::new();
    for (input, tiles) in tiles {
        if tiles.len() < all {
            partly.push(Empty { input, tiles });
            continue;
        }
        problems.extend(tiles.into_iter().map(|tile| InputProblem {
            tile,
            input: input.clone(),
            kind: ProblemKind::Absent,
            days: Vec::new(),
            what: "it has no value on any tile".to_owned(),
            retryable: false,
            usage: true,
        }));
    }
    partly
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_static_without_a_value_anywhere_is_a_problem() {
        let found =
            |tiles: &[&str]| tiles.iter().map(|t| ("statics.whc".to_owned(), (*t).to_owned())).collect();
        let mut problems = Vec::new();
        let partly = gather(found(&["a", "b"]), 3, &mut problems);
        assert_eq!((partly[0].to_string().as_str(), problems.len()), ("statics.whc has no value on a, b", 0));
        assert_eq!(gather(found(&["a", "b"]), 2, &mut problems), []);
        assert_eq!((problems.len(), problems[1].tile.as_str()), (2, "b"));
    }
}
