//! Outlines of a plane's rasters on the globe, cut off along its edge: what lies beyond has no place on Earth.

use crate::{Crs, GeoBox, ProjectionError, Projections, Transform};
use seedbed_block::Xy;

/// The way from a plane to the globe, and back.
pub(crate) struct Globe {
    there: Box<dyn Transform>,
    back: Option<Box<dyn Transform>>,
    /// How far a point of the globe may come back from where it was, in units of the plane.
    near: f64,
}

impl Globe {
    /// The way from a raster's plane.
    ///
    /// # Errors
    /// [`ProjectionError`] where there is none.
    pub(crate) fn of(
        plane: &GeoBox,
        wgs84: &Crs,
        projections: &dyn Projections,
    ) -> Result<Self, ProjectionError> {
        Ok(Self {
            there: projections.transform(&plane.crs, wgs84)?,
            // Longitudes have no edge, and may be written as 190 as well as -170.
            back: projections.transform(wgs84, &plane.crs).ok().filter(|_| !plane.crs.geographic),
            near: 1e-3 * (plane.affine.a.abs() + plane.affine.b.abs()),
        })
    }

    /// Longitude and latitude of a point, if it is the image of that.
    fn image(&self, at: Xy) -> Option<Xy> {
        let (mut x, mut y) = ([at.x], [at.y]);
        self.there.forward(&mut x, &mut y);
        let image = Xy { x: x[0], y: y[0] };
        if let Some(back) = &self.back {
            back.forward(&mut x, &mut y);
            let same = |a: f64, b: f64| (a - b).abs() <= self.near;
            return (same(x[0], at.x) && same(y[0], at.y)).then_some(image);
        }
        (image.x.is_finite() && image.y.is_finite()).then_some(image)
    }

    /// Where a line from a point with an image to one without leaves the globe.
    fn edge(&self, from: Xy, mut outside: Xy) -> Option<Xy> {
        let mut inside = from;
        for _ in 0..60 {
            let middle = Xy { x: f64::midpoint(inside.x, outside.x), y: f64::midpoint(inside.y, outside.y) };
            match self.image(middle) {
                Some(_) => inside = middle,
                None => outside = middle,
            }
        }
        let snapped = |v: f64, end: f64| if end - v.abs() < 1e-6 { end.copysign(v) } else { v };
        let at = self.image(inside)?;
        let at = Xy { x: snapped(at.x, 180.0), y: snapped(at.y, 90.0) };
        // All longitudes meet at a pole, and any may come back from there.
        let meridian = if at.y.abs() < 90.0 { at.x } else { self.image(from)?.x };
        Some(Xy { x: meridian, ..at })
    }

    /// A ring of the plane on the globe.
    pub(crate) fn ring(&self, outline: &[Xy]) -> Vec<Xy> {
        let images: Vec<Option<Xy>> = outline.iter().map(|at| self.image(*at)).collect();
        let mut ring: Vec<Xy> = Vec::with_capacity(outline.len());
        // Where the ring has left the globe; before its first point it may be out, too.
        let mut left = None;
        let last = images.iter().rposition(Option::is_some);
        if let (Some(last), Some(None)) = (last, images.last()) {
            left = self.edge(outline[last], outline[last + 1]);
        }
        for (n, image) in images.iter().enumerate() {
            let Some(image) = image else { continue };
            let before = (n + outline.len() - 1) % outline.len();
            if images[before].is_none()
                && let Some(entry) = self.edge(outline[n], outline[before])
            {
                if let Some(exit) = left.take() {
                    ring.extend(along(exit, entry));
                }
                ring.push(entry);
            }
            ring.push(*image);
            let after = (n + 1) % outline.len();
            if images[after].is_none() {
                left = self.edge(outline[n], outline[after]);
                ring.extend(left);
            }
        }
        ring.dedup_by(|a, b| (a.x - b.x).abs() < 1e-9 && (a.y - b.y).abs() < 1e-9);
        let pairs = ring.iter().zip(ring.iter().cycle().skip(1));
        let twice: f64 = pairs.map(|(a, b)| a.x * b.y - b.x * a.y).sum();
        // A corner that touches the globe's edge is no part of it.
        if outline.len() > ring.len() && twice.abs() < 1e-6 { Vec::new() } else { ring }
    }
}

/// The globe's edge between two of its points, which is a meridian and a pole, in steps short enough to be walked the
/// shorter way round.
fn along(exit: Xy, entry: Xy) -> Vec<Xy> {
    if (exit.x - entry.x).abs() <= 1e-6 || (exit.y - entry.y).abs() <= 1e-6 {
        return Vec::new();
    }
    let meridian = if exit.x.abs() > entry.x.abs() { exit.x } else { entry.x };
    let pole = if exit.y.abs() > entry.y.abs() { exit.y } else { entry.y };
    let corner = Xy { x: meridian, y: pole };
    let legs = [(exit, corner), (corner, entry)].into_iter();
    let points = legs.flat_map(|(from, to)| {
        (1..=4).map(move |n| {
            let t = f64::from(n) / 4.0;
            Xy { x: from.x + t * (to.x - from.x), y: from.y + t * (to.y - from.y) }
        })
    });
    points.filter(|at| *at != exit && *at != entry).collect()
}
