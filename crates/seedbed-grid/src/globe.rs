//! Outlines of a plane's rasters on the globe, cut off along its edge: what lies beyond has no place on Earth.

use crate::{Crs, GeoBox, ProjectionError, Projections, Transform};
use seedbed_block::Xy;

/// The way from a plane to the globe, and back.
pub(crate) struct Globe {
    there: Box<dyn Transform>,
    back: Option<Box<dyn Transform>>,
    /// How far a point of the globe may come back from where it was, in units of the plane.
    near: f64,
    /// The poles that lie in the plane with all of their surroundings, each with its latitude.
    poles: Vec<(Xy, f64)>,
}

/// The longest step in longitude, in degrees, after which the latitude between is still known: along a straight line
/// beside a pole it differs by less than half a percent of the distance to the pole.
const LONGEST: f64 = 10.0;
/// How often an edge is halved for that.
const HALVINGS: u32 = 40;
/// No outline needs more points than this.
const MOST_POINTS: usize = 4096;

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
        let mut globe = Self {
            there: projections.transform(&plane.crs, wgs84)?,
            // Longitudes have no edge, and may be written as 190 as well as -170.
            back: projections.transform(wgs84, &plane.crs).ok().filter(|_| !plane.crs.geographic),
            near: 1e-3 * (plane.affine.a.abs() + plane.affine.b.abs()),
            poles: Vec::new(),
        };
        globe.poles = [90.0, -90.0].into_iter().filter_map(|lat| Some((globe.pole(lat)?, lat))).collect();
        Ok(globe)
    }

    /// Where a pole lies in the plane, if all meridians meet there, as they do in azimuthal projections.
    fn pole(&self, lat: f64) -> Option<Xy> {
        let (mut x, mut y) = ([0.0], [lat]);
        self.back.as_ref()?.forward(&mut x, &mut y);
        let at = Xy { x: x[0], y: y[0] };
        let step = 1e3 * self.near;
        let around = [
            (1.0, 0.0),
            (1.0, 1.0),
            (0.0, 1.0),
            (-1.0, 1.0),
            (-1.0, 0.0),
            (-1.0, -1.0),
            (0.0, -1.0),
            (1.0, -1.0),
        ];
        let around = around.map(|(dx, dy)| self.image(Xy { x: at.x + step * dx, y: at.y + step * dy }));
        let lons: Vec<f64> = around.into_iter().map(|p| p.map(|p| p.x)).collect::<Option<_>>()?;
        let steps = lons.iter().zip(lons.iter().cycle().skip(1)).map(|(a, b)| turned(b - a));
        let on_earth = lons.iter().all(|lon| lon.abs() <= 180.0);
        (on_earth && steps.sum::<f64>().abs() > 180.0).then_some(at)
    }

    /// Longitude and latitude of a point, if it is the image of that. A pole's longitude is not a number.
    fn image(&self, at: Xy) -> Option<Xy> {
        let here = |p: &Xy| (p.x - at.x).abs() <= self.near && (p.y - at.y).abs() <= self.near;
        if let Some((_, lat)) = self.poles.iter().find(|(p, _)| here(p)) {
            return Some(Xy { x: f64::NAN, y: *lat });
        }
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

    /// An outline with the poles that lie on its edges, and with more points where it passes near one.
    fn refined(&self, outline: &[Xy]) -> Vec<Xy> {
        if self.poles.is_empty() {
            return outline.to_vec();
        }
        let mut out = Vec::with_capacity(outline.len());
        for (a, b) in outline.iter().zip(outline.iter().cycle().skip(1)) {
            let (along, across) = (Xy { x: b.x - a.x, y: b.y - a.y }, (b.x - a.x).hypot(b.y - a.y));
            let on = self.poles.iter().map(|(p, _)| *p).find(|p| {
                let (dx, dy) = (p.x - a.x, p.y - a.y);
                let (forth, aside) = (dx * along.x + dy * along.y, dx * along.y - dy * along.x);
                forth > 0.0 && forth < across * across && aside.abs() <= self.near * across
            });
            out.push(*a);
            if let Some(pole) = on {
                self.halved(*a, pole, HALVINGS, &mut out);
                out.push(pole);
                self.halved(pole, *b, HALVINGS, &mut out);
            } else {
                self.halved(*a, *b, HALVINGS, &mut out);
            }
        }
        out
    }

    /// The points between two after each of which the longitude has changed by a little only.
    fn halved(&self, a: Xy, b: Xy, halvings: u32, out: &mut Vec<Xy>) {
        let (Some(from), Some(to)) = (self.image(a), self.image(b)) else { return };
        // From a pole all goes along a meridian.
        let far = turned(to.x - from.x).abs() > LONGEST;
        if !far || halvings == 0 || out.len() > MOST_POINTS {
            return;
        }
        let middle = Xy { x: f64::midpoint(a.x, b.x), y: f64::midpoint(a.y, b.y) };
        self.halved(a, middle, halvings - 1, out);
        out.push(middle);
        self.halved(middle, b, halvings - 1, out);
    }

    /// A ring of the plane on the globe.
    pub(crate) fn ring(&self, outline: &[Xy]) -> Vec<Xy> {
        if self.back.is_none() {
            return self.ring_without_edge(outline);
        }
        let outline = &self.refined(outline)[..];
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

    /// A ring of longitudes and latitudes of another datum, which go on beyond 180° where they did.
    fn ring_without_edge(&self, outline: &[Xy]) -> Vec<Xy> {
        let image = |at: &Xy| {
            let image = self.image(*at)?;
            Some(Xy { x: at.x + turned(image.x - at.x), ..image })
        };
        outline.iter().filter_map(image).collect()
    }
}

/// A difference in longitude, the shorter way round.
fn turned(by: f64) -> f64 {
    by - 360.0 * (by / 360.0).round()
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
