//! PRISM's trees and its web service.

use seedbed_fixture::ServerOptions;

use super::super::client::{get, get_with};
use super::{small, values};

fn zips(url: &str) -> Vec<String> {
    let page = get(url);
    assert_eq!(page.status, 200, "{url}");
    values(&page.text(), "href").into_iter().filter(|link| link.ends_with(".zip")).collect()
}

#[test]
fn the_new_tree_has_days_months_years_and_normals_at_two_resolutions() {
    let server = small(ServerOptions::wide());
    let base = server.base_url();
    let days = zips(&format!("{base}/time_series/us/an/4km/ppt/daily/2024/"));
    assert_eq!((days.len(), days[4].as_str()), (10, "prism_ppt_us_25m_20240229.zip"));
    let months = zips(&format!("{base}/time_series/us/an/800m/vpdmax/monthly/2023/"));
    assert_eq!(
        (months.len(), months[0].as_str(), months[12].as_str()),
        (13, "prism_vpdmax_us_30s_2023.zip", "prism_vpdmax_us_30s_202312.zip")
    );
    assert_eq!(zips(&format!("{base}/time_series/us/lt/800m/tmean/monthly/2023/")).len(), 13);
    assert_eq!(get(&format!("{base}/time_series/us/lt/800m/vpdmin/")).status, 404);
    let normals = zips(&format!("{base}/normals/us/4km/ppt/monthly/"));
    assert_eq!((normals.len(), normals[0].as_str()), (13, "prism_ppt_us_25m_202001_avg_30y.zip"));
    assert_eq!(zips(&format!("{base}/normals/us/800m/tmin/daily/")).len(), 366);
    assert_eq!(zips(&format!("{base}/normals/us/4km/soltotal/monthly/")).len(), 13);
}

#[test]
fn the_old_tree_has_every_stability_and_version_and_bulk_zips() {
    let server = small(ServerOptions::wide());
    let base = server.base_url();
    let days = zips(&format!("{base}/daily/ppt/2024/"));
    let count = |part: &str| days.iter().filter(|name| name.contains(part)).count();
    // Ten days, a provisional one and one of the version before besides, and a bulk zip.
    assert_eq!(days.len(), 13);
    assert_eq!((count("_early_"), count("_provisional_"), count("4kmD1")), (1, 4, 1));
    assert_eq!(count("_20240201_20240229_bil.zip"), 1);
    let versions = |element: &str, year: &str| zips(&format!("{base}/monthly/{element}/{year}/"));
    assert!(versions("ppt", "1895").iter().all(|name| name.contains("4kmM2")));
    assert!(versions("ppt", "2023").iter().all(|name| name.contains("4kmM4")));
    assert!(versions("tmin", "1895").iter().all(|name| name.contains("4kmM1")));
    assert!(versions("tmin", "2023").contains(&"PRISM_tmin_stable_4kmM3_2023_bil.zip".into()));
    assert!(versions("tmin", "1895").contains(&"PRISM_tmin_stable_4kmM1_1895_all_bil.zip".into()));
    let normals = zips(&format!("{base}/normals_bil/4km/ppt/"));
    assert!(normals.contains(&"PRISM_ppt_30yr_normal_4kmD1_0301_bil.zip".into()));
    assert_eq!(normals.len(), 366 + 14);
}

#[test]
fn release_dates_come_in_rows_and_a_single_one_flat() {
    let server = small(ServerOptions::wide());
    let url = format!("{}/prism/data/get/releaseDate/us/4km/tmax", server.base_url());
    let rows = get(&format!("{url}/20240225/20240305?json=true")).json();
    assert_eq!(rows.as_array().unwrap().len(), 10);
    assert_eq!(rows[0][0], "2024-02-25");
    assert_eq!(rows[0][3], 8);
    assert_eq!(rows[9][3], 1);
    let one = get(&format!("{url}/20240229?json=true")).json();
    assert_eq!((&one[0], &one[2]), (&"2024-02-29".into(), &"tmax".into()));
    assert!(one[4].as_str().unwrap().ends_with("/prism/data/get/us/4km/tmax/20240229"));
    let text = get(&format!("{url}/20240229/20240301")).text();
    assert_eq!(text.lines().count(), 2);
    assert!(text.starts_with("2024-02-29 2024-08-27 tmax 8 http://"), "{text}");
    let months = get(&format!("{url}/202301/202312?json=true")).json();
    assert_eq!((months.as_array().unwrap().len(), &months[0][0]), (12, &"2023-01".into()));
    assert!(get(&format!("{url}/20240230")).text().starts_with("Invalid date"));
    let nothing = get(&format!("{url}/20200101?json=true")).json();
    assert_eq!(nothing, serde_json::json!([]));
}

#[test]
fn a_release_changes_count_date_file_and_listing_of_its_grid_alone() {
    let server = small(ServerOptions::wide());
    let base = server.base_url();
    let rows = |element: &str| {
        get(&format!("{base}/prism/data/get/releaseDate/us/4km/{element}/20240304/20240305?json=true")).json()
    };
    let folder = |element: &str| format!("{base}/time_series/us/an/4km/{element}/daily/2024/");
    let zip = format!("{}prism_ppt_us_25m_20240305.zip", folder("ppt"));
    let (before, page, file) = (rows("ppt"), get(&folder("ppt")), get(&zip));
    let other = get(&folder("tmin"));
    assert!(server.release("ppt", "20240305"));
    let after = rows("ppt");
    assert_eq!((&after[0], &after[1][3]), (&before[0], &2.into()));
    assert!(after[1][1].as_str() > before[1][1].as_str());
    let again = get(&zip);
    assert!(again.body != file.body && again.header("etag") != file.header("etag"));
    let changed = get_with(&folder("ppt"), &[("If-None-Match", page.header("etag"))]);
    assert_eq!(changed.status, 200);
    assert_eq!(get_with(&folder("tmin"), &[("If-None-Match", other.header("etag"))]).status, 304);
    assert!(!server.release("ppt", "20240306") && !server.release("rain", "20240305"));
    // The same by a request.
    let told = get(&format!("{base}/_fixture/release?element=ppt&date=20240305")).json();
    assert_eq!(told["count"], 3);
    assert_eq!(get(&format!("{base}/prism/data/get/us/4km/ppt/20240305")).body, get(&zip).body);
}

#[test]
fn the_service_names_its_file_and_refuses_a_third_download_in_words() {
    let server = small(ServerOptions::wide());
    let url = format!("{}/prism/data/get/us/800m/ppt/20240229", server.base_url());
    for _ in 0..2 {
        let zip = get(&url);
        assert!(zip.body.starts_with(b"PK\x03\x04"));
        assert_eq!(
            zip.header("content-disposition"),
            "attachment; filename=\"prism_ppt_us_30s_20240229.zip\""
        );
        assert_eq!((zip.header("etag"), zip.header("last-modified")), ("", ""));
    }
    let third = get(&url);
    assert_eq!((third.status, third.header("content-type")), (200, "text/plain; charset=utf-8"));
    assert!(third.text().contains("prism_ppt_us_30s_20240229.zip more than twice in one day"));
    let bil = get(&format!("{}/prism/data/get/us/4km/ppt/20240229?format=bil", server.base_url()));
    assert!(bil.header("content-disposition").contains("prism_ppt_us_25m_20240229_bil.zip"));
    assert!(
        get(&format!("{}/prism/data/get/us/4km/rain/20240229", server.base_url()))
            .text()
            .starts_with("No data")
    );
}
