//! Small files beside a source that have its checksum, as `sha256sum` and its like write them.

use crate::href::decoded;
use crate::{Asset, CatalogError, resolve_href};
use seedbed_storage::{Checksum, Function, Location, Stores};

/// The field of an asset that says where such a file is.
const FIELD: &str = "seedbed:checksum_href";

/// The most bytes of such a file: it may name the files of a whole folder.
const MOST: usize = 4 << 20;

/// Where an asset's checksum is to be read from, if its item has none itself. A copy has one.
///
/// # Errors
/// [`CatalogError::Href`] if that is no location.
pub fn sidecar_of(asset: &Asset<'_>) -> Result<Option<Location>, CatalogError> {
    let href = asset.as_object().get(FIELD).and_then(serde_json::Value::as_str);
    match href.filter(|_| asset.checksum().is_none() && asset.origin().is_none()) {
        Some(href) => resolve_href(asset.document(), href).map(Some),
        None => Ok(None),
    }
}

/// The checksum that a sidecar has of the file at `from`.
///
/// # Errors
/// [`CatalogError::Read`] if it can't be had; [`CatalogError::Document`] if it has none of that file.
pub async fn read(stores: &Stores, at: &Location, from: &Location) -> Result<Checksum, CatalogError> {
    let text =
        stores.read_document(at).await.map_err(|source| CatalogError::Read { at: at.clone(), source })?;
    let none = |what: &str| CatalogError::document(at, what);
    if text.len() > MOST {
        return Err(none("this is too large for a file of checksums"));
    }
    let text = String::from_utf8_lossy(&text);
    let kind = at.file_name().and_then(|name| name.rsplit_once('.')).and_then(|(_, kind)| named(kind));
    let name = from.file_name().map(decoded).unwrap_or_default();
    parse(&text, kind, &name).ok_or_else(|| none("no checksum of the file stands in it"))
}

/// The checksum of the file of this name: of several lines that which names it, of one line the one it has.
fn parse(text: &str, kind: Option<Function>, name: &str) -> Option<Checksum> {
    let lines: Vec<&str> =
        text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    let found: Vec<(Checksum, &str)> = lines.iter().filter_map(|line| of_line(line, kind)).collect();
    let is_named = |said: &str| said.rsplit('/').next() == Some(name);
    if let Some((checksum, _)) = found.iter().find(|(_, said)| is_named(said)) {
        return Some(checksum.clone());
    }
    // A file that was renamed has the name it had.
    match &found[..] {
        [(checksum, _)] if lines.len() == 1 => Some(checksum.clone()),
        _ => None,
    }
}

/// `HEX`, `HEX  NAME`, `HEX *NAME` or `SHA256 (NAME) = HEX`.
fn of_line(line: &str, kind: Option<Function>) -> Option<(Checksum, &str)> {
    if let Some((head, hex)) = line.rsplit_once(" = ")
        && let Some((function, name)) = head.split_once(" (")
    {
        return Some((checksum(hex, named(function).or(kind))?, name.trim_end_matches(')')));
    }
    let (hex, name) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    Some((checksum(hex, kind)?, name.trim_start().trim_start_matches('*')))
}

fn checksum(hex: &str, kind: Option<Function>) -> Option<Checksum> {
    let function = kind.or(match hex.len() {
        32 => Some(Function::Md5),
        40 => Some(Function::Sha1),
        64 => Some(Function::Sha256),
        128 => Some(Function::Sha512),
        _ => None,
    })?;
    Checksum::from_hex(function, hex).ok()
}

/// The function that a file's ending or a line names.
fn named(name: &str) -> Option<Function> {
    match name.to_ascii_lowercase().as_str() {
        "md5" => Some(Function::Md5),
        "sha1" => Some(Function::Sha1),
        "sha256" => Some(Function::Sha256),
        "sha512" => Some(Function::Sha512),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_read_as_programs_write_them() {
        let (of_x, of_y) = (Checksum::of_bytes(b"x"), Checksum::of_bytes(b"y"));
        let (x, y) = (of_x.digest_hex(), of_y.digest_hex());
        let md5 = Checksum::of(Function::Md5, b"x");
        let upper = x.to_uppercase();
        for (text, kind, expected) in [
            (x.clone(), None, Some(&of_x)),
            (format!("{x}\n"), Some(Function::Sha256), Some(&of_x)),
            (format!("{upper}  x.nc\n"), None, Some(&of_x)),
            (format!("{x} *./sub/x.nc\r\n"), None, Some(&of_x)),
            (format!("{x}  was-renamed.nc\n"), None, Some(&of_x)),
            (format!("SHA256 (x.nc) = {x}\n"), None, Some(&of_x)),
            (format!("# all\n{y}  y.nc\n{x}  x.nc\n"), None, Some(&of_x)),
            (format!("{}  x.nc", md5.digest_hex()), Some(Function::Md5), Some(&md5)),
            (md5.digest_hex(), None, Some(&md5)),
            // Of which file, of which kind, or whether at all isn't told.
            (format!("{y}  y.nc\n{x}  z.nc\n"), None, None),
            (md5.digest_hex(), Some(Function::Sha256), None),
            ("<html>gone</html>".to_owned(), None, None),
            (String::new(), None, None),
        ] {
            assert_eq!(parse(&text, kind, "x.nc").as_ref(), expected, "{text}");
        }
    }
}
