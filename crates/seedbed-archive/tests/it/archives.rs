//! Each archive by each of its sources, on small copies that answer as the real ones do.

use crate::crawls::{Found, THREDDS, at, builtin, cmr_page, ids, index, modis_item, reasons, run, with};
use crate::earth::Earth;
use crate::server::{Answer, Asked, Server, missing, ok};
use jiff::civil::date;
use seedbed_archive::{CrawlOptions, Definition};
use seedbed_catalog::Item;
use serde_json::{Value, json};
use std::fs;

fn by(source: &str, options: CrawlOptions) -> CrawlOptions {
    CrawlOptions { source: Some(source.to_owned()), ..options }
}

fn keys(item: &Item) -> Vec<&str> {
    item.assets().map(|(key, _)| key).collect()
}

fn days(item: &Item) -> String {
    format!("{} {}", item.start().unwrap(), item.end().unwrap())
}

/// A folder with empty files.
fn folder(names: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in names {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, name).unwrap();
    }
    folder
}

fn crawl_folder(name: &str, names: &[&str]) -> Found {
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

fn umm(file: &str, checksum: &Value) -> Value {
    json!({"umm": {"GranuleUR": file.trim_end_matches(".hdf"),
        "RelatedUrls": [{"URL": format!("https://data/lp-prod-protected/{file}"), "Type": "GET DATA"},
            {"URL": format!("s3://lp-prod-protected/{file}"), "Type": "GET DATA VIA DIRECT ACCESS"}],
        "DataGranule": {"ArchiveAndDistributionInformation": [{"Name": file, "SizeInBytes": 77, "Checksum": checksum}]}}})
}

fn umm_page(items: &[Value]) -> Answer {
    let hits = vec![("CMR-Hits".to_owned(), items.len().to_string())];
    (200, hits, json!({"hits": items.len(), "items": items}).to_string().into_bytes())
}

// MODIS

/// Product, day of the year of its first granule, its last day, pixels of a tile, name of NDVI inside.
const MODIS: [(&str, u16, &str, usize, &str); 8] = [
    ("MOD13Q1", 353, "2003-12-19 2004-01-03", 4800, "250m 16 days NDVI"),
    ("MOD13A1", 1, "2003-01-01 2003-01-16", 2400, "500m 16 days NDVI"),
    ("MOD13A2", 17, "2003-01-17 2003-02-01", 1200, "1 km 16 days NDVI"),
    ("MOD13A3", 60, "2003-03-01 2003-03-31", 1200, "1 km monthly NDVI"),
    ("MYD13Q1", 361, "2003-12-27 2004-01-11", 4800, "250m 16 days NDVI"),
    ("MYD13A1", 9, "2003-01-09 2003-01-24", 2400, "500m 16 days NDVI"),
    ("MYD13A2", 25, "2003-01-25 2003-02-09", 1200, "1 km 16 days NDVI"),
    ("MYD13A3", 335, "2003-12-01 2003-12-31", 1200, "1 km monthly NDVI"),
];

#[test]
fn every_modis_product_is_crawled_by_cmr_and_from_a_folder() {
    for (product, doy, span, pixels, variable) in MODIS {
        let name = format!("{product}.A2003{doy:03}.h12v04.061.2020078000001.hdf");
        let file = name.clone();
        let server = Server::new(move |_, asked: &Asked| {
            let query = format!("short_name={product}&version=061");
            let parts = ["/search/granules.umm_json?", "provider=LPCLOUD", &query];
            // The parameters come sorted by name.
            let sorted = asked.target.contains(&format!("provider=LPCLOUD&short_name={product}&version=061"));
            assert!(parts[..2].iter().all(|p| asked.target.contains(p)) && sorted, "{}", asked.target);
            umm_page(&[umm(&file, &json!({"Algorithm": "POSIX", "Value": "4294775258"}))])
        });
        let definition = builtin(&product.to_lowercase());
        let by_cmr = run(&definition, &by("cmr", at(&server.root))).unwrap();
        let in_folder =
            crawl_folder(&product.to_lowercase(), &[&format!("2003/{name}"), &format!("2003/{name}.xml")]);
        for found in [by_cmr, in_folder] {
            assert_eq!(ids(&found), [name.trim_end_matches(".hdf")], "{}", reasons(&found));
            assert!(found.rejected.is_empty(), "{}", reasons(&found));
            let item = &found.items[0];
            assert_eq!(days(item), span);
            assert_eq!(item.property("modis:horizontal-tile"), Some(&json!(12)));
            let platform = if product.starts_with("MOD") { "terra" } else { "aqua" };
            assert_eq!(item.property("platform"), Some(&json!(platform)));
            let ndvi = item.asset("ndvi").unwrap();
            assert_eq!(ndvi.band().name.as_deref(), Some(variable));
            assert_eq!(ndvi.as_object()["type"], "application/x-hdf");
            let geobox = ndvi.geobox(&Earth).unwrap().unwrap();
            assert_eq!((geobox.shape.rows, geobox.shape.cols), (pixels, pixels));
            assert_eq!(item.asset("composite_day").is_some(), !product.ends_with("A3"));
        }
        let sum = run(&definition, &by("cmr", at(&server.root))).unwrap();
        let ndvi = sum.items[0].asset("ndvi").unwrap();
        assert_eq!((ndvi.size(), &ndvi.as_object()["seedbed:cksum"]), (Some(77), &json!(4_294_775_258_u32)));
        assert!(ndvi.checksum().is_none());
    }
}

#[test]
fn a_monthly_product_that_starts_in_the_middle_of_a_month_is_rejected() {
    let found = crawl_folder("mod13a3", &["MOD13A3.A2003017.h12v04.061.2020078000001.hdf"]);
    assert!(found.items.is_empty() && reasons(&found).contains("no month starts on 2003-01-17"));
}

#[test]
fn an_apis_collection_of_both_satellites_gives_each_its_own() {
    let server = Server::new(|root, _| {
        let items = ["MOD13Q1.A2003001.h12v04.061.2020078000001", "MYD13Q1.A2003009.h12v04.061.2020078000002"]
            .map(|id| {
                let mut item = modis_item(id, root);
                item["assets"] = json!({"hdf": {"href": "https://h/x.hdf"}, "metadata": {"href": "https://h/x.xml"},
                    "250m_16_days_NDVI": {"href": "https://h/x_250m_16_days_NDVI.tif"}});
                item
            });
        ok(json!({"features": items, "links": []}).to_string())
    });
    for (name, id) in [("mod13q1", "MOD13Q1.A2003001"), ("myd13q1", "MYD13Q1.A2003009")] {
        // By name, and because the root doesn't answer as CMR.
        for options in [by("stac-api", at(&server.root)), at(&server.root)] {
            let found = run(&builtin(name), &options).unwrap();
            assert_eq!(found.items.len(), 1, "{}", reasons(&found));
            assert!(found.items[0].id().starts_with(id) && found.rejected.is_empty());
            assert_eq!(keys(&found.items[0]), ["hdf", "metadata", "ndvi"]);
            let ndvi = found.items[0].asset("ndvi").unwrap();
            assert!(ndvi.as_object()["type"].as_str().unwrap().contains("cloud-optimized"));
        }
    }
}

fn sidecar(file: &str, first: &str, last: &str, west: f64) -> String {
    let point = |x: f64, y: f64| {
        format!("<Point><PointLongitude>{x}</PointLongitude><PointLatitude>{y}</PointLatitude></Point>")
    };
    let corners =
        [(0.0, 40.0), (-15.0, 49.9), (0.5, 49.9), (13.0, 40.1)].map(|(x, y)| point(west + x, y)).concat();
    format!(
        "<?xml version=\"1.0\"?><GranuleMetaDataFile><GranuleURMetaData><DataFiles><DataFileContainer>\
         <DistributedFileName>{file}</DistributedFileName><FileSize>73391166</FileSize><ChecksumType>CKSUM</ChecksumType>\
         <Checksum>4294775258</Checksum></DataFileContainer></DataFiles><RangeDateTime><RangeEndingDate>{last}</RangeEndingDate>\
         <RangeBeginningDate>{first}</RangeBeginningDate></RangeDateTime><SpatialDomainContainer>\
         <HorizontalSpatialDomainContainer><GPolygon><Boundary>{corners}</Boundary></GPolygon>\
         </HorizontalSpatialDomainContainer></SpatialDomainContainer></GranuleURMetaData></GranuleMetaDataFile>"
    )
}

#[test]
fn lp_daacs_old_index_is_read_with_its_sidecars() {
    const FOLDER: &str = "/MOLT/MOD13Q1.061/2003.01.17/";
    let name = |tile: &str| format!("MOD13Q1.A2003017.{tile}.061.2020078000001.hdf");
    let server = Server::new(move |_, asked: &Asked| {
        let target = asked.target.as_str();
        if target == "/MOLT/MOD13Q1.061/" {
            return index(&["../", "2003.01.01/", "2003.01.17/", "2003.02.02/", "2003.02.18/"]);
        }
        let Some(file) = target.strip_prefix(FOLDER) else { return missing() };
        if file.is_empty() {
            let tiles = ["h12v04", "h11v04", "h10v04", "h09v04", "h08v04"].map(name);
            let mut all: Vec<String> = tiles.iter().flat_map(|n| [n.clone(), format!("{n}.xml")]).collect();
            all.pop();
            return index(&all.iter().map(String::as_str).collect::<Vec<_>>());
        }
        let hdf = file.trim_end_matches(".xml");
        ok(match &file[17..23] {
            "h12v04" => sidecar(hdf, "2003-01-17", "2003-02-01", -78.3),
            "h11v04" => sidecar(hdf, "2003-01-18", "2003-02-02", -91.4),
            "h10v04" => sidecar(hdf, "2003-01-17", "2003-02-01", 20.0),
            _ => sidecar(hdf, "2003-01-17", "2003-02-01", -104.0)[..200].to_owned(),
        })
    });
    let mut options = by("lpdaac", at(&server.root));
    options.datetime = Some((Some(date(2003, 1, 20)), Some(date(2003, 1, 31))));
    options.jobs = 4;
    let found = run(&builtin("mod13q1"), &options).unwrap();
    let tiles: Vec<&str> = found.items.iter().map(|i| &i.id()[17..23]).collect();
    assert_eq!(tiles, ["h08v04", "h09v04", "h12v04"], "{}", reasons(&found));
    let ndvi = found.items[2].asset("ndvi").unwrap();
    assert_eq!(
        (ndvi.size(), &ndvi.as_object()["seedbed:cksum"]),
        (Some(73_391_166), &json!(4_294_775_258_u32))
    );
    assert_eq!(ndvi.href(), format!("{}{}{}", server.root, &FOLDER[1..], name("h12v04")));
    assert_eq!(found.items[0].asset("ndvi").unwrap().size(), None);
    let reasons = reasons(&found);
    for part in [
        "h11v04.061.2020078000001.hdf: its sidecar says 2003-01-18 to 2003-02-02, its name 2003-01-17",
        "h10v04.061.2020078000001.hdf: its sidecar puts it elsewhere",
        "h09v04.061.2020078000001.hdf.xml: no XML but",
    ] {
        assert!(reasons.contains(part), "{part}\n{reasons}");
    }
    assert_eq!(found.rejected.len(), 3);
    // Composites that end before or begin after what is wanted are not asked for.
    let asked: Vec<String> = server.asked().into_iter().map(|a| a.target).collect();
    assert!(!asked.iter().any(|a| a.contains("2003.01.01") || a.contains("2003.02")), "{asked:?}");
    assert_eq!(asked.len(), 6);
    let narrow = run(&builtin("mod13q1"), &with(options, "tile", &["h12v04"])).unwrap();
    assert_eq!(narrow.items.len(), 1);
    assert_eq!(server.asked().len(), 9, "only the sidecar of the wanted tile");
}

// PRISM

/// The new tree, with every step of time.
fn prism() -> Server {
    Server::new(|_, asked: &Asked| match asked.target.as_str() {
        "/time_series/us/an/4km/" => index(&["ppt/", "tmin/"]),
        "/time_series/us/an/4km/ppt/daily/" | "/time_series/us/an/4km/ppt/monthly/" => index(&["2003/"]),
        "/time_series/us/an/4km/ppt/daily/2003/" => index(&["prism_ppt_us_25m_20030101.zip"]),
        "/time_series/us/an/4km/ppt/monthly/2003/" => index(&[
            "prism_ppt_us_25m_2003.zip",
            "prism_ppt_us_25m_200301.zip",
            "prism_ppt_us_25m_200302.zip",
            "prism_ppt_us_25m_200313.zip",
        ]),
        "/time_series/us/an/4km/tmin/daily/" | "/time_series/us/an/4km/tmin/monthly/" => index(&["../"]),
        "/time_series/us/an/800m/" => index(&["tmax/"]),
        "/time_series/us/an/800m/tmax/daily/" => index(&["1981/"]),
        "/time_series/us/an/800m/tmax/daily/1981/" => index(&["prism_tmax_us_30s_19810101.zip"]),
        "/normals/us/4km/" => index(&["ppt/", "soltotal/"]),
        "/normals/us/4km/ppt/" => index(&["daily/", "monthly/"]),
        "/normals/us/4km/soltotal/" => index(&["monthly/"]),
        "/normals/us/4km/ppt/daily/" => index(&["prism_ppt_us_25m_20200301_avg_30y.zip"]),
        "/normals/us/4km/ppt/monthly/" => {
            index(&["prism_ppt_us_25m_202003_avg_30y.zip", "prism_ppt_us_25m_2020_avg_30y.zip"])
        }
        "/normals/us/4km/soltotal/monthly/" => index(&["prism_soltotal_us_25m_202003_avg_30y.zip"]),
        _ => missing(),
    })
}

#[test]
fn prisms_new_tree_gives_days_months_years_and_normals() {
    let server = prism();
    for (name, expected, rejected) in [
        ("prism-daily", vec![("prism-daily-20030101", "2003-01-01 2003-01-01")], 0),
        (
            "prism-monthly",
            vec![
                ("prism-monthly-200301", "2003-01-01 2003-01-31"),
                ("prism-monthly-200302", "2003-02-01 2003-02-28"),
            ],
            1,
        ),
        ("prism-annual", vec![("prism-annual-2003", "2003-01-01 2003-12-31")], 0),
        ("prism-daily-800m", vec![("prism-daily-800m-19810101", "1981-01-01 1981-01-01")], 0),
        (
            "prism-normals",
            vec![
                ("prism-normals-2020", "1991-01-01 2020-12-31"),
                ("prism-normals-202003", "1991-01-01 2020-12-31"),
                ("prism-normals-20200301", "1991-01-01 2020-12-31"),
            ],
            0,
        ),
    ] {
        let found = run(&builtin(name), &at(&server.root)).unwrap();
        let seen: Vec<(&str, String)> = found.items.iter().map(|i| (i.id(), days(i))).collect();
        let expected: Vec<(&str, String)> = expected.iter().map(|(i, d)| (*i, (*d).to_owned())).collect();
        assert_eq!(seen, expected, "{name}: {}", reasons(&found));
        assert_eq!(found.rejected.len(), rejected, "{name}: {}", reasons(&found));
    }
    let normals = run(&builtin("prism-normals"), &at(&server.root)).unwrap();
    assert_eq!(keys(&normals.items[1]), ["ppt", "soltotal"]);
    let fine = run(&builtin("prism-daily-800m"), &at(&server.root)).unwrap();
    let bbox = <[f64; 4]>::from(fine.items[0].bbox().unwrap());
    assert!((bbox[2] - -66.479_166_7).abs() < 1e-6 && (bbox[1] - 24.0625).abs() < 1e-6, "{bbox:?}");
}

#[test]
fn prisms_release_dates_are_versions() {
    let release = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(7));
    let now = std::sync::Arc::clone(&release);
    let server = Server::new(move |_, asked: &Asked| {
        let base = "/prism/data/get/releaseDate/us/4km/";
        let rest = asked.target.strip_prefix(base).unwrap().strip_suffix("?json=true").unwrap();
        let row = |day: &str, variable: &str, update: usize| {
            json!([
                format!("2003-01-{day}"),
                format!("2019-06-{update:02}"),
                variable,
                update,
                format!("https://services.nacse.org/prism/data/get/us/4km/{variable}/200301{day}")
            ])
        };
        let update = now.load(std::sync::atomic::Ordering::SeqCst);
        match rest {
            "ppt/20030101/20030131" => {
                ok(json!([row("01", "ppt", 8), row("02", "ppt", update), ["x"]]).to_string())
            }
            // A single row stands alone.
            "tmax/20030101/20030131" => ok(row("01", "tmax", 8).to_string()),
            _ => panic!("{rest}"),
        }
    });
    let mut options = with(by("releases", at(&server.root)), "variable", &["ppt", "tmax"]);
    options.datetime = Some((Some(date(2003, 1, 1)), Some(date(2003, 1, 31))));
    let found = run(&builtin("prism-daily"), &options).unwrap();
    assert_eq!(ids(&found), ["prism-daily-20030101", "prism-daily-20030102"], "{}", reasons(&found));
    assert_eq!(reasons(&found).lines().count(), 1, "{}", reasons(&found));
    let (first, second) = (&found.items[0], &found.items[1]);
    assert_eq!(keys(first), ["ppt", "tmax"]);
    let ppt = second.asset("ppt").unwrap();
    assert_eq!(ppt.href(), "https://services.nacse.org/prism/data/get/us/4km/ppt/20030102");
    assert_eq!(ppt.as_object()["file:local_path"], "prism_ppt_us_25m_20030102.zip");
    assert_eq!(
        (&ppt.as_object()["version"], second.property("version")),
        (&json!("2019-06-07.7"), Some(&json!("2019-06-07.7")))
    );
    release.store(8, std::sync::atomic::Ordering::SeqCst);
    let later = run(&builtin("prism-daily"), &options).unwrap();
    assert_eq!(later.items[0], found.items[0]);
    assert_eq!(later.items[1].property("version"), Some(&json!("2019-06-08.8")));
}

#[test]
fn prisms_old_names_fall_to_the_definition_they_belong_to() {
    let names = [
        "daily/ppt/2017/PRISM_ppt_stable_4kmD2_20170101_bil.zip",
        "daily/ppt/2017/PRISM_ppt_stable_4kmD2_20170101_20170131_bil.zip",
        "monthly/tdmean/2005/PRISM_tdmean_stable_4kmM3_200511_bil.zip",
        "monthly/tdmean/2005/PRISM_tdmean_stable_4kmM2_200511_bil.zip",
        "monthly/tdmean/2005/PRISM_tdmean_stable_4kmM3_2005_bil.zip",
        "normals_bil/ppt/PRISM_ppt_30yr_normal_4kmD1_0301_bil.zip",
        "normals_bil/ppt/PRISM_ppt_30yr_normal_4kmM4_03_bil.zip",
        "normals_bil/ppt/PRISM_ppt_30yr_normal_4kmM4_annual_bil.zip",
        "normals_bil/ppt/PRISM_ppt_30yr_normal_800mM4_03_bil.zip",
    ];
    for (name, expected) in [
        ("prism-daily-old", vec!["prism-daily-old-20170101 2017-01-01 2017-01-01"]),
        ("prism-bulk-old", vec!["prism-bulk-old-20170101-20170131 2017-01-01 2017-01-31"]),
        ("prism-monthly-old", vec!["prism-monthly-old-200511 2005-11-01 2005-11-30"]),
        ("prism-annual-old", vec!["prism-annual-old-2005 2005-01-01 2005-12-31"]),
        (
            "prism-normals-old",
            vec![
                "prism-normals-old-03 1991-01-01 2020-12-31",
                "prism-normals-old-0301 1991-01-01 2020-12-31",
                "prism-normals-old-annual 1991-01-01 2020-12-31",
            ],
        ),
    ] {
        let found = crawl_folder(name, &names);
        let seen: Vec<String> = found.items.iter().map(|i| format!("{} {}", i.id(), days(i))).collect();
        assert_eq!(seen, expected, "{name}: {}", reasons(&found));
        assert!(found.rejected.is_empty(), "{name}: {}", reasons(&found));
    }
    let months = crawl_folder("prism-monthly-old", &names);
    let superseded = json!(["PRISM_tdmean_stable_4kmM2_200511_bil.zip"]);
    assert_eq!(months.items[0].property("seedbed:superseded"), Some(&superseded));
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
