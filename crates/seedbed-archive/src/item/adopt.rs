//! An API's own item, completed.

use super::band::{number, range};
use super::{PROJECTION, RASTER, end_of, media_type, set_properties, start_of};
use crate::definition::{AssetTable, Claim, Definition};
use crate::grid::Placed;
use crate::group::Grouped;
use seedbed_catalog::Item;
use serde_json::{Map, Value, json};

/// The extension in which STAC 1.0 items describe their bands.
const RASTER_1: &str = "https://stac-extensions.github.io/raster/v1.1.0/schema.json";

/// An API's item, kept as it is but for: its collection and the links to the
/// API's own documents (`self` becomes `via`), the assets' keys, and the claims
/// that it lacks or that the definition replaces.
pub(crate) fn adopt(definition: &Definition, collection: &str, group: &Grouped) -> Result<Item, String> {
    let member = group.first().ok_or("it has no granule")?;
    let mut value = member.granule.item.clone().ok_or("it has no item")?;
    if let Some(links) = value.get_mut("links").and_then(Value::as_array_mut) {
        links.retain(|l| !matches!(l["rel"].as_str(), Some("root" | "parent" | "collection")));
        for link in links.iter_mut().filter(|l| l["rel"] == "self") {
            link["rel"] = json!("via");
        }
    }
    rename_assets(definition, &mut value);
    let old = value["stac_version"].as_str().is_some_and(|v| v.starts_with("1.0"));
    let raster = value["stac_extensions"]
        .as_array()
        .is_some_and(|e| e.iter().filter_map(Value::as_str).any(|e| e.contains("/raster/")));
    let mut item = Item::from_value(value).map_err(|e| e.to_string())?;
    item.set_field("collection", json!(collection));
    if let Some(place) = member.place.as_ref().filter(|_| item.bbox().is_none() || item.geometry().is_none())
    {
        item.set_field("geometry", place.outline.geometry.clone());
        item.set_field("bbox", json!(<[f64; 4]>::from(place.outline.bbox)));
    }
    if item.start().is_none() || item.end().is_none() {
        item.set_property("datetime", Value::Null);
        item.set_property("start_datetime", json!(start_of(member.days.0)));
        item.set_property("end_datetime", json!(end_of(member.days.1)));
    }
    set_properties(&mut item, definition, group, &member.captures);
    for (key, claims) in &definition.assets {
        let lacks_grid = item.asset(key).is_some_and(|a| {
            a.field("proj:shape").is_none() || a.field("proj:transform").is_none() || !has_crs(&a)
        });
        let Some(asset) = item.asset_mut(key) else { continue };
        let added = complete_band(asset, claims, old);
        complete_asset(definition, asset, claims);
        let grid = member.place.as_ref().filter(|p| lacks_grid && p.geobox.is_some());
        if let Some(place) = grid {
            place_asset(asset, place);
            let declared = item.as_value()["stac_extensions"].to_string().contains("/projection/");
            if !declared {
                item.add_extension(PROJECTION);
            }
        }
        if added && !raster {
            item.add_extension(if old { RASTER_1 } else { RASTER });
        }
    }
    Ok(item)
}

fn has_crs(asset: &seedbed_catalog::Asset<'_>) -> bool {
    ["proj:code", "proj:epsg", "proj:wkt2", "proj:projjson"].iter().any(|f| asset.field(f).is_some())
}

fn place_asset(asset: &mut Map<String, Value>, place: &Placed) {
    for (name, value) in place.fields() {
        asset.insert(name.to_owned(), value);
    }
}

/// Renames the assets by the definition's `api_key`s; the others keep their keys and order.
fn rename_assets(definition: &Definition, item: &mut Value) {
    let Some(assets) = item.get_mut("assets").and_then(Value::as_object_mut) else { return };
    let old = std::mem::take(assets);
    for (key, asset) in old {
        let renamed = definition.assets.iter().find(|(_, t)| t.api_key.as_deref() == Some(&key));
        assets.insert(renamed.map_or(key, |(name, _)| name.clone()), asset);
    }
}

fn complete_asset(definition: &Definition, asset: &mut Map<String, Value>, claims: &AssetTable) {
    let href = asset.get("href").and_then(Value::as_str).unwrap_or_default().to_owned();
    let media_type = media_type(definition, Some(claims), &crate::source::file_name(&href));
    for (name, value) in
        [("title", json!(claims.title)), ("type", json!(media_type)), ("roles", json!(claims.roles))]
    {
        if !value.is_null() {
            asset.entry(name).or_insert(value);
        }
    }
}

/// Adds the claims to the first band, where the item's version of STAC has
/// them; whether a field of the raster extension was added.
fn complete_band(asset: &mut Map<String, Value>, claims: &AssetTable, old: bool) -> bool {
    let bands = if old { "raster:bands" } else { "bands" };
    let list = asset.entry(bands).or_insert_with(|| json!([{}]));
    if list.as_array().is_none_or(Vec::is_empty) {
        *list = json!([{}]);
    }
    let Some(band) = list.get_mut(0).and_then(Value::as_object_mut) else { return false };
    let before = band.clone();
    let scale = if old { ["scale", "offset"] } else { ["raster:scale", "raster:offset"] };
    for (claim, name, value) in [
        (Claim::DataType, "data_type", claims.data_type.map(|t| json!(t))),
        (Claim::Nodata, "nodata", claims.nodata.map(number)),
        (Claim::ValidRange, "valid_range", claims.valid_range.map(range)),
        (Claim::Unit, "unit", claims.unit.as_ref().map(|u| json!(u))),
        (Claim::Scale, scale[0], claims.scale.map(|s| json!(s))),
        (Claim::Offset, scale[1], claims.offset.map(|o| json!(o))),
    ] {
        let Some(value) = value else { continue };
        let lacks = band.get(name).is_none_or(Value::is_null);
        if lacks || claims.replace.contains(&claim) {
            band.insert(name.to_owned(), value);
        }
    }
    let added = if old { *band != before } else { scale.iter().any(|s| band.get(*s) != before.get(*s)) };
    if band.is_empty() {
        asset.remove(bands);
    }
    added
}
