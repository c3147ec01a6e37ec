//! Bodies for fuzzing: any bytes may come from the network.

use crate::Definition;
use crate::source::{cmr, index, stac_api, thredds};

/// What a fuzzer calls; it must not panic, whatever the bytes.
pub type Body = fn(&[u8]);

/// Name and body of each parser's fuzz target.
pub const TARGETS: &[(&str, Body)] = &[
    ("cmr", cmr_page),
    ("stac-api", stac_page),
    ("index", index_page),
    ("thredds", thredds_catalog),
    ("definition", definition),
    ("name", name),
];

fn cmr_page(bytes: &[u8]) {
    let _ = cmr::read_page(bytes, ".nc");
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

fn definition(bytes: &[u8]) {
    let _ = Definition::from_toml("fuzz.toml", &String::from_utf8_lossy(bytes));
}

/// Every built-in definition reads the bytes as a name, up to its dates.
fn name(bytes: &[u8]) {
    let name = String::from_utf8_lossy(bytes);
    for definition in Definition::builtin_names().filter_map(Definition::builtin) {
        if let crate::pattern::Reading::Granule(captures) = definition.names.read(&name) {
            let _ = definition.group.strategy.days(&captures, definition.group.calendar);
        }
    }
}
