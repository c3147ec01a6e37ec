//! From grouped granules to STAC items: built anew, or an API's own completed.

use crate::definition::{AssetTable, Claim, Definition};
use crate::granule::Granule;
use crate::grid::Placed;
use crate::group::{Candidate, Grouped};
use crate::template::{Captures, Template};
use jiff::civil::Date;
use seedbed_catalog::{Item, alternate_assets_schema, file_schema};
use serde_json::{Map, Value, json};

const PROJECTION: &str = "https://stac-extensions.github.io/projection/v2.0.0/schema.json";
const RASTER: &str = "https://stac-extensions.github.io/raster/v2.0.0/schema.json";
/// The extension in which STAC 1.0 items describe their bands.
const RASTER_1: &str = "https://stac-extensions.github.io/raster/v1.1.0/schema.json";

/// The item of a group of files.
pub(crate) fn build(definition: &Definition, group: &Grouped) -> Option<Item> {
    let first = group.first()?;
    let mut item = Item::new(&group.id);
    item.set_field("geometry", first.place.geometry.clone());
    item.set_field("bbox", json!(<[f64; 4]>::from(first.place.bbox)));
    item.set_field("collection", json!(definition.name()));
    let days = group.members.values().map(|m| m.days);
    let (start, end) = days.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))?;
    item.set_property("start_datetime", json!(start_of(start)));
    item.set_property("end_datetime", json!(end_of(end)));
    set_properties(&mut item, definition, group, &first.captures);
    item.add_extension(PROJECTION);
    for (key, member) in &group.members {
        let claims = definition.assets.get(key)?;
        item.set_asset(key, Value::Object(asset(definition, claims, member)));
        let granule = &member.granule;
        for (schema, used) in [
            (RASTER, claims.scale.is_some() || claims.offset.is_some()),
            (file_schema(), granule.size.is_some() || granule.checksum.is_some()),
            (alternate_assets_schema(), granule.s3.is_some()),
        ] {
            if used {
                item.add_extension(schema);
            }
        }
    }
    Some(item)
}

fn start_of(day: Date) -> String {
    format!("{day}T00:00:00Z")
}

fn end_of(day: Date) -> String {
    format!("{day}T23:59:59Z")
}

/// The definition's properties, its preferences' outcome and what was superseded.
fn set_properties(item: &mut Item, definition: &Definition, group: &Grouped, captures: &Captures) {
    for (name, template) in &definition.group.properties {
        item.set_property(name, property(template, captures));
    }
    for prefer in &definition.group.prefer {
        if let (Some(name), Some(value)) = (&prefer.property, group.choice(prefer)) {
            item.set_property(name, json!(value));
        }
    }
    if !group.superseded.is_empty() {
        item.set_property("seedbed:superseded", json!(group.superseded));
    }
}

/// A property that is one capture of digits is a number.
fn property(template: &Template, captures: &Captures) -> Value {
    let text = template.render(captures);
    let digits = template.single_capture().is_some() && text.chars().all(|c| c.is_ascii_digit());
    match text.parse::<u64>() {
        Ok(number) if digits => json!(number),
        _ => json!(text),
    }
}

/// An asset of a file, with the definition's claims.
fn asset(definition: &Definition, claims: &AssetTable, member: &Candidate) -> Map<String, Value> {
    let Candidate { granule, captures, place, .. } = member;
    let mut asset = Map::new();
    let mut set = |name: &str, value: Value| {
        if !value.is_null() {
            asset.insert(name.to_owned(), value);
        }
    };
    set("href", json!(granule.href));
    set("title", json!(claims.title));
    set("description", json!(claims.description));
    set("type", json!(claims.media_type));
    set("roles", json!(claims.roles));
    set("updated", json!(granule.updated));
    set("listing:modified", json!(granule.listed_date));
    set("bands", json!([band(claims)]));
    for (name, value) in file_fields(granule) {
        set(name, value);
    }
    for prefer in &definition.group.prefer {
        if let Some(name) = &prefer.property {
            set(name, json!(captures.get(&prefer.capture)));
        }
    }
    for (name, value) in place.fields() {
        asset.insert(name.to_owned(), value);
    }
    asset
}

fn file_fields(granule: &Granule) -> Vec<(&'static str, Value)> {
    let mut fields = vec![
        ("file:size", json!(granule.size)),
        ("file:checksum", json!(granule.checksum.as_ref().map(seedbed_storage::Checksum::multihash))),
        ("seedbed:checksum_href", json!(granule.checksum_href)),
    ];
    if let Some(s3) = &granule.s3 {
        fields.push(("alternate", json!({"s3": {"href": s3}})));
    }
    fields
}

/// A number as JSON; STAC has words for what JSON can't write.
fn number(value: f64) -> Value {
    #[expect(clippy::cast_possible_truncation, reason = "checked to be a whole number of at most 2^53")]
    if value.fract() == 0.0 && value.abs() <= 9_007_199_254_740_992.0 {
        json!(value as i64)
    } else if value.is_nan() {
        json!("nan")
    } else if value.is_infinite() {
        json!(if value > 0.0 { "inf" } else { "-inf" })
    } else {
        json!(value)
    }
}

/// The band of STAC 1.1.
fn band(claims: &AssetTable) -> Map<String, Value> {
    let mut band = Map::new();
    let mut set = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            band.insert(name.to_owned(), value);
        }
    };
    set("name", claims.variable.as_ref().map(|v| json!(v)));
    set("data_type", claims.data_type.map(|t| json!(t)));
    set("nodata", claims.nodata.map(number));
    set("unit", claims.unit.as_ref().map(|u| json!(u)));
    set("raster:scale", claims.scale.map(|s| json!(s)));
    set("raster:offset", claims.offset.map(|o| json!(o)));
    band
}

/// An API's item, kept as it is but for: its collection and the links to the
/// API's own documents (`self` becomes `via`), the assets' keys, and the claims
/// that it lacks or that the definition replaces.
pub(crate) fn adopt(definition: &Definition, group: &Grouped) -> Result<Item, String> {
    let member = group.first().ok_or("it has no granule")?;
    let mut value = member.granule.item.clone().ok_or("it has no item")?;
    if let Some(links) = value["links"].as_array_mut() {
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
    item.set_field("collection", json!(definition.name()));
    if item.bbox().is_none() || item.geometry().is_none() {
        item.set_field("geometry", member.place.geometry.clone());
        item.set_field("bbox", json!(<[f64; 4]>::from(member.place.bbox)));
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
        complete_asset(asset, claims);
        if lacks_grid {
            place_asset(asset, &member.place);
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
    let Some(assets) = item["assets"].as_object_mut() else { return };
    let old = std::mem::take(assets);
    for (key, asset) in old {
        let renamed = definition.assets.iter().find(|(_, t)| t.api_key.as_deref() == Some(&key));
        assets.insert(renamed.map_or(key, |(name, _)| name.clone()), asset);
    }
}

fn complete_asset(asset: &mut Map<String, Value>, claims: &AssetTable) {
    for (name, value) in
        [("title", json!(claims.title)), ("type", json!(claims.media_type)), ("roles", json!(claims.roles))]
    {
        asset.entry(name).or_insert(value);
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
