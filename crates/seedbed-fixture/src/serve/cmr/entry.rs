//! A granule in the repository's JSON.

use serde::Serialize;

use crate::listing::granule::{Footprint, Granule, Site};
use crate::listing::modis;

/// A link.
#[derive(Serialize)]
struct Link {
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    inherited: bool,
    rel: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<String>,
    hreflang: &'static str,
    href: String,
}

impl Link {
    fn own(rel: &'static str, title: impl Into<String>, href: String) -> Self {
        Self { inherited: false, rel, title: Some(title.into()), hreflang: "en-US", href }
    }

    fn inherited(rel: &'static str, href: String) -> Self {
        Self { inherited: true, rel, title: None, hreflang: "en-US", href }
    }
}

const DATA: &str = "http://esipfed.org/ns/fedsearch/1.1/data#";
const S3: &str = "http://esipfed.org/ns/fedsearch/1.1/s3#";
const METADATA: &str = "http://esipfed.org/ns/fedsearch/1.1/metadata#";
const BROWSE: &str = "http://esipfed.org/ns/fedsearch/1.1/browse#";
const SERVICE: &str = "http://esipfed.org/ns/fedsearch/1.1/service#";
const DOCUMENTATION: &str = "http://esipfed.org/ns/fedsearch/1.1/documentation#";
const DIRECT: &str = "This link provides direct download access via S3 to the granule";

/// A granule.
#[derive(Serialize)]
pub(super) struct Entry<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    boxes: Option<[String; 1]>,
    time_start: &'a str,
    updated: &'a str,
    dataset_id: &'a str,
    data_center: &'a str,
    title: &'a str,
    coordinate_system: &'static str,
    day_night_flag: &'static str,
    time_end: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    producer_granule_id: Option<&'a str>,
    id: String,
    original_format: &'static str,
    granule_size: String,
    browse_flag: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    polygons: Option<[[String; 1]; 1]>,
    collection_concept_id: &'a str,
    online_access_flag: bool,
    links: Vec<Link>,
}

impl<'a> Entry<'a> {
    pub(super) fn new(base: &str, granule: &'a Granule) -> Self {
        let collection = granule.collection;
        let lp = collection.site == Site::Lp;
        let (boxes, polygons) = match &granule.footprint {
            Footprint::Box(area) => {
                (Some([format!("{} {} {} {}", area.south, area.west, area.north, area.east)]), None)
            }
            Footprint::Ring(ring) => {
                let points: Vec<String> =
                    ring.iter().chain(ring.first()).map(|(lon, lat)| format!("{lat} {lon}")).collect();
                (None, Some([[points.join(" ")]]))
            }
        };
        Self {
            boxes,
            time_start: &granule.start,
            updated: granule.updated(),
            dataset_id: collection.title,
            data_center: collection.provider,
            title: &granule.id,
            coordinate_system: if lp { "GEODETIC" } else { "CARTESIAN" },
            day_night_flag: if lp { "DAY" } else { "BOTH" },
            time_end: &granule.end,
            producer_granule_id: lp.then_some(granule.file.as_str()),
            id: format!("G{}-{}", granule.number, collection.provider),
            original_format: "ECHO10",
            // CMR counts a million bytes as one.
            granule_size: format!("{}", granule.size as f64 / 1e6),
            browse_flag: lp,
            polygons,
            collection_concept_id: collection.concept_id,
            online_access_flag: true,
            links: match collection.site {
                Site::Ornl(folder) => ornl(base, folder, granule),
                Site::Lp => lp_links(base, granule),
            },
        }
    }
}

/// ORNL's links, with those that mislead a careless reader: the checksum has the data's relation,
/// as has the folder that is inherited from the collection.
fn ornl(base: &str, folder: &str, granule: &Granule) -> Vec<Link> {
    let Granule { file, id, .. } = granule;
    let number = granule.collection.doi.rsplit('/').next().unwrap_or_default();
    let guide = format!("https://daac.ornl.gov/DAYMET/guides/{folder}.html");
    let doi = format!("https://doi.org/{}", granule.collection.doi);
    // One slash too few, as in the real listing.
    let paper = format!("daac.ornl.gov/daacdata/daymet/{folder}/comp/{folder}.pdf");
    vec![
        Link::own(DATA, format!("Download {file}"), format!("{base}/protected/daymet/{folder}/data/{file}")),
        Link::own(
            DATA,
            format!("Download {file}.sha256"),
            format!("{base}/public/daymet/{folder}/data/{file}.sha256"),
        ),
        Link::own(S3, DIRECT, format!("s3://ornl-cumulus-prod-protected/daymet/{folder}/data/{file}")),
        Link::own(METADATA, "ORNL DAAC Data Set Documentation (USER'S GUIDE)", guide.clone()),
        Link::own(METADATA, "Data set Landing Page DOI URL (DATA SET LANDING PAGE)", doi.clone()),
        Link::own(METADATA, "Data Set Documentation (GENERAL DOCUMENTATION)", format!("https:/{paper}")),
        Link::own(
            METADATA,
            "api endpoint to retrieve temporary credentials valid for same-region direct s3 access (VIEW RELATED INFORMATION)",
            "https://data.ornldaac.earthdata.nasa.gov/s3credentials".into(),
        ),
        Link::own(
            SERVICE,
            "OPeNDAP request URL (GET DATA : OPENDAP DATA)",
            format!(
                "https://opendap.earthdata.nasa.gov/collections/{}/granules/{id}",
                granule.collection.concept_id
            ),
        ),
        Link::inherited(DATA, format!("{base}/daacdata/daymet/{folder}/")),
        Link::inherited(DOCUMENTATION, guide),
        Link::inherited(METADATA, doi),
        Link::inherited(DOCUMENTATION, format!("https://{paper}")),
        Link::inherited(METADATA, "https://daymet.ornl.gov".into()),
        Link::inherited(
            DOCUMENTATION,
            format!("https://thredds.daac.ornl.gov/thredds/catalog/ornldaac/{number}/catalog.html"),
        ),
    ]
}

/// LP DAAC's links.
fn lp_links(base: &str, granule: &Granule) -> Vec<Link> {
    let Granule { file, id, .. } = granule;
    let folder = format!("{}.061/{id}", granule.collection.short_name);
    let browse = modis::browse(id);
    let mut links = vec![
        Link::own(DATA, format!("Download {file}"), format!("{base}/lp-prod-protected/{folder}/{file}")),
        Link::own(S3, DIRECT, format!("s3://lp-prod-protected/{folder}/{file}")),
        Link::own(
            METADATA,
            format!("Download {id}.cmr.xml (EXTENDED METADATA)"),
            format!("{base}/lp-prod-protected/{folder}/{id}.cmr.xml"),
        ),
        Link::own(S3, DIRECT, format!("s3://lp-prod-protected/{folder}/{id}.cmr.xml")),
    ];
    for k in 1..=2 {
        let name = format!("{browse}.{k}.jpg");
        links.push(Link::own(
            BROWSE,
            format!("Download {name}"),
            format!("{base}/lp-prod-public/{folder}/{name}"),
        ));
        links.push(Link::own(S3, DIRECT, format!("s3://lp-prod-public/{folder}/{name}")));
    }
    let doi = format!("https://doi.org/{}", granule.collection.doi);
    links.extend([
        Link::own(METADATA, "The landing page for the granule (DATA SET LANDING PAGE)", doi.clone()),
        Link::own(
            METADATA,
            "api endpoint to retrieve temporary credentials valid for same-region direct s3 access (VIEW RELATED INFORMATION)",
            "https://data.lpdaac.earthdatacloud.nasa.gov/s3credentials".into(),
        ),
        Link::own(
            SERVICE,
            "OPeNDAP request URL (GET DATA : OPENDAP DATA)",
            format!(
                "https://opendap.earthdata.nasa.gov/collections/{}/granules/{id}",
                granule.collection.concept_id
            ),
        ),
        Link::inherited(
            DATA,
            format!("{base}/search/granules.html?p={}", granule.collection.concept_id),
        ),
        Link::inherited(METADATA, doi),
        Link::inherited(DOCUMENTATION, "https://lpdaac.usgs.gov/documents/621/MOD13_User_Guide_V61.pdf".into()),
    ]);
    links
}
