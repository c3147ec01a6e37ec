//! A product's record: the STAC item that says what it is and what it was made from.

use crate::digests::Digests;
use crate::folder::FIELD;
use crate::product::{Contents, Staged, Written};
use crate::{Attempt, PrepError, cube, folder};
use base64::Engine;
use seedbed_block::Period;
use seedbed_catalog::Asset;
use seedbed_grid::{GeoBox, Projections};
use seedbed_raster::cog::Overview;
use seedbed_raster::{Statistics, gdal_version};
use seedbed_storage::Location;
use serde_json::{Map, Value, json};
use std::path::Path;

/// How a product came about.
#[derive(Debug, Clone)]
pub struct Provenance {
    /// `seedbed run veget`, `seedbed prep`, `seedbed composite`, `seedbed mosaic`.
    pub process: String,
    /// Parameters worth recording.
    pub parameters: Map<String, Value>,
    /// Where everything it was made from came from.
    pub derived_from: Vec<Location>,
    /// Newest input's end, which stands as `created`: two runs agree on it.
    pub created: seedbed_block::Date,
}

/// What a product's maker says of it.
#[derive(Debug)]
pub struct Description<'a> {
    /// The product's name; becomes the collection's id.
    pub product: &'a str,
    /// The days it covers.
    pub period: Period,
    /// How it was made.
    pub provenance: &'a Provenance,
    /// More properties, such as holes.
    pub properties: Map<String, Value>,
}

/// The media type of a COG.
pub(crate) const COG: &str = "image/tiff; application=geotiff; profile=cloud-optimized";
/// The media type of what a model remembers of a tile.
pub(crate) const STATE: &str = "application/vnd.seedbed.state";
/// The media type of a virtual raster.
pub(crate) const VRT: &str = "application/xml";
/// The media type of a tile index.
pub(crate) const GTI: &str = "application/geopackage+sqlite3";

/// The band's field that says how overviews were made, unless they are means.
pub(crate) const OVERVIEWS: &str = "seedbed:overviews";

const EXTENSIONS: [&str; 3] = [
    "https://stac-extensions.github.io/file/v2.1.0/schema.json",
    "https://stac-extensions.github.io/processing/v1.2.0/schema.json",
    "https://stac-extensions.github.io/projection/v2.0.0/schema.json",
];

/// That of bands, which a model's state hasn't.
const BANDS: &str = "https://stac-extensions.github.io/raster/v2.0.0/schema.json";

/// The record of a product: a STAC 1.1 item without clock, host or absolute path. `sources` are
/// its links to what it was made from.
pub(crate) fn record(
    attempt: &Attempt,
    contents: &Contents,
    description: &Description<'_>,
    sources: Vec<Value>,
    projections: &dyn Projections,
) -> Result<Value, PrepError> {
    let Attempt { member, geobox, written, .. } = attempt;
    let territory = geobox.territory(projections, 8)?;
    let mut assets = Map::new();
    for one in written {
        let stored = match &one.dates {
            Some(_) => Some(Map::from_iter([(FIELD.to_owned(), folder::record(&one.file, &contents.files))])),
            None => contents.files.iter().find(|f| f.name == one.file).map(of_file),
        };
        let Some(stored) = stored else {
            return Err(PrepError::Unverified {
                path: one.file.clone().into(),
                what: "it is gone from its staging folder".to_owned(),
            });
        };
        let mut asset = asset(geobox, one, &contents.folder, stored);
        // The item's axes are those of all its cubes.
        if let Some(dates) = one.dates.as_ref().filter(|_| written.iter().any(|w| w.dates != one.dates)) {
            asset["cube:dimensions"] = cube::dimensions(geobox, dates);
        }
        assets.insert(one.variable.name.clone(), asset);
    }
    let mut properties = json!({
        "datetime": null,
        "start_datetime": format!("{}T00:00:00Z", description.period.start),
        "end_datetime": format!("{}T23:59:59Z", description.period.end),
        "created": format!("{}T23:59:59Z", description.provenance.created),
        "seedbed:tile": member.tile,
        "seedbed:period": member.period,
        "seedbed:key": member.key,
        "seedbed:parameters": description.provenance.parameters,
        "processing:lineage": description.provenance.process,
        "processing:software": { "seedbed": env!("CARGO_PKG_VERSION"), "gdal": gdal_version() },
    });
    if let Value::Object(all) = &mut properties {
        all.extend(cube::properties(geobox, written));
        all.extend(description.properties.clone());
    }
    let cubes = written.iter().any(|one| one.dates.is_some());
    let bands = written.iter().any(|one| one.media_type != STATE);
    let extensions = EXTENSIONS.into_iter().chain(bands.then_some(BANDS));
    let extensions: Vec<&str> = extensions.chain(cubes.then_some(cube::EXTENSION)).collect();
    let mut links = vec![
        json!({ "rel": "root", "href": "../../catalog.json", "type": "application/json" }),
        json!({ "rel": "parent", "href": "../../collection.json", "type": "application/json" }),
        json!({ "rel": "collection", "href": "../../collection.json", "type": "application/json" }),
    ];
    links.extend(sources);
    Ok(json!({
        "type": "Feature",
        "stac_version": "1.1.0",
        "stac_extensions": extensions,
        "id": format!("{}-{}-{}", description.product, member.tile, member.period),
        "collection": description.product,
        "geometry": territory.geojson(),
        "bbox": <[f64; 4]>::from(territory.bbox),
        "properties": properties,
        "links": links,
        "assets": assets,
    }))
}

/// A file's size and digest.
fn of_file(staged: &Staged) -> Map<String, Value> {
    Map::from_iter([
        ("file:size".to_owned(), json!(staged.size)),
        ("file:checksum".to_owned(), json!(staged.checksum)),
    ])
}

/// Statistics as STAC has them: where no pixel is valid only that is said, since null is no number.
fn statistics(s: &Statistics) -> Value {
    let all = [
        ("minimum", s.min),
        ("maximum", s.max),
        ("mean", s.mean),
        ("stddev", s.stddev),
        ("valid_percent", s.valid_percent),
    ];
    let finite = all.into_iter().filter(|(_, v)| v.is_finite());
    Value::Object(finite.map(|(name, v)| (name.to_owned(), number(v))).collect())
}

fn asset(geobox: &GeoBox, one: &Written, folder: &str, stored: Map<String, Value>) -> Value {
    let (s, options) = (&one.statistics, &one.options);
    let mut band = json!({
        "name": one.variable.name,
        "data_type": options.dtype.name(),
        "raster:scale": options.scale,
        "raster:offset": options.offset,
        "statistics": statistics(s),
    });
    if let Some(nodata) = options.nodata {
        band["nodata"] = if nodata.is_nan() { json!("nan") } else { number(nodata) };
    }
    if options.dtype.is_integer() && options.scale != 1.0 {
        band["seedbed:max_rounding_error"] = json!(options.scale.abs() / 2.0);
    }
    if let Some(error) = options.max_z_error {
        band["seedbed:max_z_error"] = json!(error);
    }
    if options.overview != Overview::Average && one.media_type == COG {
        band[OVERVIEWS] = json!(options.overview);
    }
    if let Some(unit) = &one.variable.unit {
        band["unit"] = json!(unit);
    }
    let mut asset = json!({
        "href": format!("./{folder}/{}", one.file),
        "type": one.media_type,
        "title": one.variable.title,
        "roles": ["data"],
    });
    if let Value::Object(all) = &mut asset {
        all.extend(stored);
    }
    asset["proj:shape"] = json!([geobox.shape.rows, geobox.shape.cols]);
    asset["proj:transform"] = json!(geobox.affine);
    if one.media_type == STATE {
        asset["roles"] = json!(["state"]);
    } else {
        asset["bands"] = json!([band]);
    }
    if let Some(code) = &geobox.crs.code {
        asset["proj:code"] = json!(code);
    } else {
        asset["proj:code"] = Value::Null;
        asset["proj:wkt2"] = json!(geobox.crs.wkt2);
        asset["proj:projjson"] = geobox.crs.projjson.clone();
    }
    if let Value::Object(all) = &mut asset {
        all.extend(one.variable.facts.clone());
    }
    asset
}

/// Links from a record in a local folder to what its product was made from.
pub(crate) fn local_sources(folder: &Path, derived_from: &[Location]) -> Vec<Value> {
    let link = |from: &Location| json!({ "rel": "derived_from", "href": href(folder, from) });
    derived_from.iter().map(link).collect()
}

/// The same from a record in a store: to a local file no way leads from there, so that it stands by its digest,
/// as an RFC 6920 name, and by its file's name.
///
/// # Errors
/// [`PrepError::Read`] where a local file is gone.
pub(crate) fn remote_sources(derived_from: &[Location], digests: &Digests) -> Result<Vec<Value>, PrepError> {
    let link = |from: &Location| {
        let Some(path) = from.as_path() else {
            return Ok(json!({ "rel": "derived_from", "href": from.to_string() }));
        };
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        Ok(json!({ "rel": "derived_from", "href": named_by_digest(&digests.of(path)?), "title": name }))
    };
    derived_from.iter().map(link).collect()
}

/// `ni:///sha-256;<base64url>` of a SHA-256 multihash in hex (RFC 6920, section 3).
fn named_by_digest(multihash: &str) -> String {
    let pair = |n: usize| u8::from_str_radix(multihash.get(n..n + 2)?, 16).ok();
    let digest: Vec<u8> = (4..multihash.len()).step_by(2).map_while(pair).collect();
    format!("ni:///sha-256;{}", base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(digest))
}

/// The names that lead from a record's folder to an asset's file.
pub(crate) fn asset_names<'a>(asset: &Asset<'a>) -> &'a str {
    asset.href().trim_start_matches("./")
}

/// A local file by its way from `folder`, anything else by its address.
pub(crate) fn href(folder: &Path, to: &Location) -> String {
    let Some(to) = to.as_path() else { return to.to_string() };
    let absolute = |p: &Path| std::path::absolute(p).unwrap_or_else(|_| p.to_owned());
    let (from, to) = (absolute(folder), absolute(to));
    let common = from.components().zip(to.components()).take_while(|(a, b)| a == b).count();
    let up = from.components().skip(common).map(|_| "..".to_owned());
    let down = to.components().skip(common).map(|c| c.as_os_str().to_string_lossy().into_owned());
    up.chain(down).collect::<Vec<_>>().join("/")
}

/// Whole numbers without a fraction; what isn't finite as null.
fn number(value: f64) -> Value {
    #[expect(clippy::cast_possible_truncation, reason = "only whole numbers that fit are converted")]
    if value.fract() == 0.0 && value.abs() < 1e15 { json!(value as i64) } else { json!(value) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use seedbed_storage::Checksum;

    #[test]
    fn a_local_source_of_a_remote_record_is_named_by_its_digest() {
        // The example of RFC 6920, section 8.1: the digest of `Hello World!`.
        let multihash = Checksum::of_bytes(b"Hello World!").multihash();
        let named = "ni:///sha-256;f4OxZX_x_FO5LcGBSKHWXfwtSx-j1ncoSt3SABJtkGk";
        assert_eq!(named_by_digest(&multihash), named);
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("whc.tif");
        std::fs::write(&path, "Hello World!").unwrap();
        let digests = Digests::kept_in(dir.path().join("digests.json"));
        let archive: Location = "https://archive.example/a.nc".parse().unwrap();
        let links = remote_sources(&[path.as_path().into(), archive], &digests).unwrap();
        assert_eq!(links[0], json!({ "rel": "derived_from", "href": named, "title": "whc.tif" }));
        assert_eq!(links[1]["href"], "https://archive.example/a.nc");
    }

    #[test]
    fn a_local_source_is_named_by_its_way_from_the_record() {
        let to = Location::Local("/data/run/t1/2003/k.json".into());
        assert_eq!(href(Path::new("/data/mosaic/mosaic/2003"), &to), "../../../run/t1/2003/k.json");
        let to: Location = "https://archive.example/a.nc".parse().unwrap();
        assert_eq!(href(Path::new("/data"), &to), "https://archive.example/a.nc");
    }
}
