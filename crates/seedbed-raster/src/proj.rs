//! Coordinate reference systems and transformations by PROJ.

use crate::{ffi, runtime};
use gdal::spatial_ref::{AxisMappingStrategy, SpatialRef};
use seedbed_grid::{Crs, ProjectionError, Projections, Transform};
use serde_json::Value;
use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError};

/// PROJ, through GDAL. Stateless: as many as wanted, on any thread.
///
/// The canonical form of a system is
///
/// 1. the entry of PROJ's database that it is equivalent to (EPSG first, the
///    axis order of latitude and longitude aside), whatever it calls itself;
///    `OGC:CRS84` is `EPSG:4326`, for coordinates here are always x, y;
/// 2. for a system on an unnamed datum, as Daymet's and MODIS' are, what its
///    PROJ string says: names and identifiers are dropped, parameters stay;
/// 3. otherwise its own WKT2.
///
/// Areas of use and remarks are left out: they say nothing about coordinates
/// and change with PROJ's releases.
#[derive(Debug, Clone, Copy, Default)]
pub struct Proj;

/// What has been resolved, by definition.
static RESOLVED: LazyLock<Mutex<HashMap<String, Crs>>> = LazyLock::new(Mutex::default);
/// Forget everything beyond this many definitions: a guard against endless input.
const REMEMBERED: usize = 4096;

impl Projections for Proj {
    fn resolve(&self, definition: &str) -> Result<Crs, ProjectionError> {
        let definition = definition.trim();
        let known = RESOLVED.lock().unwrap_or_else(PoisonError::into_inner).get(definition).cloned();
        if let Some(crs) = known {
            return Ok(crs);
        }
        let crs = match apart(definition)? {
            Found::Crs(crs) => *crs,
            Found::Entry(code) => self.resolve(&code)?,
        };
        let mut resolved = RESOLVED.lock().unwrap_or_else(PoisonError::into_inner);
        if resolved.len() >= REMEMBERED {
            resolved.clear();
        }
        resolved.insert(definition.to_owned(), crs.clone());
        Ok(crs)
    }

    fn transform(&self, from: &Crs, to: &Crs) -> Result<Box<dyn Transform>, ProjectionError> {
        if from == to {
            return Ok(Box::new(Identity));
        }
        let inner = ffi::PointTransform::new(&spatial_ref(from)?, &spatial_ref(to)?).map_err(|e| {
            ProjectionError::NoPath {
                from: from.to_string(),
                to: to.to_string(),
                reason: runtime::reason(&e),
            }
        })?;
        Ok(Box::new(Pointwise(Mutex::new(inner))))
    }

    fn prj(&self, crs: &Crs) -> Result<String, ProjectionError> {
        let srs = spatial_ref(crs)?;
        srs.morph_to_esri().and_then(|()| srs.to_wkt()).map_err(|e| ProjectionError::Unknown {
            definition: shortened(&crs.to_string()),
            reason: runtime::reason(&e),
        })
    }
}

struct Identity;

impl Transform for Identity {
    fn forward(&self, _xs: &mut [f64], _ys: &mut [f64]) {}
}

struct Pointwise(Mutex<ffi::PointTransform>);

impl Transform for Pointwise {
    fn forward(&self, xs: &mut [f64], ys: &mut [f64]) {
        runtime::prepare();
        let inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (x, y) in xs.iter_mut().zip(ys) {
            let finite = x.is_finite() && y.is_finite();
            (*x, *y) = finite.then(|| inner.point(*x, *y)).flatten().unwrap_or((f64::NAN, f64::NAN));
        }
    }
}

/// Reads a definition, without opening files or URLs.
fn import(definition: &str) -> Result<SpatialRef, ProjectionError> {
    runtime::prepare();
    let unknown = |reason: String| ProjectionError::Unknown { definition: shortened(definition), reason };
    let is_text = definition.starts_with('+')
        || definition.starts_with('{')
        || definition.contains('[')
        || definition.split_once(':').is_some_and(|(authority, code)| {
            !code.is_empty()
                && !code.starts_with('/')
                && authority.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
        });
    if !is_text {
        return Err(unknown("write EPSG:CODE, a PROJ string, WKT or PROJJSON".to_owned()));
    }
    ffi::clear_message();
    let mut srs = SpatialRef::from_definition(definition).map_err(|_| {
        let message = ffi::last_message();
        unknown(if message.is_empty() { "PROJ gives no reason".to_owned() } else { message })
    })?;
    srs.set_axis_mapping_strategy(AxisMappingStrategy::TraditionalGisOrder);
    Ok(srs)
}

fn shortened(definition: &str) -> String {
    if definition.chars().count() <= 120 {
        return definition.to_owned();
    }
    definition.chars().take(117).chain("...".chars()).collect()
}

/// What a definition turns out to be.
enum Found {
    /// A system in its canonical form.
    Crs(Box<Crs>),
    /// A database entry under another name, to be resolved by its code.
    Entry(String),
}

/// Resolves on a thread of its own. PROJ's contexts are a thread's, and what
/// one answers depends on what it was asked before: EPSG:4326 comes back with
/// another datum once the thread has read it as PROJJSON or from a GeoTIFF. A
/// fresh one always answers the same.
fn apart(definition: &str) -> Result<Found, ProjectionError> {
    std::thread::scope(|scope| {
        let resolved = scope.spawn(|| find(definition)).join();
        resolved.unwrap_or_else(|_| {
            Err(ProjectionError::Unknown {
                definition: shortened(definition),
                reason: "the resolver failed".to_owned(),
            })
        })
    })
}

/// The canonical system of a GDAL object; `definition` names it in errors.
pub fn canonical(srs: &SpatialRef, definition: &str) -> Result<Crs, ProjectionError> {
    let wkt = ffi::wkt2(srs).ok_or_else(|| ProjectionError::Unknown {
        definition: shortened(definition),
        reason: "it has no WKT2 form".to_owned(),
    })?;
    Proj.resolve(&wkt)
}

/// GDAL's object for a canonical system, in x, y order.
pub fn spatial_ref(crs: &Crs) -> Result<SpatialRef, ProjectionError> {
    import(&crs.wkt2)
}

/// A projected system on another datum than its definition has: that of a geographic system.
///
/// # Errors
/// [`ProjectionError`] for a definition that isn't understood.
pub fn on_datum(definition: &str, geographic: &Crs) -> Result<Crs, ProjectionError> {
    let failed = || ProjectionError::Unknown {
        definition: shortened(definition),
        reason: format!("it can't be put on the datum of {geographic}"),
    };
    // On a thread of its own, as `apart` does.
    let moved = std::thread::scope(|scope| {
        let moved = scope.spawn(|| {
            let (srs, base) = (import(definition)?, spatial_ref(geographic)?);
            let wkt = ffi::take_datum(&srs, &base).then(|| ffi::wkt2(&srs)).flatten();
            wkt.ok_or_else(failed)
        });
        moved.join().unwrap_or_else(|_| Err(failed()))
    });
    Proj.resolve(&moved?)
}

fn find(definition: &str) -> Result<Found, ProjectionError> {
    let unknown = |reason: String| ProjectionError::Unknown { definition: shortened(definition), reason };
    let srs = import(definition)?;
    if srs.is_local() {
        return Err(unknown("a local system has no place on Earth".to_owned()));
    }
    let named = has_named_datum(&srs);
    let code = if named { identified(&srs) } else { None };
    let srs = match &code {
        Some(code) if code == definition => srs,
        Some(code) => return Ok(Found::Entry(code.clone())),
        None => by_parameters(&srs).filter(|plain| !named || ffi::is_same(&srs, plain)).unwrap_or(srs),
    };
    let wkt2 = ffi::wkt2(&srs).ok_or_else(|| unknown("it has no WKT2 form".to_owned()))?;
    let projjson = srs.to_projjson().map_err(|e| unknown(runtime::reason(&e)))?;
    let mut projjson: Value =
        serde_json::from_str(&projjson).map_err(|e| unknown(format!("its PROJJSON is broken: {e}")))?;
    if let Some(members) = projjson.as_object_mut() {
        for key in ["scope", "area", "bbox", "usages", "remarks"] {
            members.shift_remove(key);
        }
    }
    Ok(Found::Crs(Box::new(Crs {
        code,
        wkt2: without_usage(&wkt2),
        projjson,
        geographic: srs.is_geographic(),
    })))
}

/// Whether the datum is one that PROJ could look up.
fn has_named_datum(srs: &SpatialRef) -> bool {
    let name = srs.get_attr_value("DATUM", 0).ok().flatten().unwrap_or_default().to_lowercase();
    let name = name.strip_prefix("d_").unwrap_or(&name);
    !["unknown", "unnamed", "undefined", "unspecified", "not specified", "not_specified", "user"]
        .iter()
        .any(|vague| name.starts_with(vague))
        && !name.is_empty()
}

/// The database entry that `srs` is equivalent to.
fn identified(srs: &SpatialRef) -> Option<String> {
    let own = srs.authority().ok().filter(|code| code.starts_with("EPSG:"));
    if let Some(code) = own
        && let Ok(entry) = import(&code)
        && ffi::is_same(srs, &entry)
    {
        return Some(code);
    }
    if srs.is_geographic() {
        // PROJ lists systems of the same name first, and so misses these for CRS84.
        let common = ["EPSG:4326", "EPSG:4269", "EPSG:4267", "EPSG:4258"];
        let found = common.into_iter().find_map(|code| {
            let entry = import(code).ok()?;
            ffi::is_same(srs, &entry).then(|| code.to_owned())
        });
        if found.is_some() {
            return found;
        }
    }
    let mut candidates: Vec<(bool, i32, u64, String)> = ffi::matches(srs)
        .into_iter()
        .filter(|(_, confidence)| *confidence >= 70)
        .filter_map(|(entry, confidence)| {
            let code = entry.authority().ok()?;
            let (authority, number) = code.split_once(':')?;
            let number = number.parse().unwrap_or(u64::MAX);
            let known = matches!(authority, "EPSG" | "ESRI");
            known.then(|| (authority != "EPSG", -confidence, number, code.clone()))
        })
        .collect();
    candidates.sort_unstable();
    candidates.into_iter().find_map(|(_, _, _, code)| {
        let entry = import(&code).ok()?;
        ffi::is_same(srs, &entry).then_some(code)
    })
}

/// The system that the PROJ string alone describes.
fn by_parameters(srs: &SpatialRef) -> Option<SpatialRef> {
    let text = srs.to_proj4().ok().filter(|t| !t.trim().is_empty())?;
    import(&format!("{} +type=crs", text.trim())).ok()
}

/// Drops `USAGE[…]`, `SCOPE[…]`, `AREA[…]`, `BBOX[…]` and `REMARK[…]` from WKT2.
fn without_usage(wkt: &str) -> String {
    let mut out = String::with_capacity(wkt.len());
    let mut rest = wkt;
    'text: while !rest.is_empty() {
        for keyword in [",USAGE[", ",SCOPE[", ",AREA[", ",BBOX[", ",REMARK["] {
            if let Some(inside) = rest.strip_prefix(keyword) {
                rest = after_bracket(inside);
                continue 'text;
            }
        }
        let mut chars = rest.chars();
        if let Some(c) = chars.next() {
            if c == '"' {
                let end = quoted_end(rest);
                out.push_str(&rest[..end]);
                rest = &rest[end..];
                continue;
            }
            out.push(c);
        }
        rest = chars.as_str();
    }
    out
}

/// The length of the quoted text that `text` starts with (`""` is a quote in it).
fn quoted_end(text: &str) -> usize {
    text.char_indices().skip(1).find(|(_, c)| *c == '"').map_or(text.len(), |(i, _)| i + 1)
}

/// What follows the bracket that is open at the start of `text`.
fn after_bracket(text: &str) -> &str {
    let (mut depth, mut quoted) = (1, false);
    for (i, c) in text.char_indices() {
        match c {
            '"' => quoted = !quoted,
            '[' if !quoted => depth += 1,
            ']' if !quoted => {
                depth -= 1;
                if depth == 0 {
                    return &text[i + 1..];
                }
            }
            _ => {}
        }
    }
    ""
}

/// Whether two systems are the same, whatever their names.
///
/// They are if their canonical forms are equal, if PROJ holds them for
/// equivalent, or if one is on an unnamed datum and projection, parameters and
/// ellipsoid agree to 12 digits: a file that only states an ellipsoid doesn't
/// contradict metadata that name a datum on it.
#[must_use]
pub fn same_crs(a: &Crs, b: &Crs) -> bool {
    if a == b {
        return true;
    }
    let (Ok(a), Ok(b)) = (spatial_ref(a), spatial_ref(b)) else { return false };
    if ffi::is_same(&a, &b) {
        return true;
    }
    if has_named_datum(&a) && has_named_datum(&b) {
        return false;
    }
    let (Some(a), Some(b)) = (parameters(&a), parameters(&b)) else { return false };
    a.len() == b.len()
        && a.iter().zip(&b).all(|((ka, va), (kb, vb))| {
            ka == kb
                && (va == vb
                    || matches!((va.parse::<f64>(), vb.parse::<f64>()),
                        (Ok(x), Ok(y)) if (x - y).abs() <= 1e-12 * x.abs().max(y.abs())))
        })
}

/// The PROJ string's parameters, sorted, datums replaced by their ellipsoids.
fn parameters(srs: &SpatialRef) -> Option<Vec<(String, String)>> {
    let text = srs.to_proj4().ok()?;
    let mut list: Vec<(String, String)> = text
        .split_whitespace()
        .filter_map(|token| {
            let (key, value) = token.trim_start_matches('+').split_once('=')?;
            match (key, value) {
                ("datum", "WGS84") => Some(("ellps".to_owned(), "WGS84".to_owned())),
                ("datum", "NAD83") => Some(("ellps".to_owned(), "GRS80".to_owned())),
                ("datum", "NAD27") => Some(("ellps".to_owned(), "clrk66".to_owned())),
                ("type" | "towgs84", _) => None,
                _ => Some((key.to_owned(), value.to_owned())),
            }
        })
        .collect();
    list.sort_unstable();
    Some(list)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAYMET: &str =
        "+proj=lcc +lat_1=25 +lat_2=60 +lat_0=42.5 +lon_0=-100 +x_0=0 +y_0=0 +ellps=WGS84 +units=m +no_defs";

    #[test]
    fn the_same_system_resolves_to_the_same_value() {
        let same = [
            vec![
                "EPSG:4326",
                "OGC:CRS84",
                "+proj=longlat +datum=WGS84 +no_defs",
                "urn:ogc:def:crs:OGC:1.3:CRS84",
            ],
            vec![
                "EPSG:5070",
                r#"PROJCS["NAD_1983_Albers",GEOGCS["GCS_North_American_1983",DATUM["D_North_American_1983",SPHEROID["GRS_1980",6378137.0,298.257222101]],PRIMEM["Greenwich",0.0],UNIT["Degree",0.0174532925199433]],PROJECTION["Albers"],PARAMETER["False_Easting",0.0],PARAMETER["False_Northing",0.0],PARAMETER["Central_Meridian",-96.0],PARAMETER["Standard_Parallel_1",29.5],PARAMETER["Standard_Parallel_2",45.5],PARAMETER["Latitude_Of_Origin",23.0],UNIT["Meter",1.0]]"#,
            ],
            vec![
                DAYMET,
                r#"PROJCS["unnamed",GEOGCS["unknown",DATUM["unnamed",SPHEROID["Spheroid",6378137,298.257223563]],PRIMEM["Greenwich",0],UNIT["degree",0.0174532925199433]],PROJECTION["Lambert_Conformal_Conic_2SP"],PARAMETER["latitude_of_origin",42.5],PARAMETER["central_meridian",-100],PARAMETER["standard_parallel_1",25],PARAMETER["standard_parallel_2",60],PARAMETER["false_easting",0],PARAMETER["false_northing",0],UNIT["metre",1]]"#,
            ],
            vec![
                "+proj=sinu +lon_0=0 +x_0=0 +y_0=0 +R=6371007.181 +units=m +no_defs",
                "+proj=sinu +a=6371007.181 +b=6371007.181 +units=m",
                r#"PROJCS["unnamed",GEOGCS["x",DATUM["Not_specified_based_on_custom_spheroid",SPHEROID["Custom spheroid",6371007.181,0]],PRIMEM["Greenwich",0],UNIT["degree",0.0174532925199433]],PROJECTION["Sinusoidal"],PARAMETER["longitude_of_center",0],PARAMETER["false_easting",0],PARAMETER["false_northing",0],UNIT["Meter",1]]"#,
            ],
        ];
        for group in same {
            let first = Proj.resolve(group[0]).unwrap();
            for text in &group[1..] {
                let other = Proj.resolve(text).unwrap();
                assert_eq!(first.wkt2, other.wkt2, "{text}");
                assert_eq!(first.code, other.code, "{text}");
            }
            for text in [&first.wkt2, &first.projjson.to_string()] {
                assert_eq!(Proj.resolve(text).unwrap(), first, "its own output {text}");
            }
        }
        assert_eq!(Proj.resolve("OGC:CRS84").unwrap().code.as_deref(), Some("EPSG:4326"));
        assert_eq!(Proj.resolve(DAYMET).unwrap().code, None);
        assert!(!Proj.resolve("EPSG:5070").unwrap().wkt2.contains("USAGE"));
    }

    #[test]
    fn different_systems_stay_different() {
        let [daymet, wgs84, nad83, conus] =
            [DAYMET, "EPSG:4326", "EPSG:4269", "EPSG:5070"].map(|t| Proj.resolve(t).unwrap());
        let moved = Proj.resolve(&DAYMET.replace("42.5", "42")).unwrap();
        assert!(!same_crs(&daymet, &moved));
        assert!(!same_crs(&wgs84, &nad83));
        assert!(!same_crs(&conus, &daymet));
        assert!(same_crs(&nad83, &Proj.resolve("+proj=longlat +ellps=GRS80 +no_defs").unwrap()));
        let named = Proj.resolve(&DAYMET.replace("ellps", "datum")).unwrap();
        assert!(same_crs(&daymet, &named));
    }

    #[test]
    fn a_shapefiles_prj_is_in_esris_dialect() {
        let prj = Proj.prj(&Proj.resolve("EPSG:5070").unwrap()).unwrap();
        assert!(prj.starts_with("PROJCS[") && prj.contains("\"D_North_American_1983\""), "{prj}");
        assert_eq!(Proj.resolve(&prj).unwrap().code.as_deref(), Some("EPSG:5070"));
        let daymet = Proj.resolve(DAYMET).unwrap();
        assert_eq!(Proj.resolve(&Proj.prj(&daymet).unwrap()).unwrap(), daymet);
    }

    #[test]
    fn many_threads_agree() {
        let codes = ["EPSG:5070", "EPSG:4326", DAYMET, "EPSG:32618", "+proj=sinu +R=6371007.181 +units=m"];
        let work = || {
            let all: Vec<Crs> = codes.iter().map(|c| Proj.resolve(c).unwrap()).collect();
            let (mut xs, mut ys) = (vec![-75.25; 100], vec![40.5; 100]);
            for pair in all.windows(2) {
                Proj.transform(&all[1], &pair[0]).unwrap().forward(&mut xs[..1], &mut ys[..1]);
                (xs[0], ys[0]) = (-75.25, 40.5);
            }
            Proj.transform(&all[1], &all[2]).unwrap().forward(&mut xs, &mut ys);
            (all, xs.iter().chain(&ys).map(|v| v.to_bits()).collect::<Vec<_>>())
        };
        let first = work();
        std::thread::scope(|scope| {
            let others: Vec<_> = (0..6).map(|_| scope.spawn(work)).collect();
            for other in others {
                assert_eq!(other.join().unwrap(), first);
            }
        });
    }

    #[test]
    fn nonsense_is_refused_without_opening_anything() {
        for text in
            ["", "EPSG:999999", "nonsense", "https://example.org/crs.wkt", "/etc/passwd", "+proj=nope"]
        {
            let error = Proj.resolve(text).unwrap_err().to_string();
            assert!(error.contains(text), "{error}");
        }
    }

    #[test]
    fn points_without_an_image_become_nan() {
        let daymet = Proj.resolve(DAYMET).unwrap();
        let wgs84 = Proj.resolve("EPSG:4326").unwrap();
        let there = Proj.transform(&wgs84, &daymet).unwrap();
        let (mut xs, mut ys) = ([-79.9, f64::NAN, 0.0], [35.2, 0.0, -90.0]);
        there.forward(&mut xs, &mut ys);
        assert!(
            (xs[0] - 1_745_338.810_815_9).abs() < 1e-3 && (ys[0] + 564_211.948_427).abs() < 1e-3,
            "{xs:?} {ys:?}"
        );
        assert!(xs[1].is_nan() && ys[1].is_nan());
        assert!(xs[2].is_nan(), "the south pole has no image in a northern cone: {xs:?}");
        Proj.transform(&daymet, &wgs84).unwrap().forward(&mut xs[..1], &mut ys[..1]);
        assert!((xs[0] + 79.9).abs() < 1e-9 && (ys[0] - 35.2).abs() < 1e-9);
    }
}
