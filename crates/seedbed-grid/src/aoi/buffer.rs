//! Areas made wider or narrower by a distance.

use super::overlay::{self, Rings};
use super::seam::{self, Ambiguous};
use crate::ring::{Ring, densify};
use geo::algorithm::buffer::{Buffer, BufferStyle, LineCap, LineJoin};
use geo::{LineString, MultiPolygon};
use std::fmt;
use std::str::FromStr;

/// How far an area is widened, or narrowed where it is negative.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Distance {
    /// Metres on the ground.
    Metres(f64),
    /// Degrees of longitude and latitude, whatever they are on the ground.
    Degrees(f64),
}

impl FromStr for Distance {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let t = text.trim();
        let number = |t: &str| t.trim().parse::<f64>().ok().filter(|v| v.is_finite());
        let found = if let Some(t) = t.strip_suffix("deg") {
            number(t).filter(|v| v.abs() <= 90.0).map(Self::Degrees)
        } else if let Some(t) = t.strip_suffix("km") {
            number(t).map(|v| Self::Metres(v * 1000.0))
        } else {
            number(t.strip_suffix('m').unwrap_or(t)).map(Self::Metres)
        };
        let possible = found.filter(|d| !matches!(d, Self::Metres(m) if m.abs() > MOST));
        possible.ok_or_else(|| format!("`{text}` is no distance: write 500m, 2km or 0.1deg, at most 1000 km"))
    }
}

impl fmt::Display for Distance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Metres(m) => write!(f, "{m}m"),
            Self::Degrees(d) => write!(f, "{d}deg"),
        }
    }
}

/// A buffer wider than this is a mistake, in metres.
const MOST: f64 = 1e6;

/// Pieces of an outline that are widened together span this many degrees at most, so
/// that a plane laid over their middle is true to about 0.2 %.
const PIECE: f64 = 1.0;

/// Edges of a band's outline are cut to this many degrees.
const LONGEST: f64 = 90.0;

/// Angle from one corner of a rounded end to the next: arcs are 0.06 % short at most.
const ARC: f64 = 0.07;

/// WGS 84: half the equator's diameter in metres, and the eccentricity squared.
const SEMI_MAJOR: f64 = 6_378_137.0;
const ECCENTRICITY_2: f64 = 0.006_694_379_990_14;

/// A plane around a place: azimuthal equidistant on the sphere, its axes stretched to
/// the ellipsoid's two radii of curvature there (Snyder 1987, USGS Professional Paper
/// 1395, pp. 24–25 and 195).
struct Plane {
    lon: f64,
    sin: f64,
    cos: f64,
    east: f64,
    north: f64,
}

impl Plane {
    fn around(lon: f64, lat: f64) -> Self {
        let (sin, cos) = lat.to_radians().sin_cos();
        let w = 1.0 - ECCENTRICITY_2 * sin * sin;
        let east = SEMI_MAJOR / w.sqrt();
        Self { lon, sin, cos, east, north: east * (1.0 - ECCENTRICITY_2) / w }
    }

    fn forward(&self, (lon, lat): (f64, f64)) -> (f64, f64) {
        let (s, c) = lat.to_radians().sin_cos();
        let (sl, cl) = (lon - self.lon).to_radians().sin_cos();
        let (x, y) = (c * sl, self.cos * s - self.sin * c * cl);
        let cos_d = self.sin * s + self.cos * c * cl;
        let sin_d = x.hypot(y);
        let k = if sin_d < 1e-12 { 1.0 } else { sin_d.atan2(cos_d) / sin_d };
        (self.east * k * x, self.north * k * y)
    }

    fn inverse(&self, (x, y): (f64, f64)) -> (f64, f64) {
        let (x, y) = (x / self.east, y / self.north);
        let d = x.hypot(y);
        if d < 1e-15 {
            return (self.lon, self.sin.asin().to_degrees());
        }
        let (sin_d, cos_d) = d.sin_cos();
        let lat = (cos_d * self.sin + y * sin_d * self.cos / d).clamp(-1.0, 1.0).asin();
        let lon = (x * sin_d).atan2(d * self.cos * cos_d - y * self.sin * sin_d);
        // The same side of the antimeridian as the middle: rings are unrolled afterwards.
        (self.lon + lon.to_degrees(), lat.to_degrees())
    }
}

fn style(distance: f64) -> BufferStyle<f64> {
    BufferStyle::new(distance).line_join(LineJoin::Round(ARC)).line_cap(LineCap::Round(ARC))
}

/// The polygons (in longitude and latitude, within ±180°) widened or narrowed.
///
/// # Errors
/// [`Ambiguous`] for a band with an edge that could go either way round the Earth.
pub fn buffered(polygons: &[Rings], distance: Distance) -> Result<Vec<Rings>, Ambiguous> {
    let polygons = overlay::union(polygons);
    let (by, bands) = match distance {
        Distance::Degrees(d) => {
            let lines = polygons.iter().flat_map(rings).flat_map(outline).collect::<Vec<_>>();
            let band = geo::MultiLineString(lines).buffer_with_style(style(d.abs()));
            (d, overlay::rings(&band))
        }
        Distance::Metres(m) => (m, polygons.iter().flat_map(rings).flat_map(|r| band(r, m.abs())).collect()),
    };
    if by == 0.0 {
        return Ok(polygons);
    }
    let parts = bands.into_iter().map(within_bounds).collect::<Result<Vec<_>, _>>()?;
    let bands: Vec<Rings> = parts.into_iter().flatten().collect();
    Ok(if by > 0.0 {
        overlay::union(&polygons.into_iter().chain(bands).collect::<Vec<_>>())
    } else {
        overlay::difference(&polygons, &overlay::union(&bands))
    })
}

fn rings((outer, holes): &Rings) -> impl Iterator<Item = &Ring> {
    std::iter::once(outer).chain(holes)
}

/// Whether an edge runs along the antimeridian or a pole: a cut of the map, no outline.
fn is_seam(a: (f64, f64), b: (f64, f64)) -> bool {
    (a.0.abs() == 180.0 && a.0 == b.0) || (a.1.abs() == 90.0 && a.1 == b.1)
}

/// The lines of a ring that bound its area on Earth: all of it, or what lies between seams.
fn outline(ring: &Ring) -> Vec<LineString<f64>> {
    let n = ring.len();
    let seam_before = |i: &usize| is_seam(ring[(i + n - 1) % n], ring[i % n]);
    // From behind a seam, so that no line is cut at the ring's arbitrary first point.
    let first = (0..n).find(seam_before).unwrap_or(0);
    let mut lines = vec![vec![ring[first]]];
    for i in first + 1..=first + n {
        let at = ring[i % n];
        match lines.last_mut() {
            Some(line) if !seam_before(&i) => line.push(at),
            _ => lines.push(vec![at]),
        }
    }
    lines.into_iter().filter(|line| line.len() > 1).map(LineString::from).collect()
}

/// The band of `metres` on both sides of a ring, piece by piece.
fn band(ring: &Ring, metres: f64) -> Vec<Rings> {
    let dense = densify(ring, PIECE / 4.0);
    let mut points = dense.iter().chain(dense.first()).copied().peekable();
    let mut bands = Vec::new();
    while let Some(start) = points.next() {
        let mut piece = vec![start];
        while let Some(next) = points.peek().copied() {
            let last = piece[piece.len() - 1];
            let wide = (next.0 - start.0).abs().max((next.1 - start.1).abs()) > PIECE;
            if is_seam(last, next) {
                break;
            }
            piece.push(next);
            if wide {
                break;
            }
            points.next();
        }
        if piece.len() > 1 {
            let (a, b) = (piece[0], piece[piece.len() - 1]);
            let plane = Plane::around(f64::midpoint(a.0, b.0), f64::midpoint(a.1, b.1));
            let line = LineString::from(piece.into_iter().map(|p| plane.forward(p)).collect::<Ring>());
            let wide: MultiPolygon<f64> = line.buffer_with_style(style(metres));
            let back = |r: Ring| r.into_iter().map(|p| plane.inverse(p)).collect::<Ring>();
            bands.extend(
                overlay::rings(&wide)
                    .into_iter()
                    .map(|(outer, holes)| (back(outer), holes.into_iter().map(back).collect())),
            );
        }
    }
    bands
}

/// A polygon cut at the antimeridian and the poles.
fn within_bounds((outer, holes): Rings) -> Result<Vec<Rings>, Ambiguous> {
    let unrolled = |ring: &Ring| {
        // Edges of a wide band may be long: in short ones none can be ambiguous.
        let clamped = ring.iter().map(|p| (p.0, p.1.clamp(-90.0, 90.0))).collect::<Ring>();
        seam::unrolled(&densify(&clamped, LONGEST))
    };
    let outer = unrolled(&outer)?;
    let holes: Result<Vec<Ring>, _> =
        holes.iter().map(|h| unrolled(h).map(|h| seam::aligned(h, &outer))).collect();
    Ok(seam::split(&outer, &holes?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ring::area;

    #[test]
    fn distances_have_a_unit() {
        assert_eq!("500".parse(), Ok(Distance::Metres(500.0)));
        assert_eq!("-2.5km".parse(), Ok(Distance::Metres(-2500.0)));
        assert_eq!("0.1deg".parse(), Ok(Distance::Degrees(0.1)));
        for text in ["", "m", "5 ft", "NaN", "infm", "2000km", "91deg"] {
            assert!(text.parse::<Distance>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_plane_is_its_own_way_back() {
        for lat in [-89.5, -45.0, 0.0, 30.0, 80.0] {
            let plane = Plane::around(10.0, lat);
            let (x, y) = plane.forward((10.4, lat - 0.3));
            let (lon, back) = plane.inverse((x, y));
            assert!((lon - 10.4).abs() < 1e-9 && (back - lat + 0.3).abs() < 1e-9, "{lat}");
        }
    }

    #[test]
    fn a_buffer_has_the_area_of_its_border() {
        let square: Ring = vec![(0.0, 0.0), (4.0, 0.0), (4.0, 4.0), (0.0, 4.0)];
        let total = |p: Vec<Rings>| -> f64 {
            p.iter().map(|(o, h)| area(o) - h.iter().map(|r| area(r)).sum::<f64>()).sum()
        };
        let wide = total(buffered(&[(square.clone(), vec![])], Distance::Degrees(0.5)).unwrap());
        let exact = 16.0 + 4.0 * 4.0 * 0.5 + std::f64::consts::PI * 0.25;
        assert!((wide / exact - 1.0).abs() < 1e-4, "{wide} {exact}");
        let narrow = total(buffered(&[(square.clone(), vec![])], Distance::Degrees(-0.5)).unwrap());
        assert!((narrow - 9.0).abs() < 1e-6, "{narrow}");
        let halves = [
            (vec![(0.0, 0.0), (2.0, 0.0), (2.0, 4.0), (0.0, 4.0)], vec![]),
            (vec![(2.0, 0.0), (4.0, 0.0), (4.0, 4.0), (2.0, 4.0)], vec![]),
        ];
        let narrow = total(buffered(&halves, Distance::Degrees(-0.5)).unwrap());
        assert!((narrow - 9.0).abs() < 1e-6, "a border between two parts is none: {narrow}");
    }

    #[test]
    fn the_antimeridian_and_the_poles_are_no_border() {
        let total = |p: Vec<Rings>| -> f64 {
            p.iter().map(|(o, h)| area(o) - h.iter().map(|r| area(r)).sum::<f64>()).sum()
        };
        // 176° to 184°, in two parts, from any first point.
        for by in 0..4 {
            let turned = |mut ring: Ring| -> Ring {
                ring.rotate_left(by);
                ring
            };
            let parts = [
                (turned(vec![(176.0, 0.0), (180.0, 0.0), (180.0, 4.0), (176.0, 4.0)]), vec![]),
                (turned(vec![(-180.0, 0.0), (-176.0, 0.0), (-176.0, 4.0), (-180.0, 4.0)]), vec![]),
            ];
            let narrow = total(buffered(&parts, Distance::Degrees(-0.5)).unwrap());
            assert!((narrow - 21.0).abs() < 1e-6, "{by}: {narrow}");
            let wide = total(buffered(&parts, Distance::Degrees(0.5)).unwrap());
            let exact = 32.0 + 24.0 * 0.5 + std::f64::consts::PI * 0.25;
            assert!((wide / exact - 1.0).abs() < 1e-4, "{by}: {wide} {exact}");
        }
        let cap = [(vec![(-180.0, 80.0), (180.0, 80.0), (180.0, 90.0), (-180.0, 90.0)], vec![])];
        let narrow = total(buffered(&cap, Distance::Degrees(-1.0)).unwrap());
        assert!((narrow - 360.0 * 9.0).abs() < 1e-6, "{narrow}");
    }
}
