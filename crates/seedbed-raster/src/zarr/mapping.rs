//! CF grid mappings: a coordinate reference system as attributes.
//!
//! Source: CF conventions 1.11, appendix F; the names of methods and parameters are EPSG's, as
//! PROJJSON writes them.

use seedbed_grid::{Affine, Crs};
use serde_json::{Map, Value, json};

/// Attributes by EPSG's name of the parameter. What isn't a number of its own goes by
/// `standard_parallel`, which may be two.
type Parameters = &'static [(&'static str, &'static str)];

const CONIC: Parameters = &[
    ("Latitude of false origin", "latitude_of_projection_origin"),
    ("Longitude of false origin", "longitude_of_central_meridian"),
    ("Latitude of 1st standard parallel", PARALLEL),
    ("Latitude of 2nd standard parallel", PARALLEL),
    ("Easting at false origin", "false_easting"),
    ("Northing at false origin", "false_northing"),
];

const AZIMUTHAL: Parameters = &[
    ("Latitude of natural origin", "latitude_of_projection_origin"),
    ("Longitude of natural origin", "longitude_of_projection_origin"),
    ("False easting", "false_easting"),
    ("False northing", "false_northing"),
];

const PARALLEL: &str = "standard_parallel";

/// Methods whose parameters all have a name in CF.
const METHODS: &[(&str, &str, Parameters)] = &[
    ("Lambert Conic Conformal (2SP)", "lambert_conformal_conic", CONIC),
    ("Albers Equal Area", "albers_conical_equal_area", CONIC),
    ("Lambert Azimuthal Equal Area", "lambert_azimuthal_equal_area", AZIMUTHAL),
    ("Sinusoidal", "sinusoidal", AZIMUTHAL),
    (
        "Transverse Mercator",
        "transverse_mercator",
        &[
            ("Latitude of natural origin", "latitude_of_projection_origin"),
            ("Longitude of natural origin", "longitude_of_central_meridian"),
            ("Scale factor at natural origin", "scale_factor_at_central_meridian"),
            ("False easting", "false_easting"),
            ("False northing", "false_northing"),
        ],
    ),
    (
        "Polar Stereographic (variant B)",
        "polar_stereographic",
        &[
            ("Latitude of standard parallel", PARALLEL),
            ("Longitude of origin", "straight_vertical_longitude_from_pole"),
            ("False easting", "false_easting"),
            ("False northing", "false_northing"),
        ],
    ),
];

/// The attributes of a mapping: the system as WKT, GDAL's `GeoTransform`, which is exact where
/// coordinates are rounded, and CF's own for longitude and latitude and for the methods above.
/// Any other system is its `crs_wkt` alone.
pub fn attributes(crs: &Crs, affine: Affine) -> Value {
    let transform = affine.to_gdal().map(|n| n.to_string()).join(" ");
    let mut said = Map::from_iter([
        ("crs_wkt".to_owned(), json!(crs.wkt2)),
        ("spatial_ref".to_owned(), json!(crs.wkt2)),
        ("GeoTransform".to_owned(), json!(transform)),
    ]);
    let system = &crs.projjson;
    let (geographic, own) = if crs.geographic {
        (system, Some(Map::from_iter([("grid_mapping_name".to_owned(), json!("latitude_longitude"))])))
    } else {
        (&system["base_crs"], projection(&system["conversion"]))
    };
    if let Some(own) = own {
        said.extend(own);
        said.extend(figure(geographic));
    }
    Value::Object(said)
}

/// A projection's attributes, if CF has names for all of it.
fn projection(conversion: &Value) -> Option<Map<String, Value>> {
    let method = conversion["method"]["name"].as_str()?;
    let (_, name, parameters) = METHODS.iter().find(|(known, _, _)| *known == method)?;
    let mut said = Map::from_iter([("grid_mapping_name".to_owned(), json!(name))]);
    let mut parallels = Vec::new();
    for parameter in conversion["parameters"].as_array()? {
        let known = parameters.iter().find(|(known, _)| parameter["name"] == *known)?;
        // Feet and grads have no place in CF.
        if !["degree", "metre", "unity"].iter().any(|unit| parameter["unit"] == *unit) {
            return None;
        }
        let value = parameter["value"].as_f64()?;
        if known.1 == PARALLEL {
            parallels.push(value);
        } else {
            said.insert(known.1.to_owned(), json!(value));
        }
    }
    match parallels[..] {
        [] => {}
        [one] => {
            // CF says at which pole the plane lies, EPSG's parallel by its sign.
            said.insert(PARALLEL.to_owned(), json!(one));
            said.insert("latitude_of_projection_origin".to_owned(), json!(90_f64.copysign(one)));
        }
        _ => {
            said.insert(PARALLEL.to_owned(), json!(parallels));
        }
    }
    Some(said)
}

/// The figure of the Earth.
fn figure(geographic: &Value) -> Map<String, Value> {
    let datum = [&geographic["datum"], &geographic["datum_ensemble"]];
    let ellipsoid = datum.iter().map(|d| &d["ellipsoid"]).find(|e| e.is_object()).unwrap_or(&Value::Null);
    let names = [
        ("semi_major_axis", "semi_major_axis"),
        ("inverse_flattening", "inverse_flattening"),
        ("semi_minor_axis", "semi_minor_axis"),
        ("radius", "earth_radius"),
    ];
    let mut said: Map<String, Value> = names
        .into_iter()
        .filter_map(|(own, name)| Some((name.to_owned(), json!(ellipsoid[own].as_f64()?))))
        .collect();
    if let Some(name) = geographic["name"].as_str().filter(|name| *name != "unknown") {
        said.insert("geographic_crs_name".to_owned(), json!(name));
    }
    let away = geographic["datum"]["prime_meridian"]["longitude"].as_f64().unwrap_or(0.0);
    said.insert("longitude_of_prime_meridian".to_owned(), json!(away));
    said
}
