//! Making archives: again, elsewhere, and wrongly.

use std::fs;

use seedbed_fixture::{Archive, Archives, Area, Spec};

fn statics_and_prism() -> Spec {
    Spec {
        archives: vec![Archive::Statics, Archive::PrismOld, Archive::Daymet],
        prism_days: 1,
        prism_variables: vec!["ppt".into()],
        daymet_variables: vec!["tmin".into()],
        ..Spec::small()
    }
}

fn bytes(dir: &std::path::Path, name: &str) -> Vec<u8> {
    fs::read(dir.join(name)).unwrap()
}

const SAMPLES: [&str; 4] = [
    "statics/whc.tif",
    "daymet/daymet_v4_daily_na_tmin_2004.nc",
    "daymet/daymet_v4_daily_na_tmin_2004.nc.sha256",
    "prism-old/daily/ppt/2004/PRISM_ppt_stable_4kmD2_20040228_bil.zip",
];

#[test]
fn the_same_spec_gives_the_same_bytes_anywhere() {
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for dir in [&here, &there] {
        Archives::generate(dir.path(), &statics_and_prism()).unwrap();
    }
    for name in SAMPLES {
        assert_eq!(bytes(here.path(), name), bytes(there.path(), name), "{name}");
    }
}

#[test]
fn making_again_keeps_what_is_there_and_makes_what_is_missing() {
    let dir = tempfile::tempdir().unwrap();
    Archives::generate(dir.path(), &statics_and_prism()).unwrap();
    let kept = dir.path().join(SAMPLES[0]);
    let before = fs::metadata(&kept).unwrap().modified().unwrap();
    let lost = dir.path().join(SAMPLES[1]);
    let whole = fs::read(&lost).unwrap();
    fs::remove_file(&lost).unwrap();
    Archives::generate(dir.path(), &statics_and_prism()).unwrap();
    assert_eq!(fs::metadata(&kept).unwrap().modified().unwrap(), before);
    assert_eq!(fs::read(&lost).unwrap(), whole);
    let leftovers = fs::read_dir(dir.path().join("daymet")).unwrap().flatten();
    assert!(leftovers.into_iter().all(|entry| !entry.file_name().to_string_lossy().starts_with('.')));
}

#[test]
fn a_folder_of_another_area_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let spec = Spec { archives: vec![Archive::Statics], ..Spec::small() };
    Archives::generate(dir.path(), &spec).unwrap();
    let elsewhere = Spec { area: Area::UPPER_DELAWARE, ..spec };
    let message = Archives::generate(dir.path(), &elsewhere).unwrap_err().to_string();
    assert!(message.contains("holds other archives"), "{message}");
}

#[test]
fn an_unknown_variable_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let spec =
        Spec { archives: vec![Archive::Daymet], daymet_variables: vec!["tavg".into()], ..Spec::small() };
    let message = Archives::generate(dir.path(), &spec).unwrap_err().to_string();
    assert!(message.contains("`tavg`") && message.contains("tmin"), "{message}");
}
