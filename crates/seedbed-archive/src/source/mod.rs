//! How archives are listed, each kind in a module of its own: where it begins,
//! and a pure parser from an answer to a page.

pub(crate) mod cmr;
pub(crate) mod index;
pub(crate) mod listing;
pub(crate) mod releases;
pub(crate) mod robots;
pub(crate) mod sidecar;
pub(crate) mod stac_api;
pub(crate) mod template;
pub(crate) mod thredds;
mod web;
mod xml;

pub(crate) use web::{Fetched, Web};

use crate::granule::Granule;
use std::collections::BTreeMap;

/// The file's name in an address, percent signs decoded.
pub(crate) fn file_name(href: &str) -> String {
    let path = href.split(['?', '#']).next().unwrap_or(href);
    decode(path.rsplit('/').next().unwrap_or(path))
}

/// The path of an address, or a path as it is.
pub(crate) fn path_of(href: &str) -> &str {
    let Some((_, rest)) = href.split_once("://") else { return href };
    let path = rest.find('/').map_or("", |at| &rest[at..]);
    path.split(['?', '#']).next().unwrap_or(path)
}

/// Tells granules of the files with their SHA-256 that are listed beside them.
pub(crate) fn pair_checksums(granules: &mut [Granule]) {
    let sums: BTreeMap<String, String> = granules
        .iter()
        .filter_map(|g| Some((g.name.strip_suffix(".sha256")?.to_owned(), g.href.clone())))
        .collect();
    if sums.is_empty() {
        return;
    }
    for granule in granules {
        if granule.checksum_href.is_none() {
            granule.checksum_href = sums.get(&granule.name).cloned();
        }
    }
}

/// A text with its percent signs decoded; what isn't UTF-8 then stays as it was.
pub(crate) fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        let hex = |at: usize| tail.get(at).and_then(|b| char::from(*b).to_digit(16));
        if let (b'%', Some(high), Some(low)) = (byte, hex(0), hex(1)) {
            bytes.push(u8::try_from(high * 16 + low).unwrap_or(b'%'));
            rest = &tail[2..];
        } else {
            bytes.push(byte);
            rest = tail;
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_last_part_of_the_path_decoded() {
        assert_eq!(file_name("https://h/a/b%20c.nc?x=/y"), "b c.nc");
        assert_eq!(file_name("x.nc"), "x.nc");
        assert_eq!(decode("100%"), "100%");
        assert_eq!(decode("%zz%4"), "%zz%4");
        assert_eq!(decode("%ff"), "%ff");
        assert_eq!(path_of("https://h/a/b.nc?x=/y"), "/a/b.nc");
        assert_eq!(path_of("s3://bucket/a/b.nc"), "/a/b.nc");
        assert_eq!(path_of("/mnt/a/b.nc"), "/mnt/a/b.nc");
    }
}
