//! Kinds of files, told by their bytes.
//!
//! A server that refuses politely sends a text with status 200 where a file was
//! asked for. The first bytes tell.

use crate::error::excerpt;
use crate::http::Headers;
use crate::{Location, StorageError};
use std::fmt;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

/// What the bytes of a file must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Content {
    /// Anything, but no web page that its server calls one and its name doesn't.
    #[default]
    Any,
    /// Anything, a web page as well.
    Text,
    /// Anything but a web page.
    Data,
    /// A zip archive with a member: starts with `PK\x03\x04`, and its directory's end is there.
    Zip,
    /// A TIFF or `BigTIFF`, in either byte order.
    Tiff,
    /// A netCDF file: classic, 64-bit, or HDF5.
    NetCdf,
    /// An HDF4 file.
    Hdf4,
}

/// Bytes from the start of a file that suffice to tell; a page may begin with some white space.
pub(crate) const ENOUGH: usize = 64;

/// Extensions of files that hold no text, whatever is in them.
const BINARY: &[&str] = &[
    "tif",
    "tiff",
    "nc",
    "nc4",
    "h5",
    "hdf5",
    "hdf",
    "hdf4",
    "he5",
    "zip",
    "gz",
    "jp2",
    "grib",
    "grib2",
    "grb",
    "grb2",
    "bil",
    "bin",
    "parquet",
    "geoparquet",
    "img",
    "png",
    "jpg",
    "jpeg",
    "gif",
    "webp",
    "j2k",
    "ntf",
    "nitf",
    "adf",
    "flt",
    "bsq",
    "bip",
    "las",
    "laz",
    "gpkg",
    "npy",
    "npz",
    "mat",
    "pdf",
    "tar",
    "tgz",
    "bz2",
    "xz",
    "zst",
    "7z",
];

/// Extensions of files that are web pages, or that a server makes one with.
const PAGES: &[&str] = &["html", "htm", "xhtml", "shtml", "php", "asp", "aspx", "jsp", "cgi"];

/// What the beginning of a source must be: by what is expected, and by what its name and its server say of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Guard {
    content: Content,
    /// The kind by the name of a file that can't be a page; none where it can.
    named: Option<Content>,
    /// Whether the server calls it a page.
    called_page: bool,
    /// Whether nothing says that it is one: neither its type nor its name.
    unlikely_page: bool,
}

impl Guard {
    /// For what is expected alone.
    pub(crate) fn of(content: Content) -> Self {
        Self { content, named: None, called_page: false, unlikely_page: false }
    }

    /// For a source of data.
    pub(crate) fn of_source(from: &Location, content: Content) -> Self {
        let extension = from.file_name().and_then(|name| name.rsplit_once('.')).map(|(_, e)| e);
        let is_one_of =
            |all: &[&str]| extension.is_some_and(|e| all.iter().any(|one| e.eq_ignore_ascii_case(one)));
        let named = from.file_name().filter(|_| is_one_of(BINARY)).map(Content::of_name);
        let named = match content {
            Content::Text => None,
            Content::Data => named.or(Some(Content::Data)),
            _ => named,
        };
        let unlikely_page = content != Content::Text && !is_one_of(PAGES);
        Self { content, named, called_page: false, unlikely_page }
    }

    /// Takes in what the server says of it.
    pub(crate) fn hear(&mut self, headers: &Headers) {
        let called = headers.get("content-type").and_then(|v| v.split(';').next()).unwrap_or_default().trim();
        self.called_page =
            ["text/html", "application/xhtml+xml"].iter().any(|t| t.eq_ignore_ascii_case(called));
    }

    /// Whether the server calls it a page.
    pub(crate) fn calls_it_a_page(self) -> bool {
        self.called_page
    }

    /// Whether the source may begin so.
    ///
    /// # Errors
    /// [`StorageError::Content`] if not, with the beginning where that is text.
    pub(crate) fn check(self, from: &Location, head: &[u8]) -> Result<(), StorageError> {
        let refused =
            |expected| Err(StorageError::Content { at: from.shown(), expected, excerpt: excerpt(head) });
        if !self.content.starts(head) {
            return refused(self.content);
        }
        // Some servers call a page what they know no name for: such a file has no text.
        let is_text = head.trim_ascii().is_empty() || excerpt(head).is_some();
        match self.named {
            Some(named) if is_page(head) || (self.called_page && is_text) => refused(named),
            // What begins as text is none of the kinds that are known by their first bytes.
            Some(named) if named.is_told() && is_text && !head.is_empty() => refused(named),
            None if self.unlikely_page && self.called_page && is_page(head) => refused(Content::Data),
            _ => Ok(()),
        }
    }
}

/// Whether bytes begin as a page of HTML does.
fn is_page(head: &[u8]) -> bool {
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
    let any: [&[u8]; 2] = [b"<!doctype html", b"<html"];
    any.iter().any(|begin| head.get(..begin.len()).is_some_and(|h| h.eq_ignore_ascii_case(begin)))
}

impl Content {
    /// The kind that a file of this name has by its extension.
    #[must_use]
    pub fn of_name(name: &str) -> Self {
        let extension = name.rsplit_once('.').map(|(_, e)| e.to_ascii_lowercase());
        match extension.as_deref() {
            Some("zip") => Self::Zip,
            Some("tif" | "tiff") => Self::Tiff,
            Some("nc" | "nc4" | "h5" | "hdf5") => Self::NetCdf,
            Some("hdf" | "hdf4") => Self::Hdf4,
            _ => Self::Any,
        }
    }

    /// The kind that a STAC asset's media type says: what may be a page by it is [`Content::Text`].
    #[must_use]
    pub fn of_media_type(media_type: Option<&str>) -> Self {
        let Some(media_type) = media_type else { return Self::Any };
        let essence = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match essence.as_str() {
            "" => Self::Any,
            "application/zip" => Self::Zip,
            "image/tiff" => Self::Tiff,
            "application/netcdf" | "application/x-netcdf" => Self::NetCdf,
            text if text.starts_with("text/") || text.ends_with("json") || text.ends_with("xml") => {
                Self::Text
            }
            "application/octet-stream" => Self::Any,
            _ => Self::Data,
        }
    }

    /// Whether its first bytes tell it.
    fn is_told(self) -> bool {
        !matches!(self, Self::Any | Self::Text | Self::Data)
    }

    /// Whether a file may start so.
    #[must_use]
    pub fn starts(self, head: &[u8]) -> bool {
        let any = |heads: &[&[u8]]| heads.iter().any(|h| head.starts_with(h));
        match self {
            Self::Any | Self::Text | Self::Data => true,
            Self::Zip => any(&[b"PK\x03\x04"]),
            Self::Tiff => any(&[b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"]),
            Self::NetCdf => any(&[b"CDF\x01", b"CDF\x02", b"CDF\x05", b"\x89HDF\r\n\x1a\n"]),
            Self::Hdf4 => any(&[b"\x0e\x03\x13\x01"]),
        }
    }

    /// Whether a whole file may end so: a zip whose end is cut off lacks its directory.
    pub(crate) fn ends(self, file: &mut File) -> io::Result<bool> {
        if self != Self::Zip {
            return Ok(true);
        }
        let size = file.seek(SeekFrom::End(0))?;
        file.seek(SeekFrom::Start(size.saturating_sub(self.tail() as u64)))?;
        let mut tail = Vec::new();
        file.read_to_end(&mut tail)?;
        Ok(self.ends_with(&tail))
    }

    /// How many of a file's last bytes tell whether it is whole: the end of a zip's directory is 22 bytes and a
    /// comment of at most 65,535.
    pub(crate) fn tail(self) -> usize {
        if self == Self::Zip { 22 + 0xffff } else { 0 }
    }

    /// Whether a whole file may end so.
    pub(crate) fn ends_with(self, tail: &[u8]) -> bool {
        self != Self::Zip || tail.windows(4).any(|w| w == b"PK\x05\x06")
    }
}

/// The media type of a file of this name, for servers that pass it on to browsers.
pub(crate) fn media_type(name: &str) -> &'static str {
    let extension = name.rsplit_once('.').map(|(_, e)| e.to_ascii_lowercase());
    match extension.as_deref() {
        Some("json") => "application/json",
        Some("geojson") => "application/geo+json",
        Some("tif" | "tiff") => "image/tiff",
        Some("nc" | "nc4") => "application/netcdf",
        Some("h5" | "hdf5") => "application/x-hdf5",
        Some("parquet") => "application/vnd.apache.parquet",
        Some("png") => "image/png",
        Some("zip") => "application/zip",
        _ => "application/octet-stream",
    }
}

impl fmt::Display for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Any | Self::Text => "a file",
            Self::Data => "data",
            Self::Zip => "a whole zip archive",
            Self::Tiff => "a TIFF",
            Self::NetCdf => "a netCDF file",
            Self::Hdf4 => "an HDF4 file",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_pages_from_data_by_name_server_and_bytes() {
        let headers = |text: &'static str| {
            let value = reqwest::header::HeaderValue::from_static(text);
            Headers::of(&[(reqwest::header::CONTENT_TYPE, value)].into_iter().collect())
        };
        let (html, octets) = (headers("Text/HTML; charset=utf-8"), headers("application/octet-stream"));
        let page: &[u8] = b"\xef\xbb\xbf \r\n<!DOCTYPE HTML><html><title>Log in</title>";
        let words: &[u8] = b"Please log in";
        let data: &[u8] = b"\x1f\x8b\x08\0\0\0\0\0";
        for (name, headers, head, good) in [
            ("x.tif", &octets, page, false),
            ("x.JP2", &octets, b"<HTML><body>".as_slice(), false),
            ("x.GRIB2", &html, words, false),
            ("x.bil", &html, b"", false),
            ("x.gz", &html, data, true),
            ("x.img", &octets, page, false),
            ("x.png", &html, words, false),
            ("x.bin", &octets, words, true),
            ("x.tif", &octets, b"{\"error\": \"login\"}".as_slice(), false),
            ("x.nc", &octets, b"<!-- c -->\n<?xml version='1.0'?><html>".as_slice(), false),
            ("x.nc", &octets, b"CDF\x01\0\0\0\0".as_slice(), true),
            ("x.html", &html, page, true),
            ("x", &html, page, false),
            ("x", &octets, page, true),
            ("x", &html, words, true),
            ("tif", &html, page, false),
        ] {
            let from: Location = format!("https://h/a.tif/{name}?x=.tif").parse().unwrap();
            let mut guard = Guard::of_source(&from, Content::Any);
            guard.hear(headers);
            assert_eq!(guard.check(&from, head).is_ok(), good, "{name} {head:?}");
            assert!(Guard::of(Content::Any).check(&from, head).is_ok());
        }
    }

    #[test]
    fn tells_pages_from_data_by_the_type_that_is_stated() {
        let from: Location = "https://h/download?product=x".parse().unwrap();
        let page: &[u8] = b"<!doctype html><title>Log in</title>";
        for (media_type, good) in [
            (Some("application/x-hdf5"), false),
            (Some("application/wmo-GRIB2"), false),
            (Some("image/jp2"), false),
            (Some("image/tiff; application=geotiff; profile=cloud-optimized"), false),
            (Some("application/octet-stream"), true),
            (Some("text/html"), true),
            (Some("application/xhtml+xml"), true),
            (None, true),
        ] {
            let guard = Guard::of_source(&from, Content::of_media_type(media_type));
            assert_eq!(guard.check(&from, page).is_ok(), good, "{media_type:?}");
        }
    }
}
