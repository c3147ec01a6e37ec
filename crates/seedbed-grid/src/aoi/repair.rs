//! Rings as people draw them, made into rings that hold.

use super::outline::Outline;
use super::overlay::{self, Holes, Rings, Shape};
use super::seam;
use crate::AoiError;
use crate::ring::Ring;

/// What is wrong with a ring, or was put right.
pub struct Bench<'a> {
    /// The file.
    pub file: &'a str,
    /// What was put right, one line each.
    pub notes: Vec<String>,
}

impl Bench<'_> {
    fn bad(&self, place: &str, reason: String) -> AoiError {
        AoiError::Ring { file: self.file.to_owned(), place: place.to_owned(), reason }
    }

    /// A ring that isn't closed by its last position, without positions that repeat the
    /// one before.
    pub fn clean(&mut self, place: &str, ring: &Ring) -> Result<Ring, AoiError> {
        if let Some(i) = ring.iter().position(|p| !p.0.is_finite() || !p.1.is_finite()) {
            return Err(self.bad(place, format!("position {} isn't a pair of numbers", i + 1)));
        }
        let mut points = ring.clone();
        points.dedup();
        if points.len() > 1 && points.first() == points.last() {
            points.pop();
        } else if let (Some(first), Some(last), true) = (points.first(), points.last(), points.len() > 2) {
            self.notes.push(format!(
                "{}: {place}: closed, for it ended at ({}, {}) instead of ({}, {})",
                self.file, last.0, last.1, first.0, first.1
            ));
        }
        if points.len() < 3 {
            let near = points.first().map_or_else(String::new, |p| format!(" at ({}, {})", p.0, p.1));
            return Err(self.bad(place, format!("fewer than three different positions{near}")));
        }
        Ok(points)
    }

    /// The polygons of an outline of clean rings in longitude and latitude, within ±180°.
    pub fn polygons(&mut self, outline: &Outline) -> Result<Vec<Rings>, AoiError> {
        let mut rings = Vec::new();
        for (place, ring) in outline.named_rings() {
            let ring = seam::unrolled(ring).map_err(|edge| self.bad(&place, edge.to_string()))?;
            rings.push((place, ring));
        }
        let mut rings = rings.into_iter();
        let Some((place, outer)) = rings.next() else { return Ok(Vec::new()) };
        let mut holes = Vec::new();
        for (place, hole) in rings {
            let hole = seam::aligned(hole, &outer);
            holes.extend(self.simple(&place, hole)?.into_iter().map(|part| part.0));
        }
        let mut outers = self.simple(&place, outer)?;
        if let [(only, own)] = &mut outers[..]
            && own.is_empty()
        {
            let whole = (std::mem::take(only), holes);
            outers = match overlay::holes(&whole) {
                Holes::Apart => vec![whole],
                Holes::Beyond(left) => {
                    self.note(
                        &outline.feature,
                        "holes that reach beyond their ring or into one another cut what they meet",
                    );
                    left
                }
                Holes::Outside(i) => {
                    let (x, y) = whole.1[i][0];
                    let reason = format!("it lies outside its outer ring, at ({x}, {y})");
                    return Err(self.bad(&format!("{}, hole {}", outline.feature, i + 1), reason));
                }
            };
        } else if !holes.is_empty() {
            let holes: Vec<Rings> = holes.into_iter().map(|h| (h, Vec::new())).collect();
            outers = overlay::difference(&outers, &holes);
        }
        Ok(outers.iter().flat_map(|(outer, holes)| seam::split(outer, holes)).collect())
    }

    /// A ring, or the parts of one that crosses itself where its inside is beyond doubt.
    fn simple(&mut self, place: &str, ring: Ring) -> Result<Vec<Rings>, AoiError> {
        let at = |ring: &Ring| {
            overlay::crossing(ring).map_or_else(String::new, |(x, y)| format!(" at ({x:.6}, {y:.6})"))
        };
        match overlay::shape(&ring) {
            Shape::Simple => Ok(vec![(ring, Vec::new())]),
            Shape::Flat => {
                self.note(place, "left out, for it has no area");
                Ok(Vec::new())
            }
            Shape::Parts(parts) => {
                self.note(
                    place,
                    &format!("crosses itself{}, and is taken as {} parts", at(&ring), parts.len()),
                );
                Ok(parts)
            }
            Shape::Twice => {
                let reason =
                    format!("it crosses itself{} and goes round some places twice; draw it anew", at(&ring));
                Err(self.bad(place, reason))
            }
        }
    }

    fn note(&mut self, place: &str, what: &str) {
        self.notes.push(format!("{}: {place}: {what}", self.file));
    }
}
