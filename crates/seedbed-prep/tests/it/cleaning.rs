//! Cleaning removes what no record names, and nothing else.

use crate::support::{Sandbox, member};
use seedbed_prep::{Cubes, Expected, Member, MosaicRequest, Unexpected, clean, mosaic, verify};
use seedbed_raster::Proj;
use std::fs;
use std::time::Duration;

#[test]
fn dead_attempts_orphans_and_superseded_generations_go() {
    let sandbox = Sandbox::new();
    let members = [member("west", "2004-01"), member("east", "2004-01")];
    for m in &members {
        sandbox.commit("out", m, &[("a", 1.0)]);
    }
    sandbox.expect("out", &["a"], &members);
    let whole = sandbox.files("out");
    sandbox.commit("out", &member("west", "2003-12"), &[("a", 1.0)]);
    let orphan = member("east", "2003-12");
    let record = sandbox.commit("out", &orphan, &[("a", 1.0)]).record.as_path().unwrap().to_owned();
    fs::remove_file(record).unwrap();
    std::mem::forget(sandbox.stage("out", &members[0], &[("a", 3.0)]));
    fs::write(sandbox.path("out/west/2004-01/x.json.0123456789abcdef.tmp"), "torn").unwrap();

    let young = clean(&sandbox.path("out"), Unexpected::Goes, Duration::from_secs(3600), false).unwrap();
    assert!(young.attempts.is_empty() && young.superseded.is_empty());
    let before = sandbox.files("out");
    let shy = clean(&sandbox.path("out"), Unexpected::Stays, Duration::ZERO, true).unwrap();
    assert_eq!((shy.attempts.len(), shy.superseded.len(), shy.unexpected), (2, 0, 1), "{shy:?}");
    let dry = clean(&sandbox.path("out"), Unexpected::Goes, Duration::ZERO, true).unwrap();
    assert_eq!(sandbox.files("out"), before);
    let report = clean(&sandbox.path("out"), Unexpected::Goes, Duration::ZERO, false).unwrap();
    assert_eq!(dry, report);
    assert_eq!((report.attempts.len(), report.unexpected), (2, 0), "{report:?}");
    assert_eq!(report.superseded.len(), 3, "a record with its data, and data alone: {report:?}");
    assert_eq!(sandbox.files("out"), whole);
    for (folder, stays) in
        [("west", true), ("west/2004-01", true), ("west/2003-12", false), ("east/2003-12", false)]
    {
        assert_eq!(sandbox.path("out").join(folder).exists(), stays, "{folder}");
    }
}

#[test]
fn sets_of_one_recipe_are_parts_of_one_product() {
    let sandbox = Sandbox::new();
    let root = seedbed_prep::Root::Local(sandbox.path("out"));
    let key = |of: &str| Some(seedbed_prep::TaskKey::of(&of).unwrap());
    let set = |members: &[(&str, &str)], recipe: &str| Expected {
        recipe: key(recipe),
        ..sandbox.expect("scratch", &["a"], &members.iter().map(|(t, p)| member(t, p)).collect::<Vec<_>>())
    };
    let slots = |set: &Expected| -> Vec<String> {
        set.members.iter().map(|m| format!("{} {}", m.tile, m.period)).collect()
    };
    let all = [("west", "2004-01"), ("west", "2004-02"), ("east", "2004-01"), ("east", "2004-02")];
    let whole = set(&all, "one");
    whole.write(&*sandbox.path("out"), &sandbox.spool()).unwrap();
    // A part of it asked for again leaves the whole as it is.
    assert_eq!(set(&[("east", "2004-01")], "one").joined(&root, Cubes::OfDays).unwrap(), whole);
    let wider = set(&[("west", "2004-03"), ("west", "2004-01")], "one").joined(&root, Cubes::OfDays).unwrap();
    assert_eq!(slots(&wider), [&slots(&whole)[..], &["west 2004-03".to_owned()]].concat());
    for alone in [set(&[("east", "2004-01")], "another"), set(&[("east", "2004-01--2004-02")], "one")] {
        assert_eq!(alone.clone().joined(&root, Cubes::OfDays).unwrap(), alone);
    }
}

#[test]
fn of_two_products_in_a_slot_the_one_with_more_days_stays() {
    let sandbox = Sandbox::new();
    let root = seedbed_prep::Root::Local(sandbox.path("out"));
    let of = |period: &str, days: Option<&str>| {
        let key = seedbed_prep::TaskKey::of(&(period, days)).unwrap();
        Member { key, days: days.map(|days| days.parse().unwrap()), ..member("west", period) }
    };
    let set = |members: &[Member]| Expected {
        recipe: Some(seedbed_prep::TaskKey::of(&"one").unwrap()),
        ..sandbox.expect("scratch", &["a"], members)
    };
    let short =
        [of("2004", Some("2004-01-01/2004-03-10")), of("2004-01--2004-03", Some("2004-01-01/2004-03-10"))];
    let long = [of("2004", None), of("2004-01--2004-12", None)];
    for (there, asked) in [(&long, &short), (&short, &long)] {
        set(there).write(&*sandbox.path("out"), &sandbox.spool()).unwrap();
        assert_eq!(set(asked).joined(&root, Cubes::ByYear).unwrap().members, long);
    }
    assert!(of("2004", None).is_longer(&short[0]) && !short[0].is_longer(&short[0]));
    assert!(!of("state-2004-12-31", None).is_longer(&of("state-2004-12-31", None)));
}

#[test]
fn what_is_not_a_product_of_this_set_is_left_alone() {
    let sandbox = Sandbox::new();
    let members = [member("west", "2004-01"), member("east", "2004-01")];
    for m in &members {
        sandbox.commit("out", m, &[("a", 1.0)]);
    }
    sandbox.expect("out", &["a"], &members);
    let request = MosaicRequest {
        product: seedbed_prep::Root::Local(sandbox.path("out")),
        out: seedbed_prep::Root::Local(sandbox.path("out/mosaic")),
        allow_holes: false,
        ..MosaicRequest::default()
    };
    mosaic(&request, &sandbox.spool(), &Proj, &mut |_, _| {}).unwrap();
    fs::create_dir_all(sandbox.path("out/west/2004-01/notes")).unwrap();
    fs::write(sandbox.path("out/west/2004-01/notes/mine.txt"), "keep").unwrap();
    fs::write(sandbox.path("out/west/2004-01/mine.json"), "{}").unwrap();
    let before = sandbox.files("out");
    clean(&sandbox.path("out"), Unexpected::Stays, Duration::ZERO, false).unwrap();
    assert_eq!(sandbox.files("out").keys().collect::<Vec<_>>(), before.keys().collect::<Vec<_>>());
    assert!(verify(&sandbox.path("out/mosaic")).unwrap().is_complete());
}
