//! The datum that a CF grid mapping names.

use crate::arrays::Attributed;
use crate::grid_mapping;
use crate::proj::{self, Proj};
use seedbed_grid::{Crs, ProjectionError, Projections};

/// Ellipsoids that a grid mapping may name without giving their numbers: name, semi-major axis in metres, inverse
/// flattening. From the EPSG registry.
const ELLIPSOIDS: [(&str, f64, f64); 9] = [
    ("WGS 84", 6_378_137.0, 298.257_223_563),
    ("GRS 1980", 6_378_137.0, 298.257_222_101),
    ("International 1924", 6_378_388.0, 297.0),
    ("Airy 1830", 6_377_563.396, 299.324_964_6),
    ("Bessel 1841", 6_377_397.155, 299.152_812_8),
    ("Clarke 1866", 6_378_206.4, 294.978_698_213_898),
    ("Krassowsky 1940", 6_378_245.0, 298.3),
    ("GRS 1967", 6_378_160.0, 298.247_167_427),
    ("WGS 72", 6_378_135.0, 298.26),
];

/// What a grid mapping says of the Earth's shape and of where it lies.
pub struct Datum {
    /// Its names: of the geographic system, and of the datum, or reference frame.
    system: Option<String>,
    frame: Option<String>,
    /// Semi-major axis and inverse flattening, or those of the ellipsoid it names.
    ellipsoid: Option<(f64, f64)>,
    meridian: Option<f64>,
    meridian_name: Option<String>,
    /// Shifts in metres, rotations in seconds of arc, scale in parts per million.
    towgs84: Option<Vec<f64>>,
}

impl Datum {
    /// What its attributes say; a sphere has no datum.
    ///
    /// # Errors
    /// [`ProjectionError::Unknown`] for an ellipsoid that is named only, and not known.
    pub fn of(mapping: &dyn Attributed) -> Result<Self, ProjectionError> {
        let number = |key: &str| mapping.numbers(key).and_then(|list| list.first().copied());
        let named = |key: &str| mapping.text(key).filter(|name| !is_vague(name));
        // What PROJ strings have words for needs no more.
        let plain = named("horizontal_datum_name").or_else(|| named("geographic_crs_name"));
        let plain = plain.is_some_and(|name| grid_mapping::datum(&name).is_some());
        let (a, rf, b) = (number("semi_major_axis"), number("inverse_flattening"), number("semi_minor_axis"));
        let sphere = number("earth_radius").is_some() || rf == Some(0.0) || (a.is_some() && a == b);
        let rf = rf.filter(|rf| *rf != 0.0);
        let rf = rf.or_else(|| a.zip(b).filter(|(a, b)| a != b).map(|(a, b)| a / (a - b)));
        let name = named("reference_ellipsoid_name").filter(|_| a.is_none() && !sphere);
        let ellipsoid = match &name {
            Some(name) => Some(ellipsoid(name).ok_or_else(|| unknown("the ellipsoid", name))?),
            None => a.zip(rf),
        };
        let towgs84 = mapping.numbers("towgs84").filter(|list| matches!(list.len(), 3 | 6 | 7));
        Ok(Self {
            system: named("geographic_crs_name").filter(|_| !sphere && !plain),
            frame: named("horizontal_datum_name").filter(|_| !sphere && !plain),
            ellipsoid,
            meridian: number("longitude_of_prime_meridian"),
            meridian_name: named("prime_meridian_name"),
            towgs84: towgs84.filter(|_| !sphere && !plain),
        })
    }

    /// The ellipsoid, as part of a PROJ string, if it is only named.
    pub fn named_ellipsoid(&self, mapping: &dyn Attributed) -> Option<String> {
        let (a, rf) = self.ellipsoid.filter(|_| mapping.numbers("semi_major_axis").is_none())?;
        Some(format!("+a={a} +rf={rf}"))
    }

    /// The shift to WGS 84, as part of a PROJ string, where the datum isn't known by its name.
    fn shift(&self) -> Option<String> {
        let mut numbers = self.towgs84.clone()?;
        if numbers.len() == 6 {
            numbers.push(0.0);
        }
        let numbers: Vec<String> = numbers.iter().map(f64::to_string).collect();
        Some(format!("+towgs84={}", numbers.join(",")))
    }

    /// The system that a PROJ string describes, on this datum.
    ///
    /// # Errors
    /// [`ProjectionError`] for a definition that isn't understood, and for a datum that isn't known by its name, unless
    /// it says its shift to WGS 84 or lies on an ellipsoid whose datums are all within metres of each other.
    pub fn applied(&self, definition: &str) -> Result<Crs, ProjectionError> {
        let (Some(name), known) = (self.frame.as_ref().or(self.system.as_ref()), self.entry()) else {
            let shifted = self.shift().map(|shift| with(definition, &shift));
            return Proj.resolve(shifted.as_deref().unwrap_or(definition));
        };
        if let Some(entry) = known {
            if definition.starts_with("+proj=longlat") {
                return Ok(entry);
            }
            return proj::on_datum(definition, &entry);
        }
        if let Some(shift) = self.shift() {
            return Proj.resolve(&with(definition, &shift));
        }
        let geocentric =
            |(a, rf): (f64, f64)| (a - 6_378_137.0).abs() < 1e-3 && (rf - 298.257_22).abs() < 1e-4;
        if self.ellipsoid.is_none_or(geocentric) {
            Proj.resolve(definition)
        } else {
            Err(unknown("the datum", name))
        }
    }

    /// The entry of PROJ's database that the names mean.
    fn entry(&self) -> Option<Crs> {
        let datum = self.frame.as_ref().or(self.system.as_ref())?;
        let system = self.system.as_deref().unwrap_or("unknown");
        let quoted = |name: &str| name.replace('"', "\"\"");
        let meridian = self.meridian.unwrap_or(0.0);
        let meridian_name = self.meridian_name.as_deref().unwrap_or("Greenwich");
        let candidates = self.ellipsoid.map_or_else(
            || ELLIPSOIDS.iter().map(|(_, a, rf)| (*a, *rf)).collect(),
            |ellipsoid| vec![ellipsoid],
        );
        candidates.into_iter().find_map(|(a, rf)| {
            let wkt = format!(
                "GEOGCRS[\"{}\",DATUM[\"{}\",ELLIPSOID[\"unknown\",{a},{rf},LENGTHUNIT[\"metre\",1]]],\
                 PRIMEM[\"{}\",{meridian},ANGLEUNIT[\"degree\",0.0174532925199433]],CS[ellipsoidal,2],\
                 AXIS[\"latitude\",north],AXIS[\"longitude\",east],ANGLEUNIT[\"degree\",0.0174532925199433]]",
                quoted(system),
                quoted(datum),
                quoted(meridian_name)
            );
            Proj.resolve(&wkt).ok().filter(|crs| crs.code.is_some())
        })
    }
}

fn with(definition: &str, part: &str) -> String {
    match definition.split_once(" +no_defs") {
        Some((head, tail)) => format!("{head} {part} +no_defs{tail}"),
        None => format!("{definition} {part}"),
    }
}

fn ellipsoid(name: &str) -> Option<(f64, f64)> {
    let plain = |text: &str| text.replace([' ', '_'], "").to_ascii_lowercase();
    let found = ELLIPSOIDS.iter().find(|(known, ..)| plain(known) == plain(name))?;
    Some((found.1, found.2))
}

/// Whether a name says that there is none.
fn is_vague(name: &str) -> bool {
    let name = name.trim().to_lowercase();
    [
        "unknown",
        "unnamed",
        "undefined",
        "unspecified",
        "not specified",
        "not_specified",
        "not_known",
        "none",
        "user",
    ]
    .iter()
    .any(|vague| name.starts_with(vague))
        || name.is_empty()
}

fn unknown(what: &str, name: &str) -> ProjectionError {
    ProjectionError::Unknown {
        definition: name.to_owned(),
        reason: format!("{what} of the grid mapping isn't one that PROJ knows; give the item a proj:code"),
    }
}
