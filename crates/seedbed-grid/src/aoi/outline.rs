//! What a file says about an area, before it is one.

use crate::ring::Ring;

/// The polygons of a file, as it has them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Outlines {
    /// All polygons, in the file's order.
    pub polygons: Vec<Outline>,
    /// The types of other geometries, each once.
    pub others: Vec<String>,
}

/// A polygon: x before y, rings closed or not, in whatever order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Outline {
    /// Where it stands in the file, for messages: `feature 3`.
    pub feature: String,
    /// The ring around it.
    pub outer: Ring,
    /// The rings around its holes.
    pub holes: Vec<Ring>,
}

impl Outlines {
    /// Takes note of a geometry that is no polygon.
    pub fn other(&mut self, kind: &str) {
        if !self.others.iter().any(|o| o == kind) {
            self.others.push(kind.to_owned());
        }
    }
}

impl Outline {
    /// The rings with the names they have in messages.
    pub(super) fn named_rings(&self) -> impl Iterator<Item = (String, &Ring)> {
        let outer = std::iter::once((format!("{}, outer ring", self.feature), &self.outer));
        let holes = self.holes.iter().enumerate();
        outer.chain(holes.map(|(i, h)| (format!("{}, hole {}", self.feature, i + 1), h)))
    }
}
