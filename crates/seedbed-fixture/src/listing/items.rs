//! MODIS granules as items of the Planetary Computer's STAC API.

use serde_json::{Map, Value, json};

use super::modis::{Composite, PRODUCTS, Platform, Product, Tile};
use super::{Listings, granule, modis};
use crate::modis::{BASE, ITEM_WKT};

/// The collections: products of both satellites by their code.
pub const COLLECTIONS: [&str; 2] = ["modis-13Q1-061", "modis-13A1-061"];

/// The collection of a product.
fn collection(product: &Product) -> String {
    format!("modis-{}-061", &product.name[3..])
}

/// The products of a collection.
pub(crate) fn products(collection: &str) -> impl Iterator<Item = &'static Product> + use<'_> {
    let code = collection.strip_prefix("modis-").and_then(|rest| rest.strip_suffix("-061")).unwrap_or("-");
    PRODUCTS.iter().filter(move |product| &product.name[3..] == code)
}

/// Every item of every collection, the newest first, with [`BASE`] for the server's address.
pub(crate) fn all(spec: &Listings) -> Vec<Value> {
    let mut items: Vec<(String, Value)> = Vec::new();
    for product in COLLECTIONS.iter().flat_map(|collection| products(collection)) {
        modis::each(spec, product, |composite, tile, again| {
            let item = item(composite, tile, again, true);
            let id = item["id"].as_str().unwrap_or_default();
            items.push((format!("{} {id}", composite.start), item));
        });
    }
    items.sort_by(|a, b| b.0.cmp(&a.0));
    items.into_iter().map(|(_, item)| item).collect()
}

/// What a layer's band says.
fn band(suffix: &str, metres: u32) -> Value {
    let mut map = Map::new();
    let data_type = match suffix {
        "VI Quality" => "uint16",
        "pixel reliability" => "int8",
        _ => "int16",
    };
    map.insert("data_type".into(), data_type.into());
    map.insert("spatial_resolution".into(), metres.into());
    let unit = match suffix {
        "NDVI" | "EVI" => Some(suffix),
        "composite day of the year" => Some("Julian Day"),
        "pixel reliability" => Some("Rank"),
        suffix if suffix.ends_with("angle") => Some("Degree"),
        _ => None,
    };
    if let Some(unit) = unit {
        map.insert("unit".into(), unit.into());
    }
    let scale = match suffix {
        "NDVI" | "EVI" => Some(0.0001),
        suffix if suffix.ends_with("reflectance") => Some(0.0001),
        suffix if suffix.ends_with("angle") => Some(0.01),
        _ => None,
    };
    if let Some(scale) = scale {
        map.insert("scale".into(), scale.into());
    }
    Value::Object(map)
}

fn title(suffix: &str) -> &'static str {
    match suffix {
        "NDVI" => "16 day NDVI",
        "EVI" => "16 day EVI",
        "VI Quality" => "VI quality indicators",
        "red reflectance" => "Surface Reflectance Band 1",
        "NIR reflectance" => "Surface Reflectance Band 2",
        "blue reflectance" => "Surface Reflectance Band 3",
        "MIR reflectance" => "Surface Reflectance Band 7",
        "view zenith angle" => "View zenith angle of VI Pixel",
        "sun zenith angle" => "Sun zenith angle of VI pixel",
        "relative azimuth angle" => "Relative azimuth angle of VI pixel",
        "composite day of the year" => "Day of year VI pixel",
        _ => "Quality reliability of VI pixel",
    }
}

/// The assets of the collection: key, title and bands, without addresses.
///
/// Without `whole` the only layer is the index.
pub(crate) fn item_assets(product: &Product, whole: bool) -> Map<String, Value> {
    let mut map = Map::new();
    map.insert(
        "hdf".into(),
        json!({
            "type": "application/x-hdf", "title": "Source data containing all bands", "roles": ["data"],
        }),
    );
    map.insert("metadata".into(), json!({
        "type": "application/xml", "title": "Federal Geographic Data Committee (FGDC) Metadata", "roles": ["metadata"],
    }));
    for layer in product.layers() {
        let suffix = layer.trim_start_matches(product.prefix).trim_start();
        if !whole && suffix != "NDVI" {
            continue;
        }
        map.insert(
            layer.replace(' ', "_"),
            json!({
                "type": "image/tiff; application=geotiff; profile=cloud-optimized",
                "title": title(suffix),
                "raster:bands": [band(suffix, product.metres)],
                "roles": ["data"],
            }),
        );
    }
    map
}

/// An item; one that isn't `whole` has no layers but the index.
pub(crate) fn item(composite: Composite, tile: Tile, again: u32, whole: bool) -> Value {
    let product = composite.product;
    let id = composite.granule(tile, again);
    let collection = collection(product);
    let (left, top) = tile.corner();
    let side = f64::from(product.pixels);
    let (right, bottom) =
        (Tile { h: tile.h + 1, v: tile.v }.corner().0, Tile { h: tile.h, v: tile.v + 1 }.corner().1);
    let ring = tile.ring();
    let close = |ring: &Vec<(f64, f64)>| -> Value {
        ring.iter().chain(ring.first()).map(|&(x, y)| json!([x, y])).collect()
    };
    let geometry = match &granule::parts(&ring)[..] {
        [one] => json!({ "type": "Polygon", "coordinates": [close(one)] }),
        parts => {
            let polygons: Vec<[Value; 1]> = parts.iter().map(|part| [close(part)]).collect();
            json!({ "type": "MultiPolygon", "coordinates": polygons })
        }
    };
    // Over the antimeridian the box's west is east of its east.
    let bbox = match granule::ring_boxes(&ring)[..] {
        [east, west] => [east.west, east.south, west.east, east.north],
        [one, ..] => [one.west, one.south, one.east, one.north],
        [] => [0.0; 4],
    };
    let produced = modis::Named::parse(&id).map(|named| format!("{}Z", named.produced));
    let folder = format!("{}/{:02}/{:02}/{}", product.name, tile.h, tile.v, composite.start.strftime("%Y%j"));
    let mut assets = item_assets(product, whole);
    for (key, asset) in &mut assets {
        let href = match key.as_str() {
            "hdf" => format!("{BASE}/modis-061/{folder}/{id}.hdf"),
            "metadata" => format!("{BASE}/modis-061/{folder}/{id}.hdf.xml"),
            layer => format!("{BASE}/modis-061-cogs/{folder}/{id}_{layer}.tif"),
        };
        if let Some(asset) = asset.as_object_mut() {
            asset.shift_insert(0, "href".into(), href.into());
        }
    }
    let at = format!("{BASE}/api/stac/v1");
    let link = |rel: &str, path: &str| json!({ "rel": rel, "type": "application/json", "href": format!("{at}{path}") });
    let plane = [[right, bottom], [right, top], [left, top], [left, bottom], [right, bottom]];
    json!({
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": id,
        "properties": {
            "datetime": null,
            "start_datetime": format!("{}T00:00:00Z", composite.start),
            "end_datetime": format!("{}T23:59:59Z", composite.end()),
            "created": produced,
            "updated": produced,
            "platform": match product.platform { Platform::Terra => "terra", Platform::Aqua => "aqua" },
            "instruments": ["modis"],
            "modis:horizontal-tile": tile.h,
            "modis:vertical-tile": tile.v,
            "modis:tile-id": format!("51{:03}{:03}", tile.h, tile.v),
            "proj:epsg": null,
            "proj:wkt2": ITEM_WKT,
            "proj:geometry": { "type": "Polygon", "coordinates": [plane] },
            "proj:transform": [(right - left) / side, 0.0, left, 0.0, (bottom - top) / side, top],
            "proj:shape": [product.pixels, product.pixels],
        },
        "geometry": geometry,
        "bbox": bbox,
        "links": [
            link("collection", &format!("/collections/{collection}")),
            link("parent", &format!("/collections/{collection}")),
            link("root", "/"),
            {
                "rel": "self",
                "type": "application/geo+json",
                "href": format!("{at}/collections/{collection}/items/{id}"),
            },
        ],
        "assets": assets,
        "stac_extensions": [
            "https://stac-extensions.github.io/raster/v1.0.0/schema.json",
            "https://stac-extensions.github.io/projection/v1.0.0/schema.json",
            "https://stac-extensions.github.io/file/v2.0.0/schema.json",
        ],
        "collection": collection,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_has_the_published_transform_of_its_tile() {
        let composite = Product::named("MOD13Q1").unwrap().composites(2022)[2];
        let item = item(composite, Tile { h: 9, v: 5 }, 0, true);
        // From the published item of MOD13Q1.A2022033.h09v05.
        let wanted =
            [231.656_358_263_958_25, 0.0, -10_007_554.677, 0.0, -231.656_358_263_958_34, 4_447_802.078_667];
        let transform: Vec<f64> = item["properties"]["proj:transform"]
            .as_array()
            .unwrap()
            .iter()
            .map(|v| v.as_f64().unwrap())
            .collect();
        for (a, b) in transform.iter().zip(wanted) {
            assert!((a - b).abs() < 1e-9, "{a} {b}");
        }
        assert_eq!(item["properties"]["end_datetime"], "2022-02-17T23:59:59Z");
        assert_eq!(item["assets"].as_object().unwrap().len(), 14);
    }

    #[test]
    fn terra_and_aqua_are_mixed_newest_first() {
        let spec = Listings::small();
        let items = all(&spec);
        let of = |collection: &str| items.iter().filter(|item| item["collection"] == collection).count();
        assert_eq!(of("modis-13Q1-061"), spec.stac_items("modis-13Q1-061"));
        let start = |k: usize| items[k]["properties"]["start_datetime"].as_str().unwrap().to_owned();
        assert!(start(0) > start(items.len() - 1));
    }
}
