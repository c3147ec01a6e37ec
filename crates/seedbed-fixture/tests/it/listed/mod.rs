//! Archives that are only listed.

#![expect(
    clippy::case_sensitive_file_extension_comparisons,
    reason = "the archives' names have one case, and another would be a mistake"
)]

mod bad;
mod cmr;
mod prism;
mod program;
mod real;
mod stac;
mod synthetic;
mod thredds;
mod trees;

use seedbed_fixture::{Listings, Server, ServerOptions};

use super::client::{Answer, get, get_with};

/// A server of everything, with pages as large as the sites'.
fn wide() -> Server {
    Server::start_listings(Listings::default(), ServerOptions::wide()).unwrap()
}

/// A server of a little.
fn small(options: ServerOptions) -> Server {
    Server::start_listings(Listings::small(), options).unwrap()
}

/// The pages of a search of CMR, following its header until there is none.
fn cmr_pages(url: &str) -> Vec<Answer> {
    let mut pages = vec![get(url)];
    loop {
        let last = pages.last().unwrap();
        assert_eq!(last.status, 200, "{}", last.text());
        let after = last.header("cmr-search-after").to_owned();
        if after.is_empty() {
            return pages;
        }
        pages.push(get_with(url, &[("CMR-Search-After", &after)]));
    }
}

/// Every value of an attribute of a page, in order.
fn values(page: &str, attribute: &str) -> Vec<String> {
    page.split(&format!(" {attribute}=\""))
        .skip(1)
        .map(|rest| rest.split('"').next().unwrap().to_owned())
        .collect()
}
