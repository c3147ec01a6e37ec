//! CF grid mappings: the attributes that stand for a coordinate system.

use crate::arrays::Attributed;
use crate::datum::Datum;
use crate::proj::Proj;
use seedbed_grid::{Crs, ProjectionError, Projections};
use std::fmt::Write;

/// The system that a grid-mapping variable says: that of its WKT where it has one, otherwise of its CF
/// attributes, on the datum that they name. `None` for a mapping not listed here.
///
/// Reference: CF conventions 1.11, appendix F.
///
/// # Errors
/// [`ProjectionError`] for one that PROJ doesn't understand, or whose datum it doesn't know.
pub fn crs(mapping: &dyn Attributed) -> Result<Option<Crs>, ProjectionError> {
    for name in ["crs_wkt", "spatial_ref"] {
        if let Some(wkt) = mapping.text(name).filter(|t| t.contains('[')) {
            return Proj.resolve(&wkt).map(Some);
        }
    }
    let Some(name) = mapping.text("grid_mapping_name") else { return Ok(None) };
    let Some(mut definition) = proj_string(&name, |key| mapping.numbers(key), |key| mapping.text(key)) else {
        return Ok(None);
    };
    let datum = Datum::of(mapping)?;
    if let Some(ellipsoid) = datum.named_ellipsoid(mapping) {
        definition = definition.replace("+datum=WGS84", &ellipsoid);
    }
    datum.applied(&definition).map(Some)
}

fn proj_string(
    name: &str,
    numbers: impl Fn(&str) -> Option<Vec<f64>>,
    text: impl Fn(&str) -> Option<String>,
) -> Option<String> {
    let number = |key: &str| numbers(key).and_then(|list| list.first().copied());
    let parallels = || numbers("standard_parallel").unwrap_or_default();
    let lon_0 = [
        "longitude_of_central_meridian",
        "longitude_of_projection_origin",
        "straight_vertical_longitude_from_pole",
    ]
    .iter()
    .find_map(|key| number(key))
    .unwrap_or(0.0);
    let lat_0 = number("latitude_of_projection_origin");
    let scale =
        number("scale_factor_at_projection_origin").or_else(|| number("scale_factor_at_central_meridian"));
    let origin = lat_0.unwrap_or(0.0);
    let mut s = match name {
        "latitude_longitude" => "+proj=longlat".to_owned(),
        "lambert_conformal_conic" => {
            let parallels = parallels();
            let lat_1 = *parallels.first()?;
            let second = parallels.get(1).map(|p| format!(" +lat_2={p}")).unwrap_or_default();
            format!("+proj=lcc +lat_0={} +lon_0={lon_0} +lat_1={lat_1}{second}", lat_0.unwrap_or(lat_1))
        }
        "albers_conical_equal_area" => {
            let parallels = parallels();
            let (lat_1, lat_2) = (*parallels.first()?, *parallels.get(1).or(parallels.first())?);
            format!("+proj=aea +lat_0={origin} +lon_0={lon_0} +lat_1={lat_1} +lat_2={lat_2}")
        }
        "lambert_azimuthal_equal_area" => format!("+proj=laea +lat_0={origin} +lon_0={lon_0}"),
        "transverse_mercator" => {
            format!("+proj=tmerc +lat_0={origin} +lon_0={lon_0} +k={}", scale.unwrap_or(1.0))
        }
        "polar_stereographic" => {
            let at = parallels().first().map(|p| format!(" +lat_ts={p}"));
            let at = at.or_else(|| scale.map(|k| format!(" +k={k}"))).unwrap_or_default();
            format!("+proj=stere +lat_0={} +lon_0={lon_0}{at}", lat_0?)
        }
        "mercator" => match parallels().first() {
            Some(p) => format!("+proj=merc +lon_0={lon_0} +lat_ts={p}"),
            None => format!("+proj=merc +lon_0={lon_0} +k={}", scale.unwrap_or(1.0)),
        },
        "sinusoidal" => format!("+proj=sinu +lon_0={lon_0}"),
        _ => return None,
    };
    let geographic = name == "latitude_longitude";
    if !geographic {
        for (key, parameter) in [("false_easting", "x_0"), ("false_northing", "y_0")] {
            // Writing to a String can't fail.
            let _ = write!(s, " +{parameter}={}", number(key).unwrap_or(0.0));
        }
        s.push_str(" +units=m");
    }
    if let Some(pm) = number("longitude_of_prime_meridian").filter(|pm| *pm != 0.0) {
        let _ = write!(s, " +pm={pm}");
    }
    let named = text("horizontal_datum_name").or_else(|| text("geographic_crs_name")).unwrap_or_default();
    let datum = datum(&named);
    let radius = number("earth_radius");
    let (a, rf, b) = (number("semi_major_axis"), number("inverse_flattening"), number("semi_minor_axis"));
    let is = |value: f64, other: f64| (value - other).abs() < 1e-9 * other;
    let ellipsoid = match (datum, radius, a, rf, b) {
        (Some(datum), ..) => datum.to_owned(),
        (_, Some(r), ..) => format!("+R={r}"),
        (_, _, Some(a), Some(rf), _) if is(a, 6_378_137.0) && is(rf, 298.257_223_563) => {
            // A geographic system on this ellipsoid is WGS 84 in all but name;
            // a projected one, such as Daymet's, is commonly written with the
            // ellipsoid alone.
            if geographic { "+datum=WGS84" } else { "+ellps=WGS84" }.to_owned()
        }
        (_, _, Some(a), Some(rf), _) if is(a, 6_378_137.0) && is(rf, 298.257_222_101) => {
            "+ellps=GRS80".to_owned()
        }
        (_, _, Some(a), Some(rf), _) if rf != 0.0 => format!("+a={a} +rf={rf}"),
        (_, _, Some(a), _, Some(b)) => format!("+a={a} +b={b}"),
        (_, _, Some(a), ..) => format!("+R={a}"),
        _ => "+datum=WGS84".to_owned(),
    };
    let _ = write!(s, " {ellipsoid} +no_defs +type=crs");
    Some(s)
}

/// The datums that a PROJ string has words for, by their usual names.
pub fn datum(name: &str) -> Option<&'static str> {
    match name.replace([' ', '_'], "").to_ascii_uppercase().as_str() {
        "WGS84" => Some("+datum=WGS84"),
        "NAD83" | "NORTHAMERICANDATUM1983" => Some("+datum=NAD83"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn string(name: &str, numbers: &[(&str, &[f64])]) -> Option<String> {
        proj_string(name, |key| numbers.iter().find(|(k, _)| *k == key).map(|(_, v)| v.to_vec()), |_| None)
    }

    #[test]
    fn daymets_mapping_becomes_its_proj_string() {
        let s = string(
            "lambert_conformal_conic",
            &[
                ("standard_parallel", &[25.0, 60.0]),
                ("latitude_of_projection_origin", &[42.5]),
                ("longitude_of_central_meridian", &[-100.0]),
                ("semi_major_axis", &[6_378_137.0]),
                ("inverse_flattening", &[298.257_223_563]),
            ],
        );
        let expected = "+proj=lcc +lat_0=42.5 +lon_0=-100 +lat_1=25 +lat_2=60 +x_0=0 +y_0=0 +units=m +ellps=WGS84 +no_defs +type=crs";
        assert_eq!(s.as_deref(), Some(expected));
    }

    #[test]
    fn an_unlisted_mapping_is_left_to_gdal() {
        assert_eq!(string("rotated_latitude_longitude", &[]), None);
        assert_eq!(string("lambert_conformal_conic", &[]), None);
    }
}
