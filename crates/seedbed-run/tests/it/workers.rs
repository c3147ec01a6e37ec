//! A plan taken up by workers, and by choice of tiles.

use crate::support::{PROJECT, Sandbox, Unwatched, options};
use seedbed_prep::verify;
use seedbed_run::{Plan, RunError, StatusReport};

#[test]
fn workers_make_the_records_and_the_coordinator_the_documents() {
    let sandbox = Sandbox::new();
    let plan = sandbox.plan();
    for index in [1, 0] {
        let report = sandbox.with_runner(|r| r.work(&plan, index, &options(None), &Unwatched)).unwrap();
        assert_eq!((report.tiles, report.made, report.present), (1, 3, 0));
        assert_eq!(report.failed, []);
    }
    assert!(!sandbox.path("out/expected.json").exists());
    assert!(!sandbox.path("out/catalog.json").exists());
    let collected = sandbox.run(&Unwatched).unwrap();
    assert_eq!((collected.made, collected.present), (0, 6));
    let alone = Sandbox::new();
    alone.run(&Unwatched).unwrap();
    assert_eq!(sandbox.files("out"), alone.files("out"));
}

#[test]
fn workers_on_one_task_at_once_make_it_once() {
    let sandbox = Sandbox::new();
    let plan = sandbox.plan();
    let reports: Vec<_> = std::thread::scope(|scope| {
        let work = || sandbox.with_runner(|r| r.work(&plan, 0, &options(None), &Unwatched)).unwrap();
        let workers: Vec<_> = (0..3).map(|_| scope.spawn(work)).collect();
        workers.into_iter().map(|w| w.join().unwrap()).collect()
    });
    assert_eq!(reports.iter().map(|r| r.made).sum::<usize>(), 3, "{reports:?}");
    assert!(reports.iter().all(|r| r.failed.is_empty() && r.made + r.present == 3), "{reports:?}");
    let records = sandbox.files("out").into_keys().filter(|p| p.extension().is_some_and(|e| e == "json"));
    assert_eq!(records.count(), 3);
}

#[test]
fn a_worker_refuses_a_task_that_is_not_there_or_no_longer_fits() {
    let sandbox = Sandbox::new();
    let plan = sandbox.plan();
    let refused = |plan: &Plan, index| {
        let error = sandbox.with_runner(|r| r.work(plan, index, &options(None), &Unwatched)).unwrap_err();
        assert!(matches!(error, RunError::Plan { .. }) && error.is_usage(), "{error}");
        error.to_string()
    };
    assert!(refused(&plan, 2).contains("no task 2"));
    let empty = Plan { tasks: Vec::new(), ..plan.clone() };
    assert!(refused(&empty, 0).contains("0 tasks"));
    sandbox.write_project(&PROJECT.replace("bias_corr = 1.0", "bias_corr = 0.9"));
    assert!(refused(&plan, 0).contains("changed"));
    assert!(!sandbox.path("out").exists());
}

#[test]
fn chosen_tiles_are_run_and_the_others_stay_expected() {
    let sandbox = Sandbox::new();
    let east = options(Some(vec!["east".to_owned()]));
    let report = sandbox.with_runner(|r| r.execute(&r.plan()?, &east, &Unwatched)).unwrap();
    assert_eq!((report.tiles, report.products, report.made), (1, 3, 3));
    let checked = verify(&sandbox.path("out")).unwrap();
    assert_eq!((checked.expected, checked.right), (6, 3));
    assert!(checked.problems.iter().all(|p| p.tile == "west" && p.missing), "{:?}", checked.problems);
    let status = StatusReport::of(&sandbox.plan(), &sandbox.path("out")).unwrap();
    assert_eq!((status.done, status.expected), (3, 6));
    let nowhere = options(Some(vec!["north".to_owned()]));
    let error = sandbox.with_runner(|r| r.execute(&r.plan()?, &nowhere, &Unwatched)).unwrap_err();
    assert!(error.is_usage() && error.to_string().contains("north"), "{error}");
}
