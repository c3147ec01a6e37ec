//! How archives are listed, each kind in a module of its own: a pure parser
//! from text to granules, and the walk that feeds it.

pub(crate) mod cmr;
pub(crate) mod index;
pub(crate) mod listing;
pub(crate) mod stac_api;
pub(crate) mod thredds;
mod web;
mod xml;

pub(crate) use web::Web;

use crate::CrawlError;
use crate::definition::Kind;
use crate::granule::Found;
use crate::root::Root;

/// Lists the archive by the source of the definition's kind; a root that is no
/// web server is listed as it is.
pub(crate) async fn granules(web: &Web<'_>, root: &Root) -> Result<Found, CrawlError> {
    match (root, web.definition.source.kind) {
        (Root::Prefix(_), Kind::StacApi) => Err(CrawlError::Root {
            definition: web.definition.name().to_owned(),
            needs: "a STAC API is a web server: its root starts with http:// or https://",
        }),
        (Root::Prefix(prefix), _) => listing::crawl(web, prefix).await,
        (Root::Web(root), Kind::Cmr) => cmr::crawl(web, root).await,
        (Root::Web(root), Kind::StacApi) => stac_api::crawl(web, root).await,
        (Root::Web(root), Kind::Index | Kind::Listing) => index::crawl(web, root).await,
        (Root::Web(root), Kind::Thredds) => thredds::crawl(web, root).await,
    }
}

/// The file's name in an address, percent signs decoded.
pub(crate) fn file_name(href: &str) -> String {
    let path = href.split(['?', '#']).next().unwrap_or(href);
    decode(path.rsplit('/').next().unwrap_or(path))
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
    }
}
