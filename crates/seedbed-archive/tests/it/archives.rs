//! Each archive by each of its sources, on small copies that answer as the real ones do.

use crate::crawls::{Found, THREDDS, at, builtin, cmr_page, ids, index, modis_item, reasons, run, with};
use crate::server::{Answer, Asked, Server, missing, ok};
use seedbed_archive::{CrawlOptions, Definition};
use seedbed_catalog::Item;
use serde_json::{Value, json};
use std::fs;

pub fn by(source: &str, options: CrawlOptions) -> CrawlOptions {
    CrawlOptions { source: Some(source.to_owned()), ..options }
}

pub fn keys(item: &Item) -> Vec<&str> {
    item.assets().map(|(key, _)| key).collect()
}

pub fn days(item: &Item) -> String {
    format!("{} {}", item.start().unwrap(), item.end().unwrap())
}

/// A folder with empty files.
pub fn folder(names: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in names {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, name).unwrap();
    }
    folder
}

pub fn crawl_folder(name: &str, names: &[&str]) -> Found {
    run(&builtin(name), &at(folder(names).path().to_str().unwrap())).unwrap()
}

// Daymet

#[test]
fn daymet_summaries_have_netcdf_and_cog_side_by_side() {
    for (name, short, step) in [("daymet-monthly", "mon", "P1M"), ("daymet-annual", "ann", "P1Y")] {
        let server = Server::new(move |_, asked: &Asked| {
            assert!(asked.target.starts_with("/search/granules.json?"), "{}", asked.target);
            let file = |v: &str, s: &str, end: &str| format!("daymet_v4_{v}_{short}{s}_hi_2004.{end}");
            let files = [
                file("tmax", "avg", "nc"),
                file("tmax", "avg", "tif"),
                file("prcp", "ttl", "nc"),
                file("prcp", "ttl", "tif"),
            ];
            cmr_page(&files.each_ref().map(String::as_str), None, 4)
        });
        let found = run(&builtin(name), &at(&server.root)).unwrap();
        assert_eq!(ids(&found), [format!("{name}-v4r1-hi-2004")], "{}", reasons(&found));
        let item = &found.items[0];
        assert_eq!(keys(item), ["prcp", "prcp_cog", "tmax", "tmax_cog"]);
        assert_eq!(days(item), "2004-01-01 2004-12-30");
        let tmax = item.asset("tmax").unwrap();
        assert_eq!(tmax.as_object()["type"], "application/netcdf");
        assert_eq!(tmax.as_object()["cube:dimensions"]["time"]["step"], step);
        assert!(
            item.asset("tmax_cog").unwrap().as_object()["type"].as_str().unwrap().contains("cloud-optimized")
        );
        assert_eq!(item.asset("prcp").unwrap().band().unit.as_deref(), Some("mm"));
    }
}

#[test]
fn daymet_cubes_say_what_the_file_has() {
    let found = crawl_folder("daymet-daily", &["daymet_v4_daily_hi_tmax_2003.nc"]);
    let tmax = found.items[0].asset("tmax").unwrap();
    let cube = &tmax.as_object()["cube:dimensions"];
    // As the archive's own coordinates and recorded cubes have it.
    assert_eq!(cube["x"]["extent"], json!([-5_802_250.0, -5_519_250.0]));
    assert_eq!(cube["y"]["extent"], json!([-622_000.0, -39_000.0]));
    assert_eq!((&cube["x"]["step"], &cube["time"]["step"]), (&json!(1000.0), &json!("P1D")));
    assert_eq!(cube["time"]["extent"], json!(["2003-01-01T00:00:00Z", "2003-12-31T23:59:59Z"]));
    let variable = &tmax.as_object()["cube:variables"]["tmax"];
    assert_eq!(variable["dimensions"], json!(["time", "y", "x"]));
    assert_eq!((&variable["unit"], &variable["nodata"]), (&json!("degrees C"), &json!(-9999)));
}

#[test]
fn a_plain_mirror_of_daymet_is_found_to_be_one() {
    let server = Server::new(|_, asked: &Asked| match asked.target.as_str() {
        "/daymet/" => index(&["../", "2003/", "README.txt"]),
        "/daymet/2003/" => {
            index(&["../", "daymet_v4_daily_na_tmax_2003.nc", "daymet_v4_daily_na_tmax_2003.nc.sha256"])
        }
        _ => missing(),
    });
    let found = run(&builtin("daymet-daily"), &at(&format!("{}daymet/", server.root))).unwrap();
    assert_eq!(ids(&found), ["daymet-daily-v4r1-na-2003"]);
    assert!(found.rejected.is_empty(), "{}", reasons(&found));
    let tmax = found.items[0].asset("tmax").unwrap();
    assert_eq!(
        tmax.as_object()["seedbed:checksum_href"],
        format!("{}daymet/2003/daymet_v4_daily_na_tmax_2003.nc.sha256", server.root)
    );
    let note = format!("{}daymet/ is listed as `index`: it doesn't answer as `cmr`", server.root);
    assert_eq!(found.crawled.notes, [note]);
    // CMR in both formats and THREDDS were tried, each once.
    let asked: Vec<String> = server.asked().into_iter().map(|a| a.target).collect();
    assert_eq!(asked.len(), 5, "{asked:?}");
    let found = run(&builtin("daymet-daily"), &by("index", at(&format!("{}daymet/", server.root)))).unwrap();
    assert!(found.crawled.notes.is_empty() && found.items.len() == 1);
    assert_eq!(server.asked().len(), 7);
}

#[test]
fn a_root_where_nothing_answers_is_told_of_by_the_default_source() {
    let server = Server::new(|_, _| missing());
    let error = run(&builtin("daymet-daily"), &at(&server.root)).unwrap_err();
    assert!(error.to_string().contains("search/granules.json"), "{error}");
    let error = run(&builtin("daymet-daily"), &by("indx", at(&server.root))).unwrap_err();
    assert!(error.is_usage() && error.to_string().contains("did you mean `index`"), "{error}");
    let error = run(&builtin("daymet-daily"), &by("index", CrawlOptions::default())).unwrap_err();
    assert!(error.is_usage() && error.to_string().contains("hint: --root"), "{error}");
}

#[test]
fn umm_tells_daymets_sizes_and_sums() {
    let sum = "449827b2ede5fe14d716f39d06d6338c96032b26ec0fb3225a73d9ed45f0409f";
    let server = Server::new(move |_, _| {
        umm_page(&[umm("daymet_v4_daily_pr_dayl_1950.nc", &json!({"Algorithm": "SHA-256", "Value": sum}))])
    });
    let found = run(&builtin("daymet-daily"), &by("umm", at(&server.root))).unwrap();
    let dayl = found.items[0].asset("dayl").unwrap();
    assert_eq!((dayl.size(), dayl.checksum()), (Some(77), Some(format!("1220{sum}").as_str())));
}

pub fn umm(file: &str, checksum: &Value) -> Value {
    json!({"umm": {"GranuleUR": file.trim_end_matches(".hdf"),
        "RelatedUrls": [{"URL": format!("https://data/lp-prod-protected/{file}"), "Type": "GET DATA"},
            {"URL": format!("s3://lp-prod-protected/{file}"), "Type": "GET DATA VIA DIRECT ACCESS"}],
        "DataGranule": {"ArchiveAndDistributionInformation": [{"Name": file, "SizeInBytes": 77, "Checksum": checksum}]}}})
}

pub fn umm_page(items: &[Value]) -> Answer {
    let hits = vec![("CMR-Hits".to_owned(), items.len().to_string())];
    (200, hits, json!({"hits": items.len(), "items": items}).to_string().into_bytes())
}

// MACA and gridMET

#[test]
fn maca_and_gridmet_are_followed_through_thredds() {
    let file = |names: &[String]| {
        let sets: String = names
            .iter()
            .map(|n| format!("<dataset name=\"{n}\" urlPath=\"x/{n}\" serviceName=\"all\"/>"))
            .collect::<Vec<_>>()
            .concat();
        ok(format!("{THREDDS}{sets}</catalog>"))
    };
    let refs = |names: &[&str]| {
        let refs: String = names
            .iter()
            .map(|n| format!("<catalogRef xlink:href=\"{n}/catalog.xml\" xlink:title=\"{n}\"/>"))
            .collect::<Vec<_>>()
            .concat();
        ok(format!("{THREDDS}{refs}</catalog>"))
    };
    let server = Server::new(move |_, asked: &Asked| match asked.target.as_str() {
        "/thredds/catalog/MACAV2/catalog.xml" => refs(&["CCSM4"]),
        "/thredds/catalog/MACAV2/CCSM4/catalog.xml" => file(
            &["daily", "monthly"]
                .map(|step| format!("macav2metdata_tasmax_CCSM4_r6i1p1_rcp85_2096_2099_CONUS_{step}.nc")),
        ),
        "/thredds/catalog/MET/catalog.xml" => refs(&["pet", "elev"]),
        "/thredds/catalog/MET/pet/catalog.xml" => file(&["pet_1979.nc".to_owned(), "pet_1980.nc".to_owned()]),
        _ => missing(),
    });
    for (name, id, dimension) in [
        ("maca-daily", "maca-CCSM4-r6i1p1-rcp85-2096-2099", "time"),
        ("maca-monthly", "maca-monthly-CCSM4-r6i1p1-rcp85-2096-2099", "time"),
        ("gridmet", "gridmet-1979", "day"),
    ] {
        let found = run(&builtin(name), &at(&server.root)).unwrap();
        assert_eq!(ids(&found)[0], id, "{}", reasons(&found));
        assert!(found.rejected.is_empty(), "{}", reasons(&found));
        let (_, asset) = found.items[0].assets().next().unwrap();
        let cube = &asset.as_object()["cube:dimensions"];
        assert_eq!(cube[dimension]["type"], "temporal");
        assert_eq!((&cube["lon"]["axis"], &cube["lat"]["reference_system"]), (&json!("x"), &json!(4326)));
    }
    // The first and last centre as the files have them.
    let found = run(&builtin("maca-daily"), &at(&server.root)).unwrap();
    let cube = &found.items[0].asset("tasmax").unwrap().as_object()["cube:dimensions"];
    for (axis, expected) in [("lat", [25.063_078, 49.396_023]), ("lon", [235.227_844, 292.935_242])] {
        for (i, expected) in expected.into_iter().enumerate() {
            assert!((cube[axis]["extent"][i].as_f64().unwrap() - expected).abs() < 1e-3, "{cube}");
        }
    }
}

// Any archive of a known kind

#[test]
fn any_stac_api_is_crawled_by_its_root_and_a_collection() {
    let server = Server::new(|root, asked: &Asked| {
        let body: Value = serde_json::from_str(&asked.body).unwrap();
        assert_eq!(body["collections"], json!(["sentinel-2-l2a"]));
        let mut item = modis_item("S2A_1", root);
        item["properties"] = json!({"datetime": "2021-05-05T10:00:00Z"});
        let mut late = item.clone();
        late["id"] = json!("S2A_0");
        late["properties"] = json!({"datetime": "soon"});
        ok(json!({"features": [item, late], "links": []}).to_string())
    });
    let found =
        run(&builtin("stac-api"), &with(at(&server.root), "collection", &["sentinel-2-l2a"])).unwrap();
    assert_eq!((ids(&found), found.collection.id()), (vec!["S2A_1"], "sentinel-2-l2a"));
    assert_eq!(found.items[0].collection(), Some("sentinel-2-l2a"));
    assert_eq!(keys(&found.items[0]), ["hdf", "500m_16_days_NDVI", "500m_16_days_pixel_reliability"]);
    assert_eq!(reasons(&found), "S2A_0: `soon` is no instant");
    let error = run(&builtin("stac-api"), &at(&server.root)).unwrap_err();
    assert!(error.is_usage() && error.to_string().contains("hint: --where collection="), "{error}");
    let nowhere = with(CrawlOptions::default(), "collection", &["x"]);
    assert!(run(&builtin("stac-api"), &nowhere).unwrap_err().to_string().contains("hint: --root"));
}

#[test]
fn any_cmr_collection_is_crawled_by_its_short_name() {
    let server = Server::new(|_, asked: &Asked| {
        assert!(asked.target.contains("provider=LPCLOUD&short_name=HLSL30&version=2.0"), "{}", asked.target);
        let mut granule = umm("HLS.L30.T10.hdf", &Value::Null);
        granule["umm"]["TemporalExtent"] = json!({"SingleDateTime": "2021-05-05T10:00:00.000Z"});
        granule["umm"]["SpatialExtent"] = json!({"HorizontalSpatialDomain": {"Geometry": {"BoundingRectangles": [
            {"WestBoundingCoordinate": 1, "EastBoundingCoordinate": 2, "NorthBoundingCoordinate": 4, "SouthBoundingCoordinate": 3}]}}});
        umm_page(&[granule])
    });
    let mut options = at(&server.root);
    for (key, value) in [("short_name", "HLSL30"), ("version", "2.0"), ("provider", "LPCLOUD")] {
        options = with(options, key, &[value]);
    }
    let found = run(&builtin("cmr"), &options).unwrap();
    assert_eq!(
        (ids(&found), found.collection.id()),
        (vec!["HLS.L30.T10"], "HLSL30.2.0"),
        "{}",
        reasons(&found)
    );
    let item = &found.items[0];
    assert_eq!((item.as_value()["bbox"].clone(), keys(item)), (json!([1.0, 3.0, 2.0, 4.0]), vec!["hdf"]));
    let hdf = item.asset("hdf").unwrap();
    assert_eq!((hdf.size(), &hdf.as_object()["type"]), (Some(77), &json!("application/x-hdf")));
    options.bbox = Some("10,10,11,11".parse().unwrap());
    assert!(run(&builtin("cmr"), &options).unwrap().items.is_empty());
}

#[test]
fn a_bucket_or_folder_needs_a_pattern_and_dates() {
    let toml = r#"
name = "mine"
root = "/nowhere"
pattern = '(?P<variable>[a-z]+)/(?P<year>\d{4})/(?P<date>\d{8})\.tif'
[source]
kind = "listing"
[group]
id = "mine-{date}"
asset = "{variable}"
time = { strategy = "date" }
"#;
    assert!(toml.lines().count() <= 12);
    let mine = Definition::from_toml("mine.toml", toml).unwrap();
    let files = folder(&[
        "tmax/2003/20030101.tif",
        "tmin/2003/20030101.tif",
        "tmin/2003/20030102.tif",
        "tmin/20030102.tif",
    ]);
    let found = run(&mine, &at(files.path().to_str().unwrap())).unwrap();
    assert_eq!(ids(&found), ["mine-20030101", "mine-20030102"]);
    assert_eq!(keys(&found.items[0]), ["tmax", "tmin"]);
    assert_eq!(found.items[0].as_value()["geometry"], Value::Null);
    assert!(found.items[0].asset("tmax").unwrap().as_object()["type"].as_str().unwrap().contains("geotiff"));
    assert_eq!(found.rejected.len(), 1);
    let narrow = run(&mine, &with(at(files.path().to_str().unwrap()), "variable", &["tmax"])).unwrap();
    assert_eq!((ids(&narrow), keys(&narrow.items[0])), (vec!["mine-20030101"], vec!["tmax"]));
}

#[test]
fn every_definition_validates_against_the_published_schema() {
    let Some(python) = std::env::var_os("SEEDBED_PYTHON") else {
        println!("skipped: SEEDBED_PYTHON is not set");
        return;
    };
    let script = r"
import json, pathlib, sys, tomllib
from jsonschema import Draft202012Validator as Validator
folder = pathlib.Path(sys.argv[1])
schema = json.loads((folder / 'definition.schema.json').read_text())
Validator.check_schema(schema)
files = sorted(folder.glob('*.toml'))
for file in files:
    document = tomllib.loads(file.read_text())
    Validator(schema).validate(document)
    for key in list(document):
        broken = dict(document, **{key + 'x': document[key]})
        assert not Validator(schema).is_valid(broken), (file, key)
print(len(files))
";
    let catalogs = concat!(env!("CARGO_MANIFEST_DIR"), "/../../catalogs");
    let run = std::process::Command::new(python).args(["-c", script, catalogs]).output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let count: usize = String::from_utf8_lossy(&run.stdout).trim().parse().unwrap();
    assert_eq!(count, Definition::builtin_names().count());
}
