//! Areas of interest in vector files that need GDAL: `GeoPackage`.

use crate::{Proj, proj, runtime};
use gdal::vector::{Geometry, LayerAccess, OGRwkbGeometryType as Kind, geometry_type_flatten};
use gdal::{Dataset, DatasetOptions, GdalOpenFlags};
use seedbed_grid::aoi::{Outline, Outlines};
use seedbed_grid::{Aoi, AoiError, Crs, aoi};
use std::path::Path;

/// Reads an area from any file that holds one: what [`Aoi::read`] knows, and a
/// `GeoPackage` (`.gpkg`), which is asked for one of its layers as `file.gpkg:layer` where
/// several have polygons.
///
/// # Errors
/// [`AoiError`], which names the file, and its layers where one must be chosen.
pub fn read_area(path: &Path) -> Result<Aoi, AoiError> {
    let Some(package) = Package::of(path) else { return Aoi::read(path, &Proj) };
    let dataset = package.open()?;
    let (found, crs) = polygons(&dataset, package.layer).map_err(|reason| package.bad(reason))?;
    Aoi::from_outlines(&package.file.display().to_string(), found, crs.as_ref(), &Proj)
}

/// The area that a text says: well-known text, unless a file lies at `path`, which is what
/// the text names as a file.
///
/// # Errors
/// As [`read_area`]; where it is no file, [`AoiError`] of the text.
pub fn area_of(text: &str, path: &Path) -> Result<Aoi, AoiError> {
    if aoi::is_wkt(text) && !path.exists() {
        Aoi::from_wkt(text, "the area's text", &Proj)
    } else {
        read_area(path)
    }
}

/// A `GeoPackage`, and the layer that is asked for.
pub(crate) struct Package<'a> {
    pub(crate) file: &'a Path,
    pub(crate) layer: Option<&'a str>,
}

impl<'a> Package<'a> {
    /// The package that a path or `file.gpkg:layer` names.
    pub(crate) fn of(path: &'a Path) -> Option<Self> {
        if let Some((file, layer)) = path.to_str().and_then(|text| text.rsplit_once(':'))
            && is_package(Path::new(file))
            && !path.exists()
        {
            return Some(Self { file: Path::new(file), layer: Some(layer) });
        }
        is_package(path).then_some(Self { file: path, layer: None })
    }

    pub(crate) fn bad(&self, reason: String) -> AoiError {
        AoiError::Vector { file: self.file.display().to_string(), reason }
    }

    pub(crate) fn open(&self) -> Result<Dataset, AoiError> {
        // GDAL's word for a file that isn't there is longer and says less.
        std::fs::File::open(self.file)
            .map_err(|source| AoiError::Read { file: self.file.display().to_string(), source })?;
        runtime::prepare();
        let options = DatasetOptions {
            open_flags: GdalOpenFlags::GDAL_OF_VECTOR | GdalOpenFlags::GDAL_OF_READONLY,
            allowed_drivers: Some(&["GPKG"]),
            ..DatasetOptions::default()
        };
        Dataset::open_ex(self.file, options)
            .map_err(|e| self.bad(format!("no GeoPackage that GDAL reads: {}", runtime::reason(&e))))
    }
}

fn is_package(path: &Path) -> bool {
    path.extension().is_some_and(|e| e.eq_ignore_ascii_case("gpkg"))
}

/// The polygons of the layer asked for, or of the only one that has any.
fn polygons(dataset: &Dataset, layer: Option<&str>) -> Result<(Outlines, Option<Crs>), String> {
    let mut with: Vec<(String, Outlines, Option<Crs>)> = Vec::new();
    let mut names = Vec::new();
    let mut others = Outlines::default();
    for mut candidate in dataset.layers() {
        let name = candidate.name();
        names.push(name.clone());
        if layer.is_some_and(|wanted| wanted != name) {
            continue;
        }
        let mut found = Outlines::default();
        for feature in candidate.features() {
            let label = feature.fid().map_or_else(|| "a feature".to_owned(), |id| format!("feature {id}"));
            if let Some(geometry) = feature.geometry() {
                gather(geometry, &format!("layer {name}, {label}"), &mut found);
            }
        }
        if found.polygons.is_empty() {
            found.others.iter().for_each(|o| others.other(o));
            continue;
        }
        let crs = candidate.spatial_ref().map(|srs| proj::canonical(&srs, &name)).transpose();
        let crs = crs.map_err(|e| format!("layer {name}: {e}"))?;
        if crs.is_none() {
            return Err(format!("layer {name} doesn't say its coordinate reference system"));
        }
        with.push((name, found, crs));
    }
    if let Some(wanted) = layer
        && !names.iter().any(|n| n == wanted)
    {
        return Err(format!("it has no layer {wanted}, only {}", names.join(", ")));
    }
    if with.len() > 1 {
        let names: Vec<&str> = with.iter().map(|w| w.0.as_str()).collect();
        return Err(format!(
            "several layers have polygons, {}: name one as file.gpkg:layer",
            names.join(", ")
        ));
    }
    Ok(with.pop().map_or((others, None), |(_, found, crs)| (found, crs)))
}

/// Polygons of a geometry, and the types that are none.
pub(crate) fn gather(geometry: &Geometry, feature: &str, found: &mut Outlines) {
    match geometry_type_flatten(geometry.geometry_type()) {
        Kind::wkbPolygon => {
            let mut rings = (0..geometry.geometry_count()).map(|i| {
                let mut points = Vec::new();
                geometry.get_geometry(i).get_points(&mut points);
                points.into_iter().map(|(x, y, _)| (x, y)).collect()
            });
            if let Some(outer) = rings.next() {
                let holes = rings.collect();
                found.polygons.push(Outline { feature: feature.to_owned(), outer, holes });
            }
        }
        Kind::wkbMultiPolygon | Kind::wkbGeometryCollection => {
            for i in 0..geometry.geometry_count() {
                gather(&geometry.get_geometry(i), feature, found);
            }
        }
        _ => found.other(&geometry.geometry_name()),
    }
}
