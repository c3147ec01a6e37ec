//! From grouped granules to STAC items: built anew, or an API's own completed.

mod adopt;
mod band;

pub(crate) use adopt::adopt;

use crate::calendar::Strategy;
use crate::candidate::Candidate;
use crate::definition::{AssetTable, Definition};
use crate::granule::Granule;
use crate::group::Grouped;
use crate::outline::Outline;
use crate::template::{Captures, Template};
use jiff::civil::Date;
use seedbed_catalog::{Item, alternate_assets_schema, file_schema};
use serde_json::{Map, Value, json};

const PROJECTION: &str = "https://stac-extensions.github.io/projection/v2.0.0/schema.json";
const RASTER: &str = "https://stac-extensions.github.io/raster/v2.0.0/schema.json";
const DATACUBE: &str = "https://stac-extensions.github.io/datacube/v2.3.0/schema.json";
const VERSION: &str = "https://stac-extensions.github.io/version/v1.2.0/schema.json";

/// The item of a group of files.
pub(crate) fn build(definition: &Definition, collection: &str, group: &Grouped) -> Option<Item> {
    let first = group.first()?;
    let mut item = Item::new(&group.id);
    if let Some(place) = &first.place {
        item.set_field("geometry", place.outline.geometry.clone());
        item.set_field("bbox", json!(<[f64; 4]>::from(place.outline.bbox)));
    }
    item.set_field("collection", json!(collection));
    let times = group.members.values().map(|m| times(definition, m));
    let (start, end) = times.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))?;
    item.set_property("start_datetime", json!(start));
    item.set_property("end_datetime", json!(end));
    set_properties(&mut item, definition, group, &first.captures);
    for (key, member) in &group.members {
        let claims = definition.assets.get(key);
        let asset = asset(definition, claims, member);
        let has = |name: &str| asset.contains_key(name);
        let used = [
            (PROJECTION, has("proj:shape")),
            (RASTER, claims.is_some_and(|c| c.scale.is_some() || c.offset.is_some())),
            (file_schema(), has("file:size") || has("file:checksum") || has("file:local_path")),
            (alternate_assets_schema(), has("alternate")),
            (DATACUBE, has("cube:dimensions")),
            (VERSION, has("version")),
        ];
        item.set_asset(key, Value::Object(asset));
        for (schema, _) in used.into_iter().filter(|(_, used)| *used) {
            item.add_extension(schema);
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

/// Begin and end: as the listing has them, or of whole days.
fn times(definition: &Definition, member: &Candidate) -> (String, String) {
    match &member.granule.times {
        Some(times) if definition.group.strategy == Strategy::Listed => times.clone(),
        _ => (start_of(member.days.0), end_of(member.days.1)),
    }
}

/// The definition's properties, its preferences' outcome, the newest version and what was superseded.
fn set_properties(item: &mut Item, definition: &Definition, group: &Grouped, captures: &Captures) {
    for (name, template) in &definition.group.properties {
        // What its name doesn't tell, the item doesn't say: the month of a whole year.
        if template.render_whole(captures).is_some() {
            item.set_property(name, property(template, captures));
        }
    }
    for prefer in &definition.group.prefer {
        if let (Some(name), Some(value)) = (&prefer.property, group.choice(prefer)) {
            item.set_property(name, json!(value));
        }
    }
    if let Some(newest) = group.members.values().filter_map(|m| version(definition, m)).max() {
        item.set_property("version", json!(newest));
    }
    if !group.superseded.is_empty() {
        item.set_property("seedbed:superseded", json!(group.superseded));
    }
}

fn version(definition: &Definition, member: &Candidate) -> Option<String> {
    definition.group.version.as_ref()?.render_whole(&member.captures)
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

/// An asset of a file, with the definition's claims if there are any.
fn asset(definition: &Definition, claims: Option<&AssetTable>, member: &Candidate) -> Map<String, Value> {
    let Candidate { granule, captures, place, .. } = member;
    let mut asset = Map::new();
    let mut set = |name: &str, value: Value| {
        if !value.is_null() {
            asset.insert(name.to_owned(), value);
        }
    };
    set("href", json!(granule.href));
    set("title", json!(claims.map(|c| &c.title)));
    set("description", json!(claims.and_then(|c| c.description.as_ref())));
    set("type", json!(media_type(definition, claims, &granule.name)));
    set("roles", claims.map_or_else(|| json!(["data"]), |c| json!(c.roles)));
    set("updated", json!(granule.updated));
    set("listing:modified", json!(granule.listed_date));
    set("version", json!(version(definition, member)));
    if let Some(claims) = claims {
        let band = band::band(claims);
        set("bands", if band.is_empty() { Value::Null } else { json!([band]) });
    }
    for (name, value) in file_fields(granule) {
        set(name, value);
    }
    for prefer in &definition.group.prefer {
        if let Some(name) = &prefer.property {
            set(name, json!(captures.get(&prefer.capture)));
        }
    }
    if let Some(place) = place {
        for (name, value) in place.fields() {
            asset.insert(name.to_owned(), value);
        }
        let (start, end) = times(definition, member);
        let cube =
            claims.and_then(|c| band::cube(c, place, (&start, &end), definition.group.step.as_deref()));
        if let Some((dimensions, variables)) = cube {
            asset.insert("cube:dimensions".to_owned(), dimensions);
            asset.insert("cube:variables".to_owned(), variables);
        }
    }
    asset
}

/// What the listing tells of the file itself.
fn file_fields(granule: &Granule) -> Vec<(&'static str, Value)> {
    let mut fields = vec![
        ("file:size", json!(granule.size)),
        ("file:checksum", json!(granule.checksum)),
        ("seedbed:cksum", json!(granule.cksum)),
        ("seedbed:checksum_href", json!(granule.checksum_href)),
    ];
    // A service's address ends in something else than the file's name.
    if crate::source::file_name(&granule.href) != granule.name {
        fields.push(("file:local_path", json!(granule.name)));
    }
    if let Some(s3) = &granule.s3 {
        fields.push(("alternate", json!({"s3": {"href": s3}})));
    }
    fields
}

/// The asset's own media type, else that of the name's extension.
fn media_type(definition: &Definition, claims: Option<&AssetTable>, name: &str) -> Option<String> {
    let extension = name.rsplit_once('.').map(|(_, e)| e.to_ascii_lowercase());
    claims
        .and_then(|c| c.media_type.clone())
        .or_else(|| definition.media_types.get(extension.as_ref()?).cloned())
        .or_else(|| known_media_type(extension.as_deref()?).map(str::to_owned))
}

fn known_media_type(extension: &str) -> Option<&'static str> {
    Some(match extension {
        "nc" | "nc4" => "application/netcdf",
        "hdf" | "h4" | "hdf4" => "application/x-hdf",
        "h5" | "hdf5" => "application/x-hdf5",
        "tif" | "tiff" => "image/tiff; application=geotiff",
        "zip" => "application/zip",
        "json" => "application/json",
        "xml" => "application/xml",
        "jp2" => "image/jp2",
        "jpg" | "jpeg" => "image/jpeg",
        "png" => "image/png",
        "grib" | "grib2" | "grb2" => "application/wmo-GRIB2",
        "parquet" => "application/vnd.apache.parquet",
        "txt" => "text/plain",
        _ => return None,
    })
}

/// The item of files that belong together by the listing's own word; an asset each.
pub(crate) fn of_files(
    id: &str,
    times: Option<&(String, String)>,
    outline: Option<&Outline>,
    files: &[Granule],
) -> Result<Value, String> {
    let (start, end) = times.ok_or_else(|| "its listing tells no dates".to_owned())?;
    let mut item = Item::new(id);
    if let Some(outline) = outline {
        item.set_field("geometry", outline.geometry.clone());
        item.set_field("bbox", json!(<[f64; 4]>::from(outline.bbox)));
    }
    if start == end {
        item.set_property("datetime", json!(start));
    } else {
        item.set_property("start_datetime", json!(start));
        item.set_property("end_datetime", json!(end));
    }
    for (key, file) in keys(id, files).into_iter().zip(files) {
        let mut asset = Map::new();
        asset.insert("href".to_owned(), json!(file.href));
        let extension = file.name.rsplit_once('.').map(|(_, e)| e.to_ascii_lowercase());
        let media_type = extension.as_deref().and_then(known_media_type);
        let fields = [("type", json!(media_type)), ("roles", json!(["data"]))];
        for (name, value) in fields.into_iter().chain(file_fields(file)).filter(|(_, v)| !v.is_null()) {
            asset.insert(name.to_owned(), value);
        }
        for (schema, name) in [(file_schema(), "file:"), (alternate_assets_schema(), "alternate")] {
            if asset.keys().any(|k| k.starts_with(name)) {
                item.add_extension(schema);
            }
        }
        item.set_asset(&key, Value::Object(asset));
    }
    Ok(item.into_value())
}

/// Keys for files: the extension where only one file has it; else what tells the name from the
/// granule's; else the whole name.
fn keys(id: &str, files: &[Granule]) -> Vec<String> {
    let parts = |name: &str| match name.rsplit_once('.') {
        Some((stem, extension)) => (stem.to_owned(), extension.to_ascii_lowercase()),
        None => (name.to_owned(), String::new()),
    };
    let mut keys: Vec<String> = Vec::new();
    for file in files {
        let (stem, extension) = parts(&file.name);
        let alone = files.iter().filter(|f| parts(&f.name).1 == extension).count() == 1;
        let rest = stem.strip_prefix(id).unwrap_or(&stem).trim_matches(|c: char| !c.is_alphanumeric());
        let wish = if alone && !extension.is_empty() { &extension } else { rest };
        let free = !wish.is_empty() && !keys.iter().any(|k| k == wish);
        keys.push(if free { wish.to_owned() } else { file.name.clone() });
    }
    keys
}
