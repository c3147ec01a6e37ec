//! What the API says of itself and of its collections.

use serde_json::{Value, json};

use super::{GEOJSON, href, link};
use crate::listing::items;
use crate::serve::request::Asked;
use crate::serve::{Post, Site};

const CORE: [&str; 9] = [
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/geojson",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/oas30",
    "https://api.stacspec.org/v1.0.0/collections",
    "https://api.stacspec.org/v1.0.0/core",
    "https://api.stacspec.org/v1.0.0/item-search",
    "https://api.stacspec.org/v1.0.0/ogcapi-features",
    "https://api.stacspec.org/v1.0.0-rc.2/item-search#context",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/html",
];

const EXTENSIONS: [&str; 9] = [
    "http://www.opengis.net/spec/cql2/1.0/conf/basic-cql2",
    "http://www.opengis.net/spec/cql2/1.0/conf/advanced-comparison-operators",
    "http://www.opengis.net/spec/cql2/1.0/conf/cql2-json",
    "http://www.opengis.net/spec/cql2/1.0/conf/cql2-text",
    "http://www.opengis.net/spec/ogcapi-features-3/1.0/conf/filter",
    "http://www.opengis.net/spec/ogcapi-features-3/1.0/conf/features-filter",
    "https://api.stacspec.org/v1.0.0/item-search#fields",
    "https://api.stacspec.org/v1.0.0/item-search#filter",
    "https://api.stacspec.org/v1.0.0/item-search#sort",
];

/// The conformance classes.
pub(super) fn conforms_to(site: &Site) -> Vec<&'static str> {
    let extensions = if site.options.stac_basic { &[][..] } else { &EXTENSIONS };
    CORE.iter().chain(extensions).copied().collect()
}

/// The landing page.
pub(super) fn landing(site: &Site, asked: &Asked, collections: &[&str]) -> Value {
    let mut links = vec![
        link("self", "/", asked),
        link("root", "/", asked),
        link("data", "/collections", asked),
        link("conformance", "/conformance", asked),
    ];
    let methods = if site.options.stac_post == Post::Refused { &["GET"][..] } else { &["GET", "POST"] };
    for method in methods {
        links.push(json!({
            "rel": "search", "type": GEOJSON, "title": "STAC search",
            "href": href("/search", asked), "method": method,
        }));
    }
    if !site.options.stac_basic {
        links.push(json!({
            "rel": "http://www.opengis.net/def/rel/ogc/1.0/queryables",
            "type": "application/schema+json",
            "title": "Queryables",
            "href": href("/queryables", asked),
        }));
    }
    for id in collections {
        links.push(json!({
            "rel": "child",
            "type": "application/json",
            "title": title(id),
            "href": href(&format!("/collections/{id}"), asked),
        }));
    }
    links.push(json!({
        "rel": "service-desc",
        "type": "application/vnd.oai.openapi+json;version=3.0",
        "href": href("/openapi.json", asked),
    }));
    json!({
        "type": "Catalog",
        "id": "microsoft-pc",
        "title": "Microsoft Planetary Computer STAC API",
        "description": "Searchable spatiotemporal metadata describing Earth science datasets hosted by the Microsoft Planetary Computer",
        "stac_version": "1.0.0",
        "conformsTo": conforms_to(site),
        "links": links,
    })
}

fn metres(id: &str) -> u32 {
    items::products(id).next().map_or(500, |product| product.metres)
}

fn title(id: &str) -> String {
    format!("MODIS Vegetation Indices 16-Day ({}m)", metres(id))
}

/// The list of collections.
pub(super) fn collections(asked: &Asked, ids: &[&str]) -> Value {
    let list: Vec<Value> = ids.iter().map(|id| collection(asked, id)).collect();
    json!({
        "collections": list,
        "links": [link("root", "/", asked), link("self", "/collections", asked)],
    })
}

/// A collection.
pub(super) fn collection(asked: &Asked, id: &str) -> Value {
    let at = format!("/collections/{id}");
    let names = items::products(id).map(|product| product.name);
    let keywords = ["NASA", "MODIS", "Satellite"].into_iter().chain(names);
    let item_assets = items::products(id).next().map(|product| items::item_assets(product, true));
    json!({
        "type": "Collection",
        "id": id,
        "stac_version": "1.0.0",
        "stac_extensions": [
            "https://stac-extensions.github.io/item-assets/v1.0.0/schema.json",
            "https://stac-extensions.github.io/raster/v1.0.0/schema.json",
        ],
        "title": title(id),
        "description": format!(
            "The Moderate Resolution Imaging Spectroradiometer (MODIS) Vegetation Indices 16-Day Version 6.1 \
             product at {} m, from Terra and Aqua. These are synthetic items, made for tests.",
            metres(id)
        ),
        "license": "proprietary",
        "keywords": (keywords.collect::<Vec<_>>()),
        "providers": [
            { "name": "NASA LP DAAC at the USGS EROS Center", "roles": ["producer", "licensor", "processor"], "url": "https://lpdaac.usgs.gov/" },
            { "name": "Microsoft", "roles": ["host"], "url": "https://planetarycomputer.microsoft.com" },
        ],
        "extent": {
            "spatial": { "bbox": [[-180, -90, 180, 90]] },
            "temporal": { "interval": [["2000-02-18T00:00:00Z", null]] },
        },
        "summaries": { "instruments": ["modis"], "platform": ["aqua", "terra"] },
        "item_assets": item_assets,
        "links": [
            link("self", &at, asked),
            link("root", "/", asked),
            link("parent", "/", asked),
            { "rel": "items", "type": GEOJSON, "href": href(&format!("{at}/items"), asked) },
            { "rel": "license", "href": "https://lpdaac.usgs.gov/data/data-citation-and-policies/", "title": "LP DAAC - Data Citation and Policies" },
        ],
    })
}

/// What may be filtered by.
pub(super) fn queryables(asked: &Asked, path: &str) -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2019-09/schema",
        "$id": href(path, asked),
        "type": "object",
        "title": "MODIS Queryables",
        "properties": {
            "id": { "title": "Item ID", "type": "string" },
            "collection": { "title": "Collection ID", "type": "string" },
            "geometry": { "$ref": "https://geojson.org/schema/Geometry.json" },
            "datetime": { "title": "Acquired", "type": "string", "format": "date-time" },
            "start_datetime": { "type": "string", "format": "date-time" },
            "end_datetime": { "type": "string", "format": "date-time" },
            "platform": { "type": "string", "enum": ["terra", "aqua"] },
            "modis:horizontal-tile": { "type": "integer", "minimum": 0, "maximum": 35 },
            "modis:vertical-tile": { "type": "integer", "minimum": 0, "maximum": 17 },
            "modis:tile-id": { "type": "string" },
        },
        "additionalProperties": true,
    })
}
