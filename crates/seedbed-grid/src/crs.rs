//! Coordinate reference systems as opaque canonical values.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A coordinate reference system, as resolved by whoever links PROJ.
///
/// Equality is equality of the canonical WKT2 text, which [`Projections::resolve`]
/// makes the same for the same system however the user wrote it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Crs {
    /// Authority code such as `EPSG:5070`, where the system has one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub code: Option<String>,
    /// Canonical WKT2:2019, on one line.
    pub wkt2: String,
    /// The same as PROJJSON, for STAC's `proj:projjson`.
    pub projjson: Value,
    /// Whether coordinates are longitude and latitude in degrees.
    pub geographic: bool,
}

impl PartialEq for Crs {
    fn eq(&self, other: &Self) -> bool {
        self.wkt2 == other.wkt2
    }
}

impl Eq for Crs {}

impl std::hash::Hash for Crs {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.wkt2.hash(state);
    }
}

impl std::fmt::Display for Crs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.code {
            Some(code) => f.write_str(code),
            None => f.write_str(&self.wkt2),
        }
    }
}

/// Why a CRS or a point could not be handled.
#[derive(Debug, thiserror::Error)]
pub enum ProjectionError {
    /// The definition isn't understood.
    #[error("`{definition}` is no coordinate reference system: {reason}")]
    Unknown {
        /// What the user or file wrote.
        definition: String,
        /// What PROJ said.
        reason: String,
    },
    /// There is no way from one to the other.
    #[error("no transformation from {from} to {to}: {reason}")]
    NoPath {
        /// Source system.
        from: String,
        /// Target system.
        to: String,
        /// What PROJ said.
        reason: String,
    },
}

/// Moves points from one CRS to another. Axis order is always x, y (longitude,
/// latitude), whatever the authority says.
pub trait Transform: Send + Sync {
    /// Transforms points in place. A point without an image becomes NaN, NaN.
    fn forward(&self, xs: &mut [f64], ys: &mut [f64]);
}

/// What PROJ knows, for crates that don't link it.
pub trait Projections: Send + Sync {
    /// The canonical CRS for an authority code, a PROJ string, WKT or PROJJSON.
    ///
    /// # Errors
    /// [`ProjectionError::Unknown`].
    fn resolve(&self, definition: &str) -> Result<Crs, ProjectionError>;

    /// A transformation between two systems, deterministic and without network.
    ///
    /// # Errors
    /// [`ProjectionError::NoPath`].
    fn transform(&self, from: &Crs, to: &Crs) -> Result<Box<dyn Transform>, ProjectionError>;

    /// The system as ESRI's WKT, which a shapefile's `.prj` holds. GDAL doesn't
    /// read WKT2 there, so whoever has no ESRI dialect at hand must refuse.
    ///
    /// # Errors
    /// [`ProjectionError::Unknown`].
    fn prj(&self, crs: &Crs) -> Result<String, ProjectionError> {
        Err(ProjectionError::Unknown {
            definition: crs.to_string(),
            reason: "it has no ESRI WKT here".to_owned(),
        })
    }
}
