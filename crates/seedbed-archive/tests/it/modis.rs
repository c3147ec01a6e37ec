//! MODIS by CMR, an API, the old index and from folders.

use crate::archives::{by, crawl_folder, days, keys, umm, umm_page};
use crate::crawls::{at, builtin, ids, index, modis_item, reasons, run, with};
use crate::earth::Earth;
use crate::server::{Asked, Server, missing, ok};
use jiff::civil::date;
use serde_json::json;

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
            let geobox = ndvi.claim(&Earth).unwrap().geobox().unwrap();
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
fn a_composite_that_starts_when_the_other_satellites_do_is_rejected() {
    for (name, file) in [
        ("mod13q1", "MOD13Q1.A2003009.h12v04.061.2020078000001.hdf"),
        ("myd13q1", "MYD13Q1.A2003017.h12v04.061.2020078000001.hdf"),
    ] {
        let found = crawl_folder(name, &[file]);
        assert!(found.items.is_empty() && reasons(&found).contains("no composite of this archive starts"));
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
