//! One asset of an item: a file, its band, its place.

use crate::{CatalogError, Item, document, href};
use seedbed_grid::{Affine, Claim, Projections, Shape2d};
use seedbed_storage::Location;
use serde_json::{Map, Value};

/// The `$id` of the alternate-assets extension that copying uses.
#[must_use]
pub fn alternate_assets_schema() -> &'static str {
    "https://stac-extensions.github.io/alternate-assets/v1.2.0/schema.json"
}

/// The `$id` of the file extension that copying uses.
#[must_use]
pub fn file_schema() -> &'static str {
    "https://stac-extensions.github.io/file/v2.1.0/schema.json"
}

/// The `$id` of the version extension, by which superseded copies are marked.
#[must_use]
pub fn version_schema() -> &'static str {
    "https://stac-extensions.github.io/version/v1.2.0/schema.json"
}

/// The asset's field that stands for `file:size` and `file:checksum` where the asset is a
/// folder, such as a Zarr group, which those two don't know: `files`, `size` in bytes, and
/// `checksum`, that of its list of files (a line `<multihash> <name>` each, by name).
pub const FOLDER: &str = "seedbed:folder";

/// The fields of bands that are common metadata of STAC 1.1; those of the raster extension have its prefix.
const COMMON: [&str; 3] = ["nodata", "data_type", "unit"];

/// A view of one asset, with the item around it.
#[derive(Debug, Clone, Copy)]
pub struct Asset<'a> {
    item: &'a Item,
    key: &'a str,
    value: &'a Map<String, Value>,
}

/// What the first band of an asset is, from wherever the item says it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Band {
    /// The variable inside a file of several: a netCDF variable or HDF4 SDS name.
    pub name: Option<String>,
    /// The stored value that stands for no data; NaN and infinities included.
    pub nodata: Option<f64>,
    /// value = stored × scale + offset.
    pub scale: Option<f64>,
    /// value = stored × scale + offset.
    pub offset: Option<f64>,
    /// Unit of the scaled value, as written.
    pub unit: Option<String>,
    /// STAC's name of the stored type, such as `int16` or `float32`.
    pub data_type: Option<String>,
    /// The least and the greatest stored value that stand for an observation
    /// (`valid_range`, a field of CF's that STAC has no name for).
    pub valid_range: Option<[f64; 2]>,
}

/// Where a copy came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin<'a> {
    /// The address it was first copied from.
    pub href: &'a str,
    /// Bytes, if the archive's listing said so.
    pub size: Option<u64>,
    /// Multihash, if the archive's listing said so.
    pub checksum: Option<&'a str>,
    /// The entity tag that the server gave with the file.
    pub etag: Option<&'a str>,
    /// The time of the last change that the server gave with the file.
    pub last_modified: Option<&'a str>,
}

/// What an archive said of a file, which copying doesn't change.
///
/// A checksum alone identifies a file; without one its first address does,
/// with the size and version that the archive's listing gave, if any.
#[derive(Debug, Clone, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Identity {
    /// Multihash, in hexadecimal, that the archive states.
    Checksum(String),
    /// The address at the archive.
    Origin {
        /// URL or path where the file was first found.
        href: String,
        /// Bytes, if listed.
        size: Option<u64>,
        /// Time of the last change or another mark of its version, if listed.
        version: Option<String>,
    },
}

impl<'a> Asset<'a> {
    pub(crate) fn new(item: &'a Item, key: &'a str, value: &'a Map<String, Value>) -> Self {
        Self { item, key, value }
    }

    /// The document that its hrefs count from.
    pub(crate) fn document(&self) -> Option<&'a Location> {
        self.item.location()
    }

    /// Its key in the item.
    #[must_use]
    pub fn key(&self) -> &'a str {
        self.key
    }

    /// Its JSON.
    #[must_use]
    pub fn as_object(&self) -> &'a Map<String, Value> {
        self.value
    }

    /// The href as written.
    #[must_use]
    pub fn href(&self) -> &'a str {
        document::text(self.value, "href").unwrap_or_default()
    }

    /// The media type.
    #[must_use]
    pub fn media_type(&self) -> Option<&'a str> {
        document::text(self.value, "type")
    }

    /// The roles, such as `data`.
    pub fn roles(&self) -> impl Iterator<Item = &'a str> {
        self.value.get("roles").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
    }

    /// Whether it is a copy of a version that its archive has replaced.
    #[must_use]
    pub fn is_superseded(&self) -> bool {
        self.value.get("deprecated") == Some(&Value::Bool(true)) && self.roles().any(|r| r == "superseded")
    }

    /// `file:checksum`: a multihash in hexadecimal.
    #[must_use]
    pub fn checksum(&self) -> Option<&'a str> {
        document::text(self.value, "file:checksum")
    }

    /// `file:size` in bytes.
    #[must_use]
    pub fn size(&self) -> Option<u64> {
        self.value.get("file:size").and_then(Value::as_u64)
    }

    /// Where the file is: the href counted from the item's document.
    ///
    /// # Errors
    /// [`CatalogError::Href`] if no store can be meant.
    pub fn location(&self) -> Result<Location, CatalogError> {
        href::resolve_file(self.item.location(), self.href())
    }

    /// Where the file was copied from, if it is a copy: `alternate.origin.href`.
    #[must_use]
    pub fn origin(&self) -> Option<&'a str> {
        self.origin_object().and_then(|o| document::text(o, "href"))
    }

    /// What is recorded of the origin; what names no address is none.
    pub(crate) fn origin_object(&self) -> Option<&'a Map<String, Value>> {
        let origin = self.value.get("alternate")?.get("origin")?.as_object()?;
        document::text(origin, "href").is_some_and(|href| !href.is_empty()).then_some(origin)
    }

    /// All that is recorded of where a copy came from.
    #[must_use]
    pub fn origin_record(&self) -> Option<Origin<'a>> {
        let origin = self.origin_object()?;
        Some(Origin {
            href: document::text(origin, "href")?,
            size: origin.get("file:size").and_then(Value::as_u64),
            checksum: document::text(origin, "file:checksum"),
            etag: document::text(origin, "seedbed:etag"),
            last_modified: document::text(origin, "seedbed:last_modified"),
        })
    }

    /// The version of the source that a copy was made from: its `ETag`, else
    /// its `Last-Modified`, as the server wrote them.
    #[must_use]
    pub fn source_version(&self) -> Option<&'a str> {
        let origin = self.origin_record()?;
        origin.etag.or(origin.last_modified)
    }

    /// What identifies the file at its archive: the same before and after a copy.
    #[must_use]
    pub fn identity(&self) -> Identity {
        let (declared, href) = match self.origin_object() {
            Some(origin) => (origin, document::text(origin, "href").unwrap_or_default().to_owned()),
            None => (self.value, href::public_href(self.item.location(), self.href())),
        };
        let of_folder = || declared.get(FOLDER)?.get("checksum")?.as_str();
        match document::text(declared, "file:checksum").or_else(of_folder) {
            Some(checksum) => Identity::Checksum(checksum.to_owned()),
            None => Identity::Origin {
                href,
                size: declared.get("file:size").and_then(Value::as_u64),
                version: document::text(declared, "updated")
                    .or_else(|| document::text(declared, "version"))
                    .map(str::to_owned),
            },
        }
    }

    /// Its first band: `bands[0]` of STAC 1.1, then the asset's own fields, then
    /// the older `raster:bands[0]` and `eo:bands[0]`, then the item's properties, which
    /// stand for all its assets.
    #[must_use]
    pub fn band(&self) -> Band {
        let first = |key: &str| self.value.get(key).and_then(|bands| bands.get(0)).and_then(Value::as_object);
        let (band, raster, eo) = (first("bands"), first("raster:bands"), first("eo:bands"));
        let field = |name: &str| {
            let prefixed = format!("raster:{name}");
            [band, Some(self.value)]
                .into_iter()
                .flatten()
                .find_map(|o| o.get(name).or_else(|| o.get(&prefixed)))
                .or_else(|| raster.and_then(|o| o.get(name)))
                .or_else(|| self.of_all(name, &prefixed))
                .filter(|v| !v.is_null())
        };
        let text = |name: &str| field(name).and_then(Value::as_str).map(str::to_owned);
        let name = [band, raster, eo].into_iter().flatten().find_map(|b| document::text(b, "name"));
        Band {
            name: name.map(str::to_owned),
            nodata: field("nodata").and_then(number),
            scale: field("scale").and_then(number),
            offset: field("offset").and_then(number),
            unit: text("unit"),
            data_type: text("data_type"),
            valid_range: field("valid_range").and_then(|v| Some([v[0].as_f64()?, v[1].as_f64()?])),
        }
    }

    /// A field of a band that the item's properties state: by its own name where that is one of
    /// STAC's common metadata.
    fn of_all(&self, name: &str, prefixed: &str) -> Option<&'a Value> {
        let common = COMMON.contains(&name).then(|| self.item.property(name)).flatten();
        common.or_else(|| self.item.property(prefixed))
    }

    /// A field of the asset, else of the item's properties.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&'a Value> {
        self.value.get(name).or_else(|| self.item.property(name)).filter(|v| !v.is_null())
    }

    /// What is said of where it lies, by `proj:code` (or `proj:wkt2`, `proj:epsg`, `proj:projjson`), `proj:shape`,
    /// `proj:transform` and `proj:bbox`, each of the asset or else of the item.
    ///
    /// # Errors
    /// [`CatalogError::Crs`] for a CRS that isn't understood, [`CatalogError::Document`] for a field of the wrong form.
    pub fn claim(&self, projections: &dyn Projections) -> Result<Claim, CatalogError> {
        let bad = |field: &str, what: &str| {
            CatalogError::document(
                &self.item.name(),
                format!("`{field}` of asset `{}` is no {what}", self.key),
            )
        };
        let said = |field| self.field(field).filter(|value| !value.is_null());
        let shape = said("proj:shape").map(|shape| {
            let sizes: Option<Vec<usize>> = list(shape, |v| usize::try_from(v.as_u64()?).ok());
            match sizes.as_deref() {
                Some([rows, cols]) => Ok(Shape2d { rows: *rows, cols: *cols }),
                _ => Err(bad("proj:shape", "pair of rows and columns")),
            }
        });
        let affine = said("proj:transform").map(|transform| {
            let numbers: Option<Vec<f64>> = list(transform, Value::as_f64);
            match numbers.as_deref() {
                Some([a, b, c, d, e, f] | [a, b, c, d, e, f, _, _, _]) => {
                    Ok(Affine::from([*a, *b, *c, *d, *e, *f]))
                }
                _ => Err(bad("proj:transform", "list of six or nine numbers")),
            }
        });
        let crs = self.crs().map(|crs| {
            projections.resolve(&crs).map_err(|source| CatalogError::Crs {
                at: self.item.name(),
                asset: self.key.to_owned(),
                source,
            })
        });
        let edges = said("proj:bbox").and_then(|bbox| list(bbox, Value::as_f64)?.try_into().ok());
        Ok(Claim { shape: shape.transpose()?, affine: affine.transpose()?, crs: crs.transpose()?, edges })
    }

    /// The definition of its CRS.
    fn crs(&self) -> Option<String> {
        let said = |field| self.field(field).filter(|value| !value.is_null());
        said("proj:code")
            .or_else(|| said("proj:wkt2"))
            .and_then(|v| v.as_str().map(str::to_owned))
            .or_else(|| said("proj:epsg").map(|v| format!("EPSG:{v}")))
            .or_else(|| said("proj:projjson").map(Value::to_string))
    }
}

fn list<T>(value: &Value, of: impl Fn(&Value) -> Option<T>) -> Option<Vec<T>> {
    value.as_array()?.iter().map(of).collect()
}

/// A JSON number, or one of the words STAC has for what JSON can't write.
fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(n) => n.as_f64(),
        Value::String(word) => match word.to_ascii_lowercase().as_str() {
            "nan" => Some(f64::NAN),
            "inf" | "+inf" => Some(f64::INFINITY),
            "-inf" => Some(f64::NEG_INFINITY),
            text => text.parse().ok(),
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use seedbed_grid::{Crs, ProjectionError, Transform};
    use serde_json::json;

    fn with(asset: Value) -> Item {
        let mut item = Item::new("i");
        item.set_asset("a", asset);
        item
    }

    #[test]
    fn bands_are_read_in_every_dialect() {
        let new = with(json!({"href": "x", "nodata": -9999, "bands": [
            {"name": "tmax", "unit": "degC", "data_type": "int16", "raster:scale": 0.1, "nodata": -32768,
             "valid_range": [-500, 600]}]}));
        let old = with(json!({"href": "x", "eo:bands": [{"name": "tmax"}], "raster:bands": [
            {"unit": "degC", "data_type": "int16", "scale": 0.1, "nodata": -32768, "valid_range": [-500, 600]}]}));
        let expected = Band {
            name: Some("tmax".into()),
            nodata: Some(-32768.0),
            scale: Some(0.1),
            offset: None,
            unit: Some("degC".into()),
            data_type: Some("int16".into()),
            valid_range: Some([-500.0, 600.0]),
        };
        assert_eq!(new.asset("a").unwrap().band(), expected);
        assert_eq!(old.asset("a").unwrap().band(), expected);
    }

    #[test]
    fn what_holds_for_all_assets_stands_in_the_items_properties() {
        let band = |asset: Value, properties: Value| {
            let mut item = with(asset);
            for (name, value) in properties.as_object().unwrap() {
                item.set_property(name, value.clone());
            }
            item.asset("a").unwrap().band()
        };
        let said = json!({
            "nodata": -5, "unit": "K", "data_type": "int16", "raster:scale": 0.1, "raster:offset": 1,
            "scale": 1_000_000, "offset": "none",
        });
        let expected = Band {
            nodata: Some(-5.0),
            scale: Some(0.1),
            offset: Some(1.0),
            unit: Some("K".into()),
            data_type: Some("int16".into()),
            ..Band::default()
        };
        assert_eq!(band(json!({"href": "x"}), said.clone()), expected);
        let own = band(json!({"href": "x", "bands": [{"unit": "degC"}], "raster:scale": 0.5}), said.clone());
        assert_eq!(own, Band { scale: Some(0.5), unit: Some("degC".into()), ..expected });
        assert_eq!(band(json!({"href": "x", "nodata": null}), said).nodata, None);
    }

    #[test]
    fn nodata_may_be_a_word() {
        let nodata = |v: Value| with(json!({"href": "x", "nodata": v})).asset("a").unwrap().band().nodata;
        assert!(nodata(json!("nan")).unwrap().is_nan());
        assert_eq!(nodata(json!("inf")), Some(f64::INFINITY));
        assert_eq!(nodata(json!("-inf")), Some(f64::NEG_INFINITY));
        assert_eq!(nodata(json!(-9999)), Some(-9999.0));
        assert_eq!(nodata(json!(null)), None);
    }

    struct Wkt;
    impl Projections for Wkt {
        fn resolve(&self, definition: &str) -> Result<Crs, ProjectionError> {
            if definition == "EPSG:0" {
                return Err(ProjectionError::Unknown {
                    definition: definition.into(),
                    reason: "none".into(),
                });
            }
            Ok(Crs { code: None, wkt2: definition.into(), projjson: Value::Null, geographic: false })
        }
        fn transform(&self, from: &Crs, to: &Crs) -> Result<Box<dyn Transform>, ProjectionError> {
            Err(ProjectionError::NoPath { from: from.to_string(), to: to.to_string(), reason: "none".into() })
        }
    }

    #[test]
    fn what_is_said_of_a_place_is_taken_as_far_as_it_is_said() {
        let item = with(json!({"href": "x", "proj:epsg": null, "proj:shape": [2, 3]}));
        let claim = item.asset("a").unwrap().claim(&Wkt).unwrap();
        assert_eq!((claim.crs, claim.affine, claim.shape), (None, None, Some(Shape2d { rows: 2, cols: 3 })));
        let item = with(json!({"href": "x", "proj:code": "EPSG:1", "proj:bbox": [1, 2, 3, 4]}));
        let claim = item.asset("a").unwrap().claim(&Wkt).unwrap();
        assert_eq!((claim.crs.is_some(), claim.edges), (true, Some([1.0, 2.0, 3.0, 4.0])));
        assert!(with(json!({"href": "x"})).asset("a").unwrap().claim(&Wkt).unwrap().is_empty());
    }

    #[test]
    fn a_geobox_is_pieced_together_from_asset_and_item() {
        let mut item = with(json!({"href": "x", "proj:shape": [2, 3]}));
        assert!(item.asset("a").unwrap().claim(&Wkt).unwrap().geobox().is_none());
        item.set_property("proj:transform", json!([10, 0, 100, 0, -10, 200, 0, 0, 1]));
        item.set_property("proj:code", Value::Null);
        item.set_property("proj:wkt2", json!("PROJCRS[]"));
        let geobox = item.asset("a").unwrap().claim(&Wkt).unwrap().geobox().unwrap();
        assert_eq!((geobox.shape.rows, geobox.shape.cols), (2, 3));
        assert_eq!(<[f64; 6]>::from(geobox.affine), [10.0, 0.0, 100.0, 0.0, -10.0, 200.0]);
        assert_eq!(geobox.crs.wkt2, "PROJCRS[]");

        item.set_property("proj:code", json!("EPSG:0"));
        assert!(item.asset("a").unwrap().claim(&Wkt).is_err());
        item.set_property("proj:transform", json!([1, 2]));
        let error = item.asset("a").unwrap().claim(&Wkt).unwrap_err().to_string();
        assert!(error.contains("proj:transform") && error.contains("item i"), "{error}");
    }

    #[test]
    fn an_identity_is_the_same_before_and_after_a_copy() {
        let before = with(json!({"href": "https://h.org/x.nc", "file:size": 7}));
        let after = with(json!({"href": "./x.nc", "file:size": 7, "file:checksum": "1220aa",
            "alternate": {"origin": {"href": "https://h.org/x.nc", "file:size": 7, "seedbed:etag": "\"1\""}}}));
        assert_eq!(before.asset("a").unwrap().identity(), after.asset("a").unwrap().identity());
        assert_eq!(after.asset("a").unwrap().source_version(), Some("\"1\""));
    }
}
