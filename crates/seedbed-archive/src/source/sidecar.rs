//! Small files that lie beside a granule and tell of it.

use super::xml::Element;
use super::{Web, file_name};
use crate::candidate::{self, Verdict};
use crate::definition::SidecarKind;
use crate::granule::{Granule, Rejected, excerpt};
use crate::page::Page;
use jiff::civil::Date;
use seedbed_storage::{Checksum, Function, Request, StorageError};
use std::collections::BTreeMap;
use url::Url;

/// How far the corners in a sidecar may lie from the granule's place, in degrees: its outline has four
/// corners, the true one is curved, and that of tile h25v02 reaches 4.1° beyond the tile. A tile has 10°.
const TOLERANCE: f64 = 5.0;

impl SidecarKind {
    /// How its name ends.
    fn ending(self) -> &'static str {
        match self {
            Self::EcsXml => ".xml",
            Self::Sha256 => ".sha256",
        }
    }
}

/// What a sidecar says.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Told {
    pub size: Option<u64>,
    pub checksum: Option<String>,
    pub cksum: Option<u32>,
    pub days: Option<(Date, Date)>,
    /// Longitudes and latitudes of the corners.
    pub corners: Vec<(f64, f64)>,
    /// The file it is about.
    pub file: Option<String>,
}

/// Fetches the sidecars of the wanted granules of a page, of those that the page lists.
///
/// # Errors
/// If one can't be had now but may be later.
pub(crate) async fn complete(web: &Web<'_>, page: &mut Page) -> Result<(), StorageError> {
    let Some(kind) = web.source.sidecar else { return Ok(()) };
    let listed: BTreeMap<&str, &str> = page
        .granules
        .iter()
        .filter_map(|g| Some((g.name.strip_suffix(kind.ending())?, g.href.as_str())))
        .collect();
    let mut wanted = Vec::new();
    for (i, granule) in page.granules.iter().enumerate() {
        let Some(href) = listed.get(granule.name.as_str()) else { continue };
        if let (Verdict::Wanted(_), Ok(url)) =
            (candidate::read(web.definition, web.wanted, granule), Url::parse(href))
        {
            wanted.push((i, url));
        }
    }
    let answers = web
        .each(wanted, |(i, url)| async move {
            web.pause().await;
            let answer = web.stores.request(Request::get(url.clone())).await;
            (i, url, answer)
        })
        .await;
    let mut refused = Vec::new();
    for (i, url, answer) in answers {
        let told = match answer {
            Ok(response) => read(kind, &response.body),
            Err(error) if error.retryable() => return Err(error),
            Err(error) => Err(error.to_string()),
        };
        match told.map(|told| apply(web, &mut page.granules[i], told)) {
            Ok(Ok(())) => {}
            Ok(Err(reason)) => {
                page.rejected.push(Rejected::new(page.granules[i].name.clone(), reason));
                refused.push(i);
            }
            // The granule is there all the same.
            Err(reason) => page.rejected.push(Rejected::new(url.to_string(), reason)),
        }
    }
    let mut i = 0;
    page.granules.retain(|_| {
        i += 1;
        !refused.contains(&(i - 1))
    });
    Ok(())
}

/// Adds what a sidecar says to its granule, unless that contradicts the name.
fn apply(web: &Web<'_>, granule: &mut Granule, told: Told) -> Result<(), String> {
    if let Some(file) = told.file.filter(|f| *f != granule.name) {
        return Err(format!("its sidecar is about another file, `{}`", file_name(&file)));
    }
    if let (Verdict::Wanted((_, days)), Some(theirs)) =
        (candidate::read(web.definition, web.wanted, granule), told.days)
        && web.definition.group.strategy != crate::calendar::Strategy::Listed
        && theirs != days
    {
        return Err(format!(
            "its sidecar says {} to {}, its name {} to {}",
            theirs.0, theirs.1, days.0, days.1
        ));
    }
    granule.size = told.size.or(granule.size);
    granule.checksum = told.checksum.or_else(|| granule.checksum.take());
    granule.cksum = told.cksum.or(granule.cksum);
    granule.corners = told.corners;
    Ok(())
}

/// Whether corners lie in or near a box.
pub(crate) fn near(corners: &[(f64, f64)], bbox: seedbed_grid::Bbox) -> bool {
    let east = if bbox.west <= bbox.east { bbox.east } else { bbox.east + 360.0 };
    corners.iter().all(|(x, y)| {
        let x = [*x, x + 360.0, x - 360.0];
        let in_x = x.iter().any(|x| *x >= bbox.west - TOLERANCE && *x <= east + TOLERANCE);
        in_x && *y >= bbox.south - TOLERANCE && *y <= bbox.north + TOLERANCE
    })
}

/// Reads a sidecar.
pub(crate) fn read(kind: SidecarKind, body: &[u8]) -> Result<Told, String> {
    match kind {
        SidecarKind::EcsXml => read_ecs(body),
        SidecarKind::Sha256 => read_sha256(body),
    }
}

/// `<hex>`, or `<hex>  <name>` as `sha256sum` writes it.
fn read_sha256(body: &[u8]) -> Result<Told, String> {
    let text = String::from_utf8_lossy(body);
    let hex = text.split_whitespace().next().unwrap_or_default();
    let sum = Checksum::from_hex(Function::Sha256, hex);
    let sum = sum.map_err(|_| format!("no SHA-256 but {}", excerpt(body)))?;
    Ok(Told { checksum: Some(sum.multihash()), ..Told::default() })
}

/// ECS granule metadata, as LP DAAC had them.
fn read_ecs(body: &[u8]) -> Result<Told, String> {
    let xml = String::from_utf8_lossy(body);
    let root = Element::read(&xml).map_err(|e| format!("no XML but {} ({e})", excerpt(body)))?;
    let granule = root
        .child("GranuleURMetaData")
        .filter(|_| root.name == "GranuleMetaDataFile")
        .ok_or_else(|| format!("XML, but a `{}` and no granule metadata", root.name))?;
    let text = |element: Option<&Element>, name: &str| -> Option<String> {
        let text = element?.child(name)?.text.trim();
        (!text.is_empty()).then(|| text.to_owned())
    };
    let file = granule.child("DataFiles").and_then(|f| f.child("DataFileContainer"));
    let range = granule.child("RangeDateTime");
    let day = |name: &str| text(range, name)?.parse::<Date>().ok();
    let is_cksum = text(file, "ChecksumType").is_some_and(|t| t == "CKSUM");
    let boundary = granule
        .child("SpatialDomainContainer")
        .and_then(|e| e.child("HorizontalSpatialDomainContainer"))
        .and_then(|e| e.child("GPolygon"))
        .and_then(|e| e.child("Boundary"));
    let corner = |point: &Element| {
        let number = |name: &str| text(Some(point), name)?.parse::<f64>().ok();
        number("PointLongitude").zip(number("PointLatitude"))
    };
    Ok(Told {
        size: text(file, "FileSize").and_then(|t| t.parse().ok()),
        checksum: None,
        cksum: text(file, "Checksum").filter(|_| is_cksum).and_then(|t| t.parse().ok()),
        days: day("RangeBeginningDate").zip(day("RangeEndingDate")),
        corners: boundary.iter().flat_map(|b| &b.children).filter_map(corner).collect(),
        file: text(file, "DistributedFileName"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use seedbed_grid::Bbox;

    #[test]
    fn sums_are_read_with_or_without_a_name() {
        let hex = "449827b2ede5fe14d716f39d06d6338c96032b26ec0fb3225a73d9ed45f0409f";
        for text in [hex.to_owned(), format!("{hex}  a.nc\n")] {
            let told = read(SidecarKind::Sha256, text.as_bytes()).unwrap();
            assert_eq!(told.checksum, Some(format!("1220{hex}")));
        }
        assert!(read(SidecarKind::Sha256, b"<html>").unwrap_err().contains("no SHA-256"));
    }

    #[test]
    fn truncated_and_foreign_metadata_are_refused() {
        for (bad, why) in [
            ("<GranuleMetaDataFile><GranuleURMetaData>", "ends inside"),
            ("<html></html>", "`html`"),
            ("", "nothing"),
        ] {
            let reason = read(SidecarKind::EcsXml, bad.as_bytes()).unwrap_err();
            assert!(reason.contains(why), "{reason}");
        }
    }

    #[test]
    fn corners_are_held_against_a_box_also_across_the_antimeridian() {
        let bbox = |west, east| Bbox { west, south: 57.0, east, north: 70.0 };
        let corners = [(174.5, 58.0), (-176.5, 66.3)];
        assert!(near(&corners, bbox(170.0, -175.0)));
        assert!(!near(&corners, bbox(0.0, 10.0)));
        assert!(near(&[], bbox(0.0, 10.0)));
    }
}
