//! What a server says of a file that it has: `Content-Length`, and digests in whatever header it tells them.

use crate::checksum::{Checksum, Function};
use crate::http::Headers;
use crate::{StorageError, base64, secret};
use url::Url;

/// The digests that a server tells in `Digest` (RFC 3230), of functions that we know.
pub(crate) fn digests(headers: &Headers) -> Vec<Checksum> {
    members(headers, "digest").filter_map(|(name, value)| read(function(&name)?, value)).collect()
}

/// The digest of a whole file that the answer to a GET of it tells, by the strongest function of those that we know.
/// `asked` is whether it was asked for with `Want-Digest`.
///
/// A part's answer (206) is believed only in what is about the whole by its definition: `Repr-Digest` (RFC 9530),
/// `Digest` of a server that heeds `Want-Digest`, and what Google's store has of an object.
pub(crate) fn of_whole(headers: &Headers, status: u16, asked: bool) -> Option<Checksum> {
    let whole = status == 200;
    let mut all: Vec<Checksum> = members(headers, "repr-digest")
        .filter_map(|(name, value)| {
            // A byte sequence between colons, perhaps with parameters.
            let bytes = value.strip_prefix(':')?.split(':').next()?;
            Checksum::from_digest(function(&name)?, base64::decode(bytes)?)
        })
        .collect();
    if whole || asked {
        all.extend(digests(headers));
    }
    if whole {
        let of = |function, name: &str| {
            let value = headers.get(name)?.trim();
            Checksum::from_digest(function, base64::decode(value)?)
        };
        all.extend(of(Function::Md5, "content-md5"));
        // A digest of the digests of parts is none of the file; it ends in their number.
        let composite =
            headers.get("x-amz-checksum-type").is_some_and(|t| t.eq_ignore_ascii_case("composite"));
        if !composite {
            all.extend(of(Function::Sha256, "x-amz-checksum-sha256"));
            all.extend(of(Function::Crc64Nvme, "x-amz-checksum-crc64nvme"));
            all.extend(of(Function::Crc32, "x-amz-checksum-crc32"));
            all.extend(of(Function::Crc32c, "x-amz-checksum-crc32c"));
        }
    }
    // What is stored compressed may be sent otherwise.
    let stored = headers.get("x-goog-stored-content-encoding").unwrap_or("identity");
    if stored.eq_ignore_ascii_case("identity") {
        all.extend(
            members(headers, "x-goog-hash")
                .filter_map(|(name, value)| Checksum::from_digest(function(&name)?, base64::decode(value)?)),
        );
    }
    all.into_iter().min_by_key(|checksum| STRONGEST.iter().position(|f| *f == checksum.function()))
}

/// The functions that servers tell, SHA-256 first, since that is computed anyway.
const STRONGEST: [Function; 7] = [
    Function::Sha256,
    Function::Sha512,
    Function::Md5,
    Function::Crc64Nvme,
    Function::Crc32c,
    Function::Crc32,
    Function::Adler32,
];

/// The members `name=value` of a header's lists, names in lower case.
fn members<'a>(headers: &'a Headers, header: &'a str) -> impl Iterator<Item = (String, &'a str)> {
    let all = headers.iter().filter(move |(name, _)| name.eq_ignore_ascii_case(header)).map(|(_, v)| v);
    let parts = all.flat_map(|v| v.split(',')).filter_map(|part| part.split_once('='));
    parts.map(|(name, value)| (name.trim().to_ascii_lowercase(), value.trim()))
}

fn function(name: &str) -> Option<Function> {
    Some(match name {
        "adler32" | "adler" => Function::Adler32,
        "crc32" => Function::Crc32,
        "crc32c" => Function::Crc32c,
        "md5" => Function::Md5,
        "sha-256" => Function::Sha256,
        "sha-512" => Function::Sha512,
        _ => return None,
    })
}

/// A digest in hex, as sums are told and by some servers all of them, or in base64.
fn read(function: Function, value: &str) -> Option<Checksum> {
    let sum = matches!(function, Function::Adler32 | Function::Crc32 | Function::Crc32c);
    let padded = if sum { format!("{value:0>8}") } else { value.to_owned() };
    let hex = Checksum::from_hex(function, &padded).ok();
    hex.or_else(|| Checksum::from_digest(function, base64::decode(value)?))
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

    fn headers(pairs: &[(&'static str, String)]) -> Headers {
        let map: HeaderMap = pairs
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::try_from(value).unwrap()))
            .collect();
        Headers::of(&map)
    }

    #[test]
    fn knows_the_digest_of_a_whole_file_in_every_header_that_has_one() {
        let (bytes, asked, whole) = (b"123456789", true, 200);
        let base64 = |f| base64::encode(Checksum::of(f, bytes).digest());
        let hex = |f| Checksum::of(f, bytes).digest_hex();
        for (name, value, function, in_part) in [
            ("repr-digest", format!("sha-256=:{}:;q=1", base64(Function::Sha256)), Function::Sha256, true),
            ("repr-digest", format!("x=1, sha-512=:{}:", base64(Function::Sha512)), Function::Sha512, true),
            ("repr-digest", format!("adler=:{}:", base64(Function::Adler32)), Function::Adler32, true),
            ("digest", format!("SHA-256={}", base64(Function::Sha256)), Function::Sha256, false),
            ("digest", format!("md5={}", hex(Function::Md5)), Function::Md5, false),
            ("digest", "ADLER32=91e01de".to_owned(), Function::Adler32, false),
            ("digest", format!("adler32={}", base64(Function::Adler32)), Function::Adler32, false),
            ("digest", format!("crc32={}", hex(Function::Crc32)), Function::Crc32, false),
            ("content-md5", base64(Function::Md5), Function::Md5, false),
            ("x-goog-hash", format!("crc32c=AAAAAA==,md5={}", base64(Function::Md5)), Function::Md5, true),
            ("x-goog-hash", "crc32c=4waSgw==".to_owned(), Function::Crc32c, true),
            ("x-amz-checksum-crc32c", "4waSgw==".to_owned(), Function::Crc32c, false),
            ("x-amz-checksum-sha256", base64(Function::Sha256), Function::Sha256, false),
            ("x-amz-checksum-crc64nvme", base64(Function::Crc64Nvme), Function::Crc64Nvme, false),
            ("x-amz-checksum-crc32", base64(Function::Crc32), Function::Crc32, false),
        ] {
            let told = headers(&[(name, value)]);
            let expected = Some(Checksum::of(function, bytes));
            assert_eq!(of_whole(&told, whole, !asked), expected, "{told:?}");
            assert_eq!(
                of_whole(&told, 206, !asked),
                expected.clone().filter(|_| in_part),
                "{name} of a part"
            );
            if name == "digest" {
                assert_eq!(of_whole(&told, 206, asked), expected);
            }
        }
    }

    #[test]
    fn takes_no_digest_of_something_else_for_that_of_the_file() {
        let digest = |f| base64::encode(Checksum::of(f, b"123456789").digest());
        let sha = digest(Function::Sha256);
        for pairs in [
            vec![("x-amz-checksum-sha256", format!("{sha}-3"))],
            vec![("x-amz-checksum-sha256", sha.clone()), ("x-amz-checksum-type", "COMPOSITE".to_owned())],
            vec![
                ("x-goog-hash", format!("md5={}", digest(Function::Md5))),
                ("x-goog-stored-content-encoding", "gzip".to_owned()),
            ],
            vec![("content-digest", format!("sha-256=:{sha}:"))],
            vec![("content-md5", "nonsense".to_owned())],
            vec![("digest", "sha=1, md5=".to_owned())],
        ] {
            assert_eq!(of_whole(&headers(&pairs), 200, false), None, "{pairs:?}");
        }
        let both = [("digest", format!("adler32=091e01de, sha-256={sha}"))];
        assert_eq!(of_whole(&headers(&both), 200, false), Some(Checksum::of_bytes(b"123456789")));
    }
}
