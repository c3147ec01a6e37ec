//! Listings as the real archives gave them. `SEEDBED_REAL_DATA` names their folder.

use crate::crawls::{at, run, stores};
use crate::earth::Earth;
use crate::server::{Asked, Server, ok};
use seedbed_archive::{Definition, FUZZ_TARGETS};
use seedbed_catalog::TreeBuilder;
use seedbed_catalog::validate::Validator;
use seedbed_storage::Location;
use serde_json::json;
use std::fs;
use std::path::PathBuf;

fn listings() -> Option<PathBuf> {
    let folder = std::env::var_os("SEEDBED_REAL_DATA");
    if folder.is_none() {
        println!("skipped: SEEDBED_REAL_DATA is not set");
    }
    folder.map(|f| PathBuf::from(f).join("listings"))
}

#[test]
fn real_cmr_listing_of_daymet_becomes_items() {
    let Some(listings) = listings() else { return };
    for (file, exact) in [
        ("cmr_granules_Daymet_Daily_V4R1_2129.json", false),
        ("cmr_granules_Daymet_Daily_V4R1_2129_umm.json", true),
    ] {
        let body = fs::read(listings.join(file)).unwrap();
        let server = Server::new(move |_, _: &Asked| ok(body.clone()));
        let found = run(&Definition::builtin("daymet-daily").unwrap(), &at(&server.root)).unwrap();
        assert!(found.rejected.is_empty(), "{:?}", found.rejected);
        let years: Vec<_> = found.items.iter().map(|i| (i.id().to_owned(), i.assets().count())).collect();
        assert_eq!(
            years,
            [("daymet-daily-v4r1-pr-1950".to_owned(), 7), ("daymet-daily-v4r1-pr-1951".to_owned(), 3)]
        );
        let tmax = found.items[0].asset("tmax").unwrap();
        assert_eq!(
            tmax.href(),
            "https://data.ornldaac.earthdata.nasa.gov/protected/daymet/Daymet_Daily_V4R1/data/daymet_v4_daily_pr_tmax_1950.nc"
        );
        assert_eq!(
            tmax.as_object()["alternate"]["s3"]["href"],
            "s3://ornl-cumulus-prod-protected/daymet/Daymet_Daily_V4R1/data/daymet_v4_daily_pr_tmax_1950.nc"
        );
        let dayl = found.items[0].asset("dayl").unwrap();
        if exact {
            assert_eq!(dayl.size(), Some(2_015_649));
            assert_eq!(
                dayl.checksum(),
                Some("1220449827b2ede5fe14d716f39d06d6338c96032b26ec0fb3225a73d9ed45f0409f")
            );
        } else {
            assert_eq!((dayl.size(), dayl.checksum()), (None, None));
        }
        // CMR's box is that of the cell centres.
        let bbox = <[f64; 4]>::from(found.items[0].bbox().unwrap());
        for (ours, theirs) in bbox.into_iter().zip([-67.9928, 16.8444, -64.1196, 19.9382]) {
            assert!((ours - theirs).abs() < 0.02, "{bbox:?}");
        }
        assert!(tmax.claim(&Earth).unwrap().geobox().is_some());
        assert_valid(found, &listings);
    }
}

/// Saves the crawl as a tree and validates it against the core schemas and the extensions' own.
fn assert_valid(found: crate::crawls::Found, listings: &std::path::Path) {
    let schemas = listings.with_file_name("schemas");
    let folder = tempfile::tempdir().unwrap();
    let tree = Location::Local(folder.path().join("catalog"));
    let count = found.items.len() + 2;
    let builder = TreeBuilder::new("test", "A crawl").with(found.collection, found.items);
    let mut validator = Validator::new(Some(&schemas)).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        builder.save(&stores(), &tree).await.unwrap();
        validator.add(&stores(), &tree).await;
    });
    let report = validator.finish();
    assert_eq!((report.valid, report.invalid), (count, 0), "{:#?}", report.documents);
    assert!(report.unchecked.is_empty(), "{:?}", report.unchecked);
}

#[test]
fn real_modis_names_parse() {
    let Some(listings) = listings() else { return };
    let urls = fs::read_to_string(listings.join("mod13q1_061_h09v05_earthdata_cloud_urls.txt")).unwrap();
    let urls: Vec<String> = urls.split_whitespace().map(str::to_owned).collect();
    assert_eq!(urls.len(), 28);
    let folder = tempfile::tempdir().unwrap();
    for url in &urls {
        fs::write(folder.path().join(url.rsplit('/').next().unwrap()), "").unwrap();
    }
    let found = run(&Definition::builtin("mod13q1").unwrap(), &at(folder.path().to_str().unwrap())).unwrap();
    assert!(found.rejected.is_empty(), "{:?}", found.rejected);
    assert_eq!(found.items.len(), 28);
    let first = &found.items[0];
    assert_eq!(first.id(), "MOD13Q1.A2014193.h09v05.061.2021259104358");
    assert_eq!(first.property("start_datetime"), Some(&json!("2014-07-12T00:00:00Z")));
    assert_eq!(first.property("end_datetime"), Some(&json!("2014-07-27T23:59:59Z")));
    assert_eq!(first.property("modis:vertical-tile"), Some(&json!(5)));
    assert_eq!(first.asset("ndvi").unwrap().band().name.as_deref(), Some("250m 16 days NDVI"));
}

/// Datasets with access, as counted by an independent XML reader.
const DATASETS: &[(&str, usize)] = &[
    ("cat_access_elements.0.xml", 174),
    ("cat_non_standard_context_path.0.xml", 13),
    ("cat_only_http.0.xml", 10),
    ("cat_to_open.0.xml", 1),
    ("cat_to_subset.0.xml", 95),
    ("follow_cat.0.xml", 0),
    ("follow_cat.1.xml", 0),
    ("nasa_hyrax_dataset.0.xml", 161),
    ("point_dataset_cat.0.xml", 1),
    ("tds50_catalogref_follow.0.xml", 0),
    ("tds50_catalogref_follow.1.xml", 0),
    ("thredds-test-default-5-0.0.xml", 3),
    ("thredds-test-toplevel-catalog.0.xml", 0),
    ("top_thredds_catalog.0.xml", 0),
];

#[test]
fn real_thredds_catalogs_are_read_with_all_their_datasets() {
    let Some(listings) = listings() else { return };
    let folder = listings.join("thredds/extracted");
    for (name, datasets) in DATASETS {
        let body = fs::read(folder.join(name)).unwrap();
        assert_eq!(granules_of(body), *datasets, "{name}");
    }
    assert_eq!(fs::read_dir(folder).unwrap().count(), DATASETS.len());
}

/// The datasets of a catalog, whether or not they have a file: each is an item or rejected.
fn granules_of(body: Vec<u8>) -> usize {
    let root = format!("{}catalog.xml", "/");
    let server = Server::new(
        move |_, asked: &Asked| {
            if asked.target == root { ok(body.clone()) } else { ok("<catalog/>") }
        },
    );
    let toml = r#"
name = "any"
title = "Any"
description = "Any catalog."
licence = "other"
root = "https://nowhere.invalid/"
pattern = '(?P<date>\d{8})'
[source]
kind = "thredds"
address = "catalog.xml"
folders = "none-of-these"
[group]
id = "{date}"
asset = "x"
grid = "g"
time = { strategy = "date" }
[assets.x]
title = "X"
media_type = "application/octet-stream"
[grids.g]
crs = "EPSG:4326"
shape = [1, 1]
transform = [1, 0, 0, 0, -1, 0]
"#;
    let any = Definition::from_toml("any.toml", toml).unwrap();
    let found = run(&any, &at(&server.root)).unwrap();
    assert!(found.items.is_empty());
    found.rejected.len()
}

#[test]
fn real_old_index_of_lp_daac_is_read() {
    let Some(listings) = listings() else { return };
    let body = fs::read(listings.join("lpdaac_e4ftl01_index_MYD11A1_2012.12.01.html")).unwrap();
    let server = Server::new(move |_, _: &Asked| ok(body.clone()));
    let toml = r#"
name = "myd11a1"
title = "MYD11A1 v005"
description = "Land surface temperature as its old archive listed it."
licence = "other"
root = "https://e4ftl01.cr.usgs.gov/"
pattern = 'MYD11A1\.A(?P<year>\d{4})(?P<doy>\d{3})\.h(?P<h>\d\d)v(?P<v>\d\d)\.005\.\d{13}\.hdf'
ignore = ['.*\.hdf\.xml']
[source]
kind = "index"
address = "MOLA/MYD11A1.005/2012.12.01"
[group]
id = "MYD11A1.A{year}{doy}.h{h}v{v}"
asset = "lst"
grid = "sinusoidal"
time = { strategy = "year-doy" }
[assets.lst]
title = "Land surface temperature"
media_type = "application/x-hdf"
[grids.sinusoidal]
strategy = "modis-sinusoidal"
pixels = 1200
"#;
    let old = Definition::from_toml("myd11a1.toml", toml).unwrap();
    let found = run(&old, &at(&server.root)).unwrap();
    assert!(found.rejected.is_empty(), "{:?}", found.rejected);
    let ids: Vec<&str> = found.items.iter().map(seedbed_catalog::Item::id).collect();
    assert_eq!(ids, ["MYD11A1.A2012336.h12v03", "MYD11A1.A2012336.h12v04", "MYD11A1.A2012336.h12v05"]);
    let asset = found.items[0].asset("lst").unwrap();
    // `2.4M` is rounded and so no size.
    assert_eq!(
        (asset.size(), asset.as_object()["listing:modified"].as_str()),
        (None, Some("2012-12-05 22:15"))
    );
    assert_eq!(found.items[0].start().unwrap().to_string(), "2012-12-01");
}

#[test]
fn real_listings_pass_every_parser_without_panic() {
    let Some(listings) = listings() else { return };
    let mut folders = vec![listings];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()) {
            if entry.is_dir() {
                folders.push(entry);
            } else {
                let bytes = fs::read(entry).unwrap();
                for (_, target) in FUZZ_TARGETS {
                    target(&bytes);
                }
            }
        }
    }
}

#[test]
fn real_prism_folder_is_crawled_as_a_mirror() {
    let Some(listings) = listings() else { return };
    let prism = listings.with_file_name("prism");
    let found = run(&Definition::builtin("prism-daily-old").unwrap(), &at(prism.to_str().unwrap())).unwrap();
    let ids: Vec<&str> = found.items.iter().map(seedbed_catalog::Item::id).collect();
    let days = ["19810101", "19910101", "20120101", "20170101"].map(|d| format!("prism-daily-old-{d}"));
    assert_eq!(ids, days);
    let tmin = found.items[0].asset("tmin").unwrap();
    assert!(tmin.href().ends_with("PRISM_tmin_stable_4kmD2_19810101_bil.zip"));
    assert_eq!(tmin.size(), Some(1_454_696));
    let superseded = json!(["PRISM_tmin_stable_4kmD1_19810101_bil.zip"]);
    assert_eq!(found.items[0].property("seedbed:superseded"), Some(&superseded));
    // Names of no archive; normals, months and bulk zips are known and passed over.
    let rejected: Vec<&str> = found.rejected.iter().map(|r| r.name.as_str()).collect();
    assert_eq!(rejected, ["bad.zip", "empty.zip", "good.zip", "prism_monthly_ppt_cida_subset.nc"]);
    assert_valid(found, &listings);
}

#[test]
fn real_sidecars_of_lp_daac_are_read_and_fit_their_names() {
    let Some(listings) = listings() else { return };
    let folder = listings.with_file_name("modis").join("sidecar_xml");
    let mut seen = 0;
    for (product, satellite) in
        [("MOD13Q1", "MOLT"), ("MOD13A1", "MOLT"), ("MYD13Q1", "MOLA"), ("MYD13A1", "MOLA")]
    {
        let files = folder.clone();
        let server = Server::new(move |_, asked: &Asked| {
            let base = format!("/{satellite}/{product}.061/");
            let Some(rest) = asked.target.strip_prefix(&base) else { return crate::server::missing() };
            let names: Vec<String> = fs::read_dir(&files)
                .unwrap()
                .map(|f| f.unwrap().file_name().into_string().unwrap())
                .filter(|n| n.starts_with(product) && n.contains(".061."))
                .flat_map(|n| [n.trim_end_matches(".xml").to_owned(), n])
                .collect();
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            match rest.split_once('/') {
                None => crate::crawls::index(&["2022.01.09/", "2022.01.17/"]),
                Some(("2022.01.17", "")) if satellite == "MOLT" => crate::crawls::index(&names),
                Some(("2022.01.09", "")) if satellite == "MOLA" => crate::crawls::index(&names),
                Some((_, "")) => crate::crawls::index(&["../"]),
                Some((_, name)) => ok(fs::read(files.join(name)).unwrap()),
            }
        });
        let options = seedbed_archive::CrawlOptions { source: Some("lpdaac".to_owned()), ..at(&server.root) };
        let found = run(&Definition::builtin(&product.to_lowercase()).unwrap(), &options).unwrap();
        assert!(found.rejected.is_empty(), "{:?}", found.rejected);
        for item in &found.items {
            let ndvi = item.asset("ndvi").unwrap();
            assert!(ndvi.size().unwrap() > 30_000_000 && ndvi.as_object()["seedbed:cksum"].is_u64());
            seen += 1;
        }
        if product == "MOD13A1" {
            let ndvi = found.items[0].asset("ndvi").unwrap();
            assert_eq!(
                (ndvi.size(), &ndvi.as_object()["seedbed:cksum"]),
                (Some(73_391_166), &json!(4_294_775_258_u32))
            );
        }
        assert_valid(found, &listings);
    }
    assert_eq!(seen, 4);
}

#[test]
fn real_cmr_granules_become_items_without_a_pattern() {
    let Some(listings) = listings() else { return };
    let mut titles = Vec::new();
    for file in ["cmr_granules_Daymet_Daily_V4R1_2129.json", "cmr_granules_Daymet_Daily_V4R1_2129_umm.json"] {
        let body = fs::read(listings.join(file)).unwrap();
        let server = Server::new(move |_, _: &Asked| ok(body.clone()));
        let mut options = at(&server.root);
        for (key, value) in
            [("short_name", "Daymet_Daily_V4R1_2129"), ("version", "4.5"), ("provider", "ORNL_CLOUD")]
        {
            options = crate::crawls::with(options, key, &[value]);
        }
        let found = run(&Definition::builtin("cmr").unwrap(), &options).unwrap();
        assert!(found.rejected.is_empty(), "{:?}", found.rejected);
        assert_eq!(found.items.len(), 10);
        let item = found.items.iter().find(|i| i.id().ends_with("pr_dayl_1950.nc")).unwrap();
        assert_eq!(item.property("end_datetime"), Some(&json!("1950-12-31T23:59:59.000Z")));
        assert_eq!(item.as_value()["bbox"], json!([-67.9928, 16.8444, -64.1196, 19.9382]));
        assert_eq!(item.assets().map(|(key, _)| key).collect::<Vec<_>>(), ["nc"]);
        titles.push(found.items.iter().map(|i| i.id().to_owned()).collect::<Vec<_>>());
        assert_valid(found, &listings);
    }
    assert_eq!(titles[0], titles[1]);
}

#[test]
fn real_schemas_accept_cubes_and_versions() {
    let Some(listings) = listings() else { return };
    let folder = tempfile::tempdir().unwrap();
    for name in [
        "daymet_v4_tmax_monavg_na_2003.nc",
        "daymet_v4_tmax_monavg_na_2003.tif",
        "daymet_v4_prcp_monttl_pr_2004.nc",
    ] {
        fs::write(folder.path().join(name), name).unwrap();
    }
    let found =
        run(&Definition::builtin("daymet-monthly").unwrap(), &at(folder.path().to_str().unwrap())).unwrap();
    let cube = "https://stac-extensions.github.io/datacube/v2.3.0/schema.json";
    assert!(found.items[0].as_value()["stac_extensions"].as_array().unwrap().iter().any(|e| e == cube));
    assert_valid(found, &listings);
    let row = r#"[["2003-01-01", "2019-06-20", "ppt", 8, "https://h/get/us/4km/ppt/20030101"]]"#;
    let server = Server::new(move |_, _: &Asked| ok(row));
    let mut options =
        seedbed_archive::CrawlOptions { source: Some("releases".to_owned()), ..at(&server.root) };
    options = crate::crawls::with(options, "variable", &["ppt"]);
    options.datetime = Some((Some(jiff::civil::date(2003, 1, 1)), Some(jiff::civil::date(2003, 1, 1))));
    let found = run(&Definition::builtin("prism-daily").unwrap(), &options).unwrap();
    assert_eq!(found.items[0].property("version"), Some(&json!("2019-06-20.8")));
    assert_valid(found, &listings);
}
