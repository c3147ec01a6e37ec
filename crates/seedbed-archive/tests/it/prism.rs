//! PRISM in its new and its old layout, and by its web service.

use crate::archives::{by, crawl_folder, days, keys};
use crate::crawls::{at, builtin, ids, index, reasons, run, with};
use crate::server::{Asked, Server, missing, ok};
use jiff::civil::date;
use serde_json::json;

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
    let told = |name: &str| normals.items.iter().map(|item| item.property(name)).collect::<Vec<_>>();
    assert_eq!(told("month"), [None, Some(&json!(3)), Some(&json!(3))]);
    assert_eq!(told("day"), [None, None, Some(&json!(1))]);
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
    let normals = crawl_folder("prism-normals-old", &names);
    let told = |name: &str| normals.items.iter().map(|item| item.property(name)).collect::<Vec<_>>();
    assert_eq!(told("month"), [Some(&json!(3)), Some(&json!(3)), None]);
    assert_eq!(told("day"), [None, Some(&json!(1)), None]);
}
