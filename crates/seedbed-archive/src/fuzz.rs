//! Bodies for fuzzing: any bytes may come from the network.

use crate::Definition;
use crate::candidate;
use crate::definition::SidecarKind;
use crate::granule::Granule;
use crate::source::cmr::{self, Manner};
use crate::source::robots::Rules;
use crate::source::{index, releases, sidecar, stac_api, thredds};
use crate::wanted::Wanted;

/// What a fuzzer calls; it must not panic, whatever the bytes.
pub type Body = fn(&[u8]);

/// Name and body of each parser's fuzz target.
pub const TARGETS: &[(&str, Body)] = &[
    ("cmr", cmr_page),
    ("stac-api", stac_page),
    ("index", index_page),
    ("thredds", thredds_catalog),
    ("releases", releases_rows),
    ("robots", robots_rules),
    ("sidecar", sidecars),
    ("journal", journal_lines),
    ("definition", definition),
    ("name", name),
];

fn cmr_page(bytes: &[u8]) {
    for whole in [false, true] {
        let _ = cmr::read_page(bytes, &Manner { suffix: "", whole, times: true, outline: true });
    }
}

fn stac_page(bytes: &[u8]) {
    let _ = stac_api::read_page(bytes);
}

fn index_page(bytes: &[u8]) {
    let _ = index::read_page(bytes);
}

fn thredds_catalog(bytes: &[u8]) {
    let _ = thredds::read_catalog(bytes, "HTTPServer");
}

fn releases_rows(bytes: &[u8]) {
    let _ = releases::read_rows(bytes);
}

/// The bytes as rules, and as a path that they may match.
fn robots_rules(bytes: &[u8]) {
    let rules = Rules::read(bytes, "seedbed");
    let _ = rules.allow("/data/2003/a%20b.nc?x=y");
    let _ = rules.allow(&String::from_utf8_lossy(bytes));
}

fn sidecars(bytes: &[u8]) {
    for kind in [SidecarKind::EcsXml, SidecarKind::Sha256] {
        if let Ok(told) = sidecar::read(kind, bytes) {
            let _ = sidecar::near(&told.corners, seedbed_grid::Bbox::from([-1.0, -1.0, 1.0, 1.0]));
        }
    }
}

fn journal_lines(bytes: &[u8]) {
    let _ = crate::journal::count_lines(bytes);
}

fn definition(bytes: &[u8]) {
    let _ = Definition::from_toml("fuzz.toml", &String::from_utf8_lossy(bytes));
}

/// Every built-in definition reads the bytes as a name, up to its dates.
fn name(bytes: &[u8]) {
    use std::sync::LazyLock;
    static ALL: LazyLock<Vec<Definition>> =
        LazyLock::new(|| Definition::builtin_names().filter_map(Definition::builtin).collect());
    let name = String::from_utf8_lossy(bytes).into_owned();
    let granule = Granule { href: format!("https://host/folder/{name}"), name, ..Granule::default() };
    for definition in &*ALL {
        let _ = candidate::read(definition, &Wanted::default(), &granule);
    }
}
