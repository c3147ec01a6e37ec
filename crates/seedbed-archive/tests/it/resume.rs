//! Crawls that are interrupted, repeated, misled or very long.

use crate::crawls::{at, builtin, cmr_page, ids, index, reasons, run, run_in, stores};
use crate::earth::Earth;
use crate::server::{Answer, Asked, Server, missing, ok};
use seedbed_archive::{CrawlError, CrawlOptions, CrawlProgress, Definition, crawl};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};

/// CMR with ten pages of one granule each.
fn long_cmr() -> Server {
    Server::new(|_, asked: &Asked| {
        let page: usize = asked.header("cmr-search-after").map_or(0, |c| c.parse().unwrap());
        let file = format!("daymet_v4_daily_hi_tmax_{}.nc", 2000 + page);
        let next = (page < 9).then(|| (page + 1).to_string());
        cmr_page(&[&file], next.as_deref(), 10)
    })
}

/// Ends the crawl when so many pages were read, wherever it is.
struct After(AtomicUsize);

impl CrawlProgress for After {
    fn page(&self, _: &str, _: usize) {
        if self.0.fetch_sub(1, Ordering::SeqCst) == 1 {
            resume_unwind(Box::new("killed"));
        }
    }
}

/// A crawl that is dropped after so many pages.
fn killed_after(pages: usize, definition: &Definition, options: &CrawlOptions, work: &std::path::Path) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (after, stores) = (After(AtomicUsize::new(pages)), stores());
    let crawling = || runtime.block_on(crawl(definition, options, &stores, &Earth, &after, work));
    assert!(catch_unwind(AssertUnwindSafe(crawling)).is_err(), "it came to its end");
}

#[test]
fn a_killed_crawl_goes_on_from_the_page_it_had_reached() {
    let (server, whole) = (long_cmr(), long_cmr());
    let work = tempfile::tempdir().unwrap();
    let daymet = builtin("daymet-daily");
    let options = at(&server.root);
    killed_after(4, &daymet, &options, work.path());
    let before = server.asked().len();
    let found = run_in(&daymet, &options, work.path()).unwrap();
    let asked = server.asked().len() - before;
    assert_eq!((found.crawled.pages, found.crawled.granules), (10, 10));
    assert!(found.crawled.resumed >= 4, "{:?}", found.crawled);
    // The page under way when it was killed may be asked for twice.
    assert_eq!(asked as u64, 10 - found.crawled.resumed);
    let expected = run(&daymet, &at(&whole.root)).unwrap();
    assert_eq!(ids(&found), ids(&expected));
    assert!(found.rejected.is_empty(), "{}", reasons(&found));
    // It is finished now: the next one begins anew.
    let again = run_in(&daymet, &options, work.path()).unwrap();
    assert_eq!(again.crawled.resumed, 0);
}

#[test]
fn a_killed_listing_of_a_folder_goes_on_too() {
    let folder = tempfile::tempdir().unwrap();
    for i in 0..2500 {
        let name = format!("daymet_v4_daily_hi_tmax_{:04}.nc", 1000 + i);
        std::fs::write(folder.path().join(name), "").unwrap();
    }
    let work = tempfile::tempdir().unwrap();
    let options = at(folder.path().to_str().unwrap());
    killed_after(1, &builtin("daymet-daily"), &options, work.path());
    let found = run_in(&builtin("daymet-daily"), &options, work.path()).unwrap();
    assert_eq!((found.items.len(), found.crawled.pages), (2500, 3));
    assert!(found.crawled.resumed >= 1);
}

#[test]
fn a_killed_walk_through_folders_asks_only_for_those_that_are_left() {
    let server = Server::new(|_, asked: &Asked| {
        let years: Vec<String> = (1981..2001).map(|y| format!("{y}/")).collect();
        match asked.target.strip_prefix("/time_series/us/an/4km/").unwrap_or("?") {
            "" => index(&["ppt/"]),
            "ppt/daily/" => index(&years.iter().map(String::as_str).collect::<Vec<_>>()),
            year if year.starts_with("ppt/daily/") => {
                index(&[&format!("prism_ppt_us_25m_{}0101.zip", &year[10..14])])
            }
            _ => missing(),
        }
    });
    let work = tempfile::tempdir().unwrap();
    let options = CrawlOptions { jobs: 2, ..at(&server.root) };
    killed_after(8, &builtin("prism-daily"), &options, work.path());
    let before = server.asked().len();
    let found = run_in(&builtin("prism-daily"), &options, work.path()).unwrap();
    let asked = (server.asked().len() - before) as u64;
    assert_eq!((found.items.len(), found.crawled.pages), (20, 22));
    assert!(found.crawled.resumed >= 8);
    // The two that were under way when it was killed may reach the server late.
    let left = 22 - found.crawled.resumed;
    assert!((left..=left + 2).contains(&asked), "{asked} asked, {left} left");
}

#[test]
fn a_killed_crawl_of_a_plain_mirror_goes_on_as_that() {
    let server = Server::new(|_, asked: &Asked| {
        let years: Vec<String> = (1981..1991).map(|y| format!("{y}/")).collect();
        match asked.target.strip_prefix("/mirror/").unwrap_or("?") {
            "" => index(&years.iter().map(String::as_str).collect::<Vec<_>>()),
            year if year.len() == 5 => index(&["../", &format!("daymet_v4_daily_na_tmax_{}.nc", &year[..4])]),
            _ => missing(),
        }
    });
    let work = tempfile::tempdir().unwrap();
    let options = CrawlOptions { jobs: 1, ..at(&format!("{}mirror/", server.root)) };
    killed_after(5, &builtin("daymet-daily"), &options, work.path());
    let before = server.asked().len();
    let found = run_in(&builtin("daymet-daily"), &options, work.path()).unwrap();
    assert_eq!((found.items.len(), found.crawled.pages), (10, 11));
    assert!(found.crawled.resumed >= 5 && found.crawled.notes.len() == 1, "{:?}", found.crawled);
    // What it is not is asked for again, what it is goes on.
    assert_eq!((server.asked().len() - before) as u64, 3 + 11 - found.crawled.resumed);
    assert_eq!(std::fs::read_dir(work.path()).unwrap().count(), 0);
}

#[test]
fn a_crawl_that_failed_half_way_asks_only_for_the_rest() {
    let broken = std::sync::Arc::new(AtomicUsize::new(1));
    let switch = std::sync::Arc::clone(&broken);
    let server = Server::new(move |_, asked: &Asked| {
        let page: usize = asked.header("cmr-search-after").map_or(0, |c| c.parse().unwrap());
        if page == 3 && broken.load(Ordering::SeqCst) == 1 {
            return (503, Vec::new(), Vec::new());
        }
        let file = format!("daymet_v4_daily_hi_tmax_{}.nc", 2000 + page);
        cmr_page(&[&file], (page < 5).then(|| (page + 1).to_string()).as_deref(), 6)
    });
    let work = tempfile::tempdir().unwrap();
    let daymet = builtin("daymet-daily");
    let error = run_in(&daymet, &at(&server.root), work.path()).unwrap_err();
    assert!(error.retryable(), "{error}");
    switch.store(0, Ordering::SeqCst);
    let before = server.asked().len();
    let found = run_in(&daymet, &at(&server.root), work.path()).unwrap();
    assert_eq!((found.items.len(), found.crawled.resumed), (6, 3));
    assert_eq!(server.asked().len() - before, 3);
}

#[test]
fn one_whose_items_were_not_saved_is_not_asked_for_again() {
    let server = long_cmr();
    let work = tempfile::tempdir().unwrap();
    let daymet = builtin("daymet-daily");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut unsaved =
        runtime.block_on(crawl(&daymet, &at(&server.root), &stores(), &Earth, &(), work.path())).unwrap();
    assert!(unsaved.next_item().unwrap().is_some());
    drop(unsaved);
    let found = run_in(&daymet, &at(&server.root), work.path()).unwrap();
    assert_eq!((found.items.len(), found.crawled.resumed, server.asked().len()), (10, 10, 10));
}

/// An index whose folders have entity tags; the second year changes with `state`.
fn tagged(state: &'static AtomicUsize) -> Server {
    Server::new(move |_, asked: &Asked| {
        let tag = |tag: String, answer: Answer| -> Answer {
            if asked.header("if-none-match") == Some(&tag) {
                return (304, Vec::new(), Vec::new());
            }
            (answer.0, vec![("ETag".to_owned(), tag)], answer.2)
        };
        let state = state.load(Ordering::SeqCst);
        match asked.target.strip_prefix("/time_series/us/an/4km/").unwrap_or("?") {
            "" => tag("\"top\"".to_owned(), index(&["ppt/"])),
            "ppt/daily/" => tag("\"ppt\"".to_owned(), index(&["2003/", "2004/"])),
            "ppt/daily/2003/" => tag("\"2003\"".to_owned(), index(&["prism_ppt_us_25m_20030101.zip"])),
            "ppt/daily/2004/" => {
                let all = ["../", "prism_ppt_us_25m_20040101.zip", "prism_ppt_us_25m_20040102.zip"];
                tag(format!("\"2004-{state}\""), index(&all[..=state]))
            }
            _ => missing(),
        }
    })
}

#[test]
fn pages_that_have_not_changed_are_not_sent_again() {
    static STATE: AtomicUsize = AtomicUsize::new(1);
    let server = tagged(&STATE);
    let work = tempfile::tempdir().unwrap();
    let prism = builtin("prism-daily");
    let first = run_in(&prism, &at(&server.root), work.path()).unwrap();
    assert_eq!((first.items.len(), first.crawled.not_modified), (2, 0));
    STATE.store(2, Ordering::SeqCst);
    let second = run_in(&prism, &at(&server.root), work.path()).unwrap();
    assert_eq!(ids(&second), ["prism-daily-20030101", "prism-daily-20040101", "prism-daily-20040102"]);
    assert_eq!((second.crawled.pages, second.crawled.not_modified), (4, 3));
    let third = run_in(&prism, &at(&server.root), work.path()).unwrap();
    assert_eq!((third.crawled.not_modified, ids(&third)), (4, ids(&second)));
    let fresh = run_in(&prism, &CrawlOptions { fresh: true, ..at(&server.root) }, work.path()).unwrap();
    assert_eq!((fresh.crawled.not_modified, ids(&fresh)), (0, ids(&second)));
}

#[test]
fn two_crawls_of_the_same_at_once_are_refused() {
    let server = long_cmr();
    let work = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let daymet = builtin("daymet-daily");
    let _first =
        runtime.block_on(crawl(&daymet, &at(&server.root), &stores(), &Earth, &(), work.path())).unwrap();
    let error = run_in(&daymet, &at(&server.root), work.path()).unwrap_err();
    assert!(matches!(error, CrawlError::Busy { .. }) && error.retryable(), "{error}");
}

#[test]
fn folders_that_the_site_forbids_to_robots_are_not_asked_for() {
    let server = Server::new(|_, asked: &Asked| match asked.target.as_str() {
        "/robots.txt" => ok("User-agent: *\nDisallow: /*/tmax/\nDisallow: /elsewhere"),
        "/time_series/us/an/4km/" => index(&["ppt/", "tmax/"]),
        "/time_series/us/an/4km/ppt/daily/" | "/time_series/us/an/4km/tmax/daily/" => index(&["2003/"]),
        "/time_series/us/an/4km/ppt/daily/2003/" => index(&["prism_ppt_us_25m_20030101.zip"]),
        "/time_series/us/an/4km/tmax/daily/2003/" => index(&["prism_tmax_us_25m_20030101.zip"]),
        _ => missing(),
    });
    let prism = builtin("prism-daily");
    let found = run(&prism, &at(&server.root)).unwrap();
    assert_eq!(found.items[0].assets().map(|(k, _)| k).collect::<Vec<_>>(), ["ppt"]);
    assert!(reasons(&found).contains("tmax/daily/: the site's robots.txt forbids it"), "{}", reasons(&found));
    assert!(!server.asked().iter().any(|a| a.target.contains("tmax")));
    let found = run(&prism, &CrawlOptions { ignore_robots: true, ..at(&server.root) }).unwrap();
    assert_eq!(found.items[0].assets().count(), 2);
    assert!(found.rejected.is_empty(), "{}", reasons(&found));
}

#[test]
fn a_site_whose_rules_can_not_be_had_now_is_not_asked() {
    let server = Server::new(|_, asked: &Asked| match asked.target.as_str() {
        "/robots.txt" => (503, Vec::new(), Vec::new()),
        _ => index(&["ppt/"]),
    });
    let error = run(&builtin("prism-daily"), &at(&server.root)).unwrap_err();
    assert!(error.retryable() && error.to_string().contains("robots.txt"), "{error}");
    assert!(server.asked().is_empty());
}

#[test]
fn paging_that_shows_one_page_for_ever_is_noticed() {
    let counter = AtomicUsize::new(0);
    let server = Server::new(move |_, _| {
        let cursor = counter.fetch_add(1, Ordering::SeqCst).to_string();
        cmr_page(&["daymet_v4_daily_hi_tmax_2003.nc"], Some(&cursor), 1_000_000)
    });
    let found = run(&builtin("daymet-daily"), &at(&server.root)).unwrap();
    assert_eq!(found.items.len(), 1);
    assert!(reasons(&found).contains("this page is as the one before"), "{}", reasons(&found));
    assert!(server.asked().len() < 5);
}

#[test]
fn folders_that_link_to_each_other_are_read_once() {
    let server = Server::new(|_, asked: &Asked| match asked.target.as_str() {
        "/data/" => index(&["a/", "./", "/data/"]),
        "/data/a/" => index(&["/data/", "../a/", "x_2001.nc"]),
        _ => missing(),
    });
    let mine = own(&format!("{}data/", server.root), "kind = \"index\"");
    let found = run(&mine, &CrawlOptions::default()).unwrap();
    assert_eq!((ids(&found), server.asked().len()), (vec!["x-2001"], 2));
}

/// A small definition of one's own.
fn own(root: &str, source: &str) -> Definition {
    let toml = format!(
        "name = \"mine\"\nroot = \"{root}\"\npattern = 'x_(?P<year>\\d{{4}})\\.nc'\n[source]\n{source}\n\
         [group]\nid = \"x-{{year}}\"\ntime = {{ strategy = \"year\" }}\n"
    );
    Definition::from_toml("mine.toml", &toml).unwrap()
}

#[test]
fn an_address_made_by_a_template_has_to_be_there() {
    let server = Server::new(|_, asked: &Asked| {
        assert_eq!(asked.method, "HEAD");
        let there = ["/x/2001/x_2001.nc", "/x/2003/x_2003.nc"].contains(&asked.target.as_str());
        if there { ok("12345") } else { missing() }
    });
    let source = "kind = \"template\"\naddress = \"{folder}/{year}/x_{year}.nc\"\nvalues = { folder = [\"x\", \"y\"] }\nfrom = \"2001-01-01\"\nto = \"2004-12-31\"";
    let mine = own(&server.root, source);
    let error = run(&mine, &CrawlOptions::default()).unwrap_err();
    assert!(error.is_usage() && error.to_string().contains("hint: --probe"), "{error}");
    assert!(server.asked().is_empty());
    let found = run(&mine, &CrawlOptions { probe: true, ..CrawlOptions::default() }).unwrap();
    assert_eq!(ids(&found), ["x-2001", "x-2003"]);
    assert_eq!(found.items[0].asset("data").unwrap().size(), Some(5));
    assert_eq!(server.asked().len(), 8);
    assert_eq!(found.crawled.notes, ["6 of the addresses that `template` makes lead nowhere"]);
    assert!(found.rejected.is_empty(), "{}", reasons(&found));
}

/// A STAC API with very many items, a thousand a page; each tile is there in two productions.
fn huge(items: usize) -> Server {
    const PAGE: usize = 1000;
    Server::new(move |root, asked: &Asked| {
        let page: usize = asked.target.split("page=").nth(1).map_or(0, |p| p.parse().unwrap());
        let end = items.min((page + 1) * PAGE);
        let features: Vec<String> = (page * PAGE..end)
            .map(|i| {
                // Not in the order of the ids.
                let n = i * 7919 % items;
                let (production, tile) = (n % 2, n / 2);
                let id = format!(
                    "MOD13A1.A{}{:03}.h{:02}v04.061.202007800000{production}",
                    2000 + tile / 460, 1 + 16 * (tile / 20 % 23), 8 + tile % 20,
                );
                format!(r#"{{"type":"Feature","stac_version":"1.0.0","id":"{id}","properties":{{}},"links":[],"assets":{{"500m_16_days_NDVI":{{"href":"https://h/{id}.tif"}}}}}}"#)
            })
            .collect();
        let next = if end < items {
            format!(r#"{{"rel":"next","href":"{root}search?page={}"}}"#, page + 1)
        } else {
            String::new()
        };
        ok(format!(r#"{{"features":[{}],"links":[{next}],"numberMatched":{items}}}"#, features.join(",")))
    })
}

#[test]
fn a_long_listing_gives_the_same_items_whatever_memory_there_is() {
    let items = 100_000;
    let server = huge(items);
    let of = |memory| {
        let found = run(&builtin("mod13a1"), &CrawlOptions { memory, ..at(&server.root) }).unwrap();
        assert_eq!((found.crawled.granules, found.crawled.pages), (items as u64, 100));
        assert_eq!(found.items.len(), items / 2, "{}", reasons(&found));
        let all = found.items.iter().map(|i| serde_json::to_string(i).unwrap());
        let sum = all.fold(0_u64, |sum, text| {
            text.bytes().fold(sum, |s, b| s.wrapping_mul(0x0100_0000_01b3) ^ u64::from(b))
        });
        let superseded = found.items[7].property("seedbed:superseded").map(ToString::to_string);
        assert!(superseded.is_some());
        (sum, ids(&found).first().map(ToString::to_string), superseded)
    };
    // As little as forces hundreds of temporary files, and all at once.
    assert_eq!(of(200_000), of(1 << 30));
}

/// What this process held at most, in bytes.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|l| l.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}

#[test]
#[ignore = "it takes minutes"]
fn a_million_items_take_less_than_200_mb() {
    let items = 1_000_000;
    let server = huge(items);
    let work = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let modis = builtin("mod13a1");
    let began = std::time::Instant::now();
    let mut crawl =
        runtime.block_on(crawl(&modis, &at(&server.root), &stores(), &Earth, &(), work.path())).unwrap();
    println!("listed after {:?}, {} bytes at most", began.elapsed(), peak());
    let mut drawn = 0_usize;
    while crawl.next_item().unwrap().is_some() {
        drawn += 1;
    }
    println!("drawn after {:?}, {} bytes at most", began.elapsed(), peak());
    assert_eq!(drawn, items / 2);
    assert!(peak() < 200_000_000, "{}", peak());
}

#[test]
fn rejections_are_counted_and_the_first_ten_thousand_kept() {
    let folder = tempfile::tempdir().unwrap();
    for i in 0..10_050 {
        std::fs::write(folder.path().join(format!("bad-{i:05}.nc")), "").unwrap();
    }
    let found = run(&builtin("daymet-daily"), &at(folder.path().to_str().unwrap())).unwrap();
    assert_eq!((found.crawled.rejected_count, found.rejected.len()), (10_050, 10_000));
    assert!(found.crawled.pages > 5);
    assert_eq!(found.rejected[0].name, "bad-00000.nc");
}
