//! Verdicts on damaged documents, held against other validators'.

use crate::python::{core_schemas, python, schemas_by_id, succeeds};
use crate::support::{at, stores};
use seedbed_catalog::validate::{Check, Validator};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

/// How many damaged documents are made.
const MUTANTS: usize = 500;

/// The verdicts of stac-validator, with the schemas at hand.
const WITH_STAC_VALIDATOR: &str = r"
import json, sys
from stac_validator.stac_validator import StacValidate
from stac_validator.utilities import set_schema_cache_size

set_schema_cache_size(64)
maps = json.load(open(sys.argv[1]))
for document in json.load(open(sys.argv[2])):
    print(int(StacValidate(schema_map=dict(maps)).validate_dict(document)))
";

/// Numbers that look like chance and are the same every time (xorshift64).
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % end as u64).unwrap()
    }

    fn of<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[self.below(choices.len())]
    }
}

fn crs() -> Value {
    json!({"$schema": "https://proj.org/schemas/v0.7/projjson.schema.json", "type": "GeographicCRS",
        "name": "WGS 84", "datum": {"type": "GeodeticReferenceFrame", "name": "World Geodetic System 1984",
            "ellipsoid": {"name": "WGS 84", "semi_major_axis": 6_378_137, "inverse_flattening": 298.257_223_563}},
        "coordinate_system": {"subtype": "ellipsoidal", "axis": [
            {"name": "Latitude", "abbreviation": "Lat", "direction": "north", "unit": "degree"},
            {"name": "Longitude", "abbreviation": "Lon", "direction": "east", "unit": "degree"}]},
        "id": {"authority": "EPSG", "code": 4326}})
}

fn daymet(version: &str, extended: bool) -> Value {
    let asset = |name: &str| {
        json!({"href": format!("https://h.org/daymet_{name}_1980.nc"), "title": name, "type": "application/x-netcdf",
            "roles": ["data"], "proj:wkt2": "GEOGCRS[]", "proj:projjson": crs(), "proj:shape": [8075, 7814],
            "proj:transform": [1000.0, 0.0, -4_560_750.0, 0.0, -1000.0, 4_984_500.0],
            "bands": [{"name": name, "data_type": "float32", "nodata": -9999, "unit": "degC",
                "raster:scale": 0.1, "raster:sampling": "area"}],
            "file:size": 1000, "file:checksum": "1220aabb",
            "alternate": {"s3": {"href": "s3://b/k.nc", "alternate:name": "S3"}}})
    };
    let names = [
        "projection/v2.0.0",
        "raster/v2.0.0",
        "file/v2.1.0",
        "alternate-assets/v1.2.0",
        "scientific/v1.0.0",
        "version/v1.2.0",
    ];
    let extensions: Vec<String> = names
        .iter()
        .filter(|_| extended)
        .map(|n| format!("https://stac-extensions.github.io/{n}/schema.json"))
        .collect();
    json!({"type": "Feature", "stac_version": version, "stac_extensions": extensions, "id": "daymet-na-1980",
        "geometry": {"type": "Polygon", "coordinates": [[[-10, 0], [10, 0], [10, 5], [-10, 5], [-10, 0]]]},
        "bbox": [-10, 0, 10, 5], "collection": "daymet",
        "properties": {"datetime": null, "start_datetime": "1980-01-01T00:00:00Z", "end_datetime": "1980-12-30T23:59:59Z",
            "created": "2022-11-01T00:00:00Z", "title": "Daymet", "description": "d", "license": "other", "gsd": 1000,
            "platform": "p", "instruments": ["i"], "sci:doi": "10.3334/ORNLDAAC/2129", "version": "4.1", "deprecated": false,
            "providers": [{"name": "ORNL", "roles": ["producer", "host"], "url": "https://daymet.ornl.gov"}]},
        "links": [{"rel": "collection", "href": "../collection.json", "type": "application/json"},
            {"rel": "parent", "href": "../collection.json", "title": "t"}],
        "assets": {"tmax": asset("tmax"), "tmin": asset("tmin")}})
}

fn collection(version: &str) -> Value {
    json!({"type": "Collection", "stac_version": version, "stac_extensions": [], "id": "daymet", "title": "t",
        "description": "d", "keywords": ["a", "b"], "license": "CC0-1.0",
        "providers": [{"name": "ORNL", "roles": ["producer"], "url": "https://h.org"}],
        "extent": {"spatial": {"bbox": [[-10, 0, 10, 5], [-1, 1, 2, 3]]},
            "temporal": {"interval": [["1980-01-01T00:00:00Z", null]]}},
        "summaries": {"gsd": [1000], "year": {"minimum": 1980, "maximum": 2020}, "platform": ["p"]},
        "item_assets": {"tmax": {"title": "t", "type": "application/x-netcdf", "roles": ["data"]}},
        "assets": {"about": {"href": "./about.pdf", "roles": ["metadata"]}},
        "links": [{"rel": "root", "href": "../catalog.json"}, {"rel": "item", "href": "./a.json"}]})
}

fn catalog(version: &str) -> Value {
    json!({"type": "Catalog", "stac_version": version, "id": "root", "title": "t", "description": "d",
        "links": [{"rel": "child", "href": "./c/collection.json", "type": "application/json", "title": "c"}]})
}

/// Every place in a document.
fn pointers(value: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                pointers(value, &format!("{at}/{}", key.replace('~', "~0").replace('/', "~1")), found);
            }
        }
        Value::Array(values) => {
            values.iter().enumerate().for_each(|(n, value)| pointers(value, &format!("{at}/{n}"), found));
        }
        _ => {}
    }
}

/// One thing taken away, put in place of another, or added.
fn damage(document: &mut Value, chance: &mut Chance) -> String {
    let mut places = Vec::new();
    pointers(document, "", &mut places);
    // Not the whole, and not what says which schemas count.
    places.retain(|p| {
        !p.is_empty() && p != "/type" && p != "/stac_version" && !p.starts_with("/stac_extensions")
    });
    let place = chance.of(&places).clone();
    let (parent, key) = place.rsplit_once('/').unwrap();
    let key = key.replace("~1", "/").replace("~0", "~");
    let parent = document.pointer_mut(parent).unwrap();
    let how = chance.below(4);
    if how == 0 {
        match parent {
            Value::Object(object) => drop(object.shift_remove(&key)),
            Value::Array(values) => drop(values.remove(key.parse().unwrap())),
            _ => unreachable!(),
        }
        return format!("{place} taken away");
    }
    if how == 1 && parent.is_object() {
        let odd = *chance.of(&[
            "proj:nonsense",
            "file:size",
            "bands",
            "datetime",
            "alternate:name",
            "collection",
            "version",
            "roles",
        ]);
        parent.as_object_mut().unwrap().insert(odd.to_owned(), json!(7));
        return format!("{odd} = 7 put beside {place}");
    }
    let new = chance
        .of(&[
            json!(null),
            json!(true),
            json!(-1),
            json!(0.5),
            json!(""),
            json!("nonsense"),
            json!("2020-02-30"),
            json!("2020-01-01T00:00:00+02:00"),
            json!([]),
            json!({}),
            json!([1, 2, 3]),
            json!({"a": 1}),
            json!("int12"),
            json!(["data"]),
        ])
        .clone();
    let said = format!("{place} = {new}");
    match parent {
        Value::Object(object) => object[&key] = new,
        Value::Array(values) => values[key.parse::<usize>().unwrap()] = new,
        _ => unreachable!(),
    }
    said
}

/// Whether the schemas alone call it valid.
async fn valid(document: &Value, schemas: Option<&Path>, folder: &Path) -> bool {
    let path = folder.join("document.json");
    fs::write(&path, document.to_string()).unwrap();
    let mut validator = Validator::new(schemas).unwrap();
    validator.add(&stores(), &at(&path)).await;
    let report = validator.finish();
    assert!(report.unchecked.is_empty(), "{:?}", report.unchecked);
    !report.documents.iter().flat_map(|d| &d.problems).any(|p| p.check == Check::Schema)
}

#[tokio::test]
async fn verdicts_are_those_of_stac_validator_on_damaged_documents() {
    let Some(python) = python() else { return };
    let folder = tempfile::tempdir().unwrap();
    let data = std::env::var_os("SEEDBED_REAL_DATA").map(|data| Path::new(&data).join("schemas"));
    let extended = data.is_some();
    let kinds = [
        daymet("1.1.0", extended),
        daymet("1.1.0", extended),
        daymet("1.0.0", false),
        collection("1.1.0"),
        collection("1.0.0"),
        catalog("1.1.0"),
    ];
    let mut chance = Chance(0x5EED_BED5_EED5_EED5);
    let mut mutants: Vec<(String, Value)> =
        kinds.iter().map(|d| ("unharmed".to_owned(), d.clone())).collect();
    while mutants.len() < kinds.len() + MUTANTS {
        let mut document = chance.of(&kinds).clone();
        let said = damage(&mut document, &mut chance);
        mutants.push((format!("{} {}: {said}", document["type"], document["stac_version"]), document));
    }

    let mut maps: BTreeMap<String, _> = core_schemas().into_iter().collect();
    if let Some(data) = &data {
        maps.extend(schemas_by_id(data));
    }
    let (map_file, mutant_file) = (folder.path().join("maps.json"), folder.path().join("mutants.json"));
    fs::write(&map_file, json!(maps).to_string()).unwrap();
    let documents: Vec<&Value> = mutants.iter().map(|(_, d)| d).collect();
    fs::write(&mutant_file, json!(documents).to_string()).unwrap();
    let said =
        succeeds(Command::new(python).args(["-c", WITH_STAC_VALIDATOR]).arg(&map_file).arg(&mutant_file));
    let theirs: Vec<bool> = said.lines().map(|line| line == "1").collect();
    assert_eq!(theirs.len(), mutants.len());

    let (mut invalid, mut apart) = (0, Vec::new());
    for ((what, document), theirs) in mutants.iter().zip(theirs) {
        let ours = valid(document, data.as_deref(), folder.path()).await;
        if ours != theirs {
            apart.push((what, ours, theirs));
        }
        invalid += usize::from(!ours);
    }
    assert!(apart.is_empty(), "{apart:#?}");
    assert!(invalid > MUTANTS / 4 && invalid < MUTANTS, "{invalid}");
}
