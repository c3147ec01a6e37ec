//! What a server says of a file it has taken in: `Content-Length` and `Digest` (RFC 3230).

use crate::checksum::{Checksum, Function};
use crate::http::Headers;
use crate::{StorageError, base64, secret};
use url::Url;

/// The digests that a server tells, of functions that we know.
pub(crate) fn digests(headers: &Headers) -> Vec<Checksum> {
    let all = headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("digest")).map(|(_, v)| v);
    let parts = all.flat_map(|v| v.split(',')).filter_map(|part| part.trim().split_once('='));
    parts
        .filter_map(|(name, value)| {
            let function = match name.trim().to_ascii_lowercase().as_str() {
                "adler32" => Function::Adler32,
                "md5" => Function::Md5,
                "sha-256" => Function::Sha256,
                "sha-512" => Function::Sha512,
                _ => return None,
            };
            // Adler32 is told in hex, the others in base64.
            if function == Function::Adler32 {
                return Checksum::from_hex(function, &format!("{:0>8}", value.trim())).ok();
            }
            Checksum::from_digest(function, base64::decode(value.trim())?)
        })
        .collect()
}

/// Whether what a server says fits these bytes.
pub(crate) fn check(headers: &Headers, bytes: &[u8], url: &Url) -> Result<(), StorageError> {
    let at = secret::shown(url);
    if let Some(found) = headers.content_length().filter(|n| *n != bytes.len() as u64) {
        return Err(StorageError::Size { at, expected: bytes.len() as u64, found });
    }
    for found in digests(headers) {
        let expected = Checksum::of(found.function(), bytes);
        if found != expected {
            let (expected, found) = (expected.to_string(), found.to_string());
            return Err(StorageError::Checksum { at, expected, found });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

    #[test]
    fn reads_digests_in_hex_and_in_base64() {
        let text = "adler32=91e01de, MD5=JfnnlDI7RTiF9RgfG2JNCw==,x=1";
        let map: HeaderMap =
            [(HeaderName::from_static("digest"), HeaderValue::from_static(text))].into_iter().collect();
        let told = digests(&Headers::of(&map));
        assert_eq!(told, [Function::Adler32, Function::Md5].map(|f| Checksum::of(f, b"123456789")));
        let url = "http://h/x".parse().unwrap();
        assert!(check(&Headers::of(&map), b"123456789", &url).is_ok());
        let error = check(&Headers::of(&map), b"123456788", &url).unwrap_err();
        assert!(matches!(error, StorageError::Checksum { .. }));
    }
}
