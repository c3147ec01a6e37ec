//! A granule in the repository's UMM-G.

use serde::Serialize;

use crate::listing::granule::{Footprint, Granule, Site};
use crate::listing::modis::{self, Named};

/// An item of a page.
#[derive(Serialize)]
pub(super) struct Item<'a> {
    meta: Meta<'a>,
    umm: Umm<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Meta<'a> {
    concept_type: &'static str,
    concept_id: String,
    revision_id: u32,
    native_id: &'a str,
    provider_id: &'static str,
    format: &'static str,
    revision_date: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Umm<'a> {
    temporal_extent: TemporalExtent<'a>,
    #[serde(rename = "GranuleUR")]
    granule_ur: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    measured_parameters: Vec<Parameter>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    additional_attributes: Vec<Attribute>,
    spatial_extent: SpatialExtent,
    provider_dates: [ProviderDate<'a>; 2],
    collection_reference: CollectionReference,
    #[serde(rename = "PGEVersionClass", skip_serializing_if = "Option::is_none")]
    pge_version_class: Option<PgeVersion>,
    related_urls: Vec<Url>,
    #[serde(skip_serializing_if = "Option::is_none")]
    projects: Option<[Project; 1]>,
    data_granule: DataGranule<'a>,
    platforms: [Platform; 1],
    metadata_specification: Specification,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct TemporalExtent<'a> {
    range_date_time: RangeDateTime<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct RangeDateTime<'a> {
    beginning_date_time: &'a str,
    ending_date_time: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Parameter {
    parameter_name: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Attribute {
    name: &'static str,
    values: [String; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct SpatialExtent {
    horizontal_spatial_domain: SpatialDomain,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct SpatialDomain {
    geometry: Geometry,
}

#[derive(Serialize)]
enum Geometry {
    BoundingRectangles([Rectangle; 1]),
    GPolygons([Polygon; 1]),
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
#[expect(clippy::struct_field_names, reason = "the names are the schema's")]
struct Rectangle {
    west_bounding_coordinate: f64,
    east_bounding_coordinate: f64,
    north_bounding_coordinate: f64,
    south_bounding_coordinate: f64,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Polygon {
    boundary: Boundary,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Boundary {
    points: Vec<Point>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Point {
    longitude: f64,
    latitude: f64,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ProviderDate<'a> {
    date: &'a str,
    #[serde(rename = "Type")]
    kind: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct CollectionReference {
    short_name: &'static str,
    version: &'static str,
}

#[derive(Serialize)]
struct PgeVersion {
    #[serde(rename = "PGEVersion")]
    version: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Url {
    #[serde(rename = "URL")]
    address: String,
    #[serde(rename = "Type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    subtype: Option<&'static str>,
    description: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Project {
    short_name: &'static str,
    campaigns: [&'static str; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct DataGranule<'a> {
    day_night_flag: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    identifiers: Option<[Identifier<'a>; 1]>,
    production_date_time: &'a str,
    archive_and_distribution_information: [Archived<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Identifier<'a> {
    identifier: &'a str,
    identifier_type: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Archived<'a> {
    name: &'a str,
    size: f64,
    size_in_bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    checksum: Option<Checksum<'a>>,
    size_unit: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Checksum<'a> {
    value: &'a str,
    algorithm: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Platform {
    short_name: &'static str,
    instruments: [Instrument; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Instrument {
    short_name: &'static str,
}

#[derive(Serialize)]
struct Specification {
    #[serde(rename = "URL")]
    url: &'static str,
    #[serde(rename = "Name")]
    name: &'static str,
    #[serde(rename = "Version")]
    version: &'static str,
}

impl<'a> Item<'a> {
    pub(super) fn new(base: &str, granule: &'a Granule) -> Self {
        let provider = granule.collection.provider;
        Self {
            meta: Meta {
                concept_type: "granule",
                concept_id: format!("G{}-{provider}", granule.number),
                revision_id: 2,
                native_id: &granule.id,
                provider_id: provider,
                format: "application/echo10+xml",
                revision_date: "2023-03-03T14:27:54.751Z",
            },
            umm: match granule.collection.site {
                Site::Ornl(folder) => ornl(base, folder, granule),
                Site::Lp => lp(base, granule),
            },
        }
    }
}

/// What the records of both archives share; the rest is left out.
fn common<'a>(granule: &'a Granule, name: &'a str, related_urls: Vec<Url>) -> Umm<'a> {
    let collection = granule.collection;
    let sum = granule.checksum.as_ref();
    Umm {
        temporal_extent: TemporalExtent {
            range_date_time: RangeDateTime {
                beginning_date_time: &granule.start,
                ending_date_time: &granule.end,
            },
        },
        granule_ur: &granule.id,
        measured_parameters: Vec::new(),
        additional_attributes: Vec::new(),
        spatial_extent: SpatialExtent {
            horizontal_spatial_domain: SpatialDomain { geometry: geometry(&granule.footprint) },
        },
        provider_dates: ["Insert", "Update"].map(|kind| ProviderDate { date: &granule.produced, kind }),
        collection_reference: CollectionReference {
            short_name: collection.short_name,
            version: collection.versions.first().copied().unwrap_or_default(),
        },
        pge_version_class: None,
        related_urls,
        projects: None,
        data_granule: DataGranule {
            day_night_flag: "Both",
            identifiers: None,
            production_date_time: &granule.produced,
            archive_and_distribution_information: [Archived {
                name,
                size: granule.size as f64 / 1e6,
                size_in_bytes: granule.size,
                checksum: sum.map(|(algorithm, value)| Checksum { value, algorithm: algorithm.umm_name() }),
                size_unit: "MB",
            }],
        },
        platforms: [Platform { short_name: "MODELS", instruments: [Instrument { short_name: "Computer" }] }],
        metadata_specification: Specification {
            url: "https://cdn.earthdata.nasa.gov/umm/granule/v1.6.4",
            name: "UMM-G",
            version: "1.6.4",
        },
    }
}

fn geometry(footprint: &Footprint) -> Geometry {
    match footprint {
        Footprint::Box(area) => Geometry::BoundingRectangles([Rectangle {
            west_bounding_coordinate: area.west,
            east_bounding_coordinate: area.east,
            north_bounding_coordinate: area.north,
            south_bounding_coordinate: area.south,
        }]),
        Footprint::Ring(ring) => {
            let points = ring.iter().chain(ring.first());
            let points = points.map(|&(longitude, latitude)| Point { longitude, latitude }).collect();
            Geometry::GPolygons([Polygon { boundary: Boundary { points } }])
        }
    }
}

const DATA: &str = "GET DATA";
const DIRECT_DATA: &str = "GET DATA VIA DIRECT ACCESS";
const DIRECT: &str = "This link provides direct download access via S3 to the granule";
const RELATED: &str = "VIEW RELATED INFORMATION";
const VISUAL: &str = "GET RELATED VISUALIZATION";
const EXTENDED: &str = "EXTENDED METADATA";

fn url(address: String, kind: &'static str, description: impl Into<String>) -> Url {
    Url { address, kind, subtype: None, description: description.into() }
}

fn opendap(granule: &Granule) -> Url {
    let (concept, id) = (granule.collection.concept_id, &granule.id);
    Url {
        address: format!("https://opendap.earthdata.nasa.gov/collections/{concept}/granules/{id}"),
        kind: "USE SERVICE API",
        subtype: Some("OPENDAP DATA"),
        description: "OPeNDAP request URL".into(),
    }
}

fn ornl<'a>(base: &str, folder: &str, granule: &'a Granule) -> Umm<'a> {
    let file = &granule.file;
    let urls = vec![
        url(format!("{base}/protected/daymet/{folder}/data/{file}"), DATA, format!("Download {file}")),
        url(
            format!("{base}/public/daymet/{folder}/data/{file}.sha256"),
            DATA,
            format!("Download {file}.sha256"),
        ),
        url(format!("s3://ornl-cumulus-prod-protected/daymet/{folder}/data/{file}"), DIRECT_DATA, DIRECT),
        url(
            format!("https://daac.ornl.gov/DAYMET/guides/{folder}.html"),
            RELATED,
            "ORNL DAAC Data Set Documentation",
        ),
        url(format!("https://doi.org/{}", granule.collection.doi), RELATED, "Data set Landing Page DOI URL"),
        // One slash too few, as in the real listing.
        url(
            format!("https:/daac.ornl.gov/daacdata/daymet/{folder}/comp/{folder}.pdf"),
            RELATED,
            "Data Set Documentation",
        ),
        url(
            "https://data.ornldaac.earthdata.nasa.gov/s3credentials".into(),
            RELATED,
            "api endpoint to retrieve temporary credentials valid for same-region direct s3 access",
        ),
        opendap(granule),
    ];
    let parameters = [
        "VAPOR PRESSURE",
        "24 HOUR PRECIPITATION AMOUNT",
        "MAXIMUM/MINIMUM TEMPERATURE",
        "SHORTWAVE RADIATION",
        "SNOW WATER EQUIVALENT",
    ];
    Umm {
        measured_parameters: parameters.map(|parameter_name| Parameter { parameter_name }).into(),
        projects: Some([Project { short_name: "Not provided", campaigns: ["Daymet"] }]),
        ..common(granule, "Not provided", urls)
    }
}

fn lp<'a>(base: &str, granule: &'a Granule) -> Umm<'a> {
    let Granule { file, id, .. } = granule;
    let named = Named::parse(id);
    let folder = format!("{}.061/{id}", granule.collection.short_name);
    let browse = modis::browse(id);
    let mut urls = vec![
        url(format!("{base}/lp-prod-protected/{folder}/{file}"), DATA, format!("Download {file}")),
        url(format!("s3://lp-prod-protected/{folder}/{file}"), DIRECT_DATA, DIRECT),
        url(
            format!("{base}/lp-prod-protected/{folder}/{id}.cmr.xml"),
            EXTENDED,
            format!("Download {id}.cmr.xml"),
        ),
        url(format!("s3://lp-prod-protected/{folder}/{id}.cmr.xml"), EXTENDED, DIRECT),
    ];
    for k in 1..=2 {
        let name = format!("{browse}.{k}.jpg");
        urls.push(url(format!("{base}/lp-prod-public/{folder}/{name}"), VISUAL, format!("Download {name}")));
        urls.push(url(format!("s3://lp-prod-public/{folder}/{name}"), VISUAL, DIRECT));
    }
    urls.push(url(
        format!("https://doi.org/{}", granule.collection.doi),
        RELATED,
        "The landing page for the granule",
    ));
    urls.push(opendap(granule));
    let mut umm = common(granule, file, urls);
    if let Some(Named { composite, tile, .. }) = named {
        umm.additional_attributes = vec![
            Attribute { name: "HORIZONTALTILENUMBER", values: [format!("{:02}", tile.h)] },
            Attribute { name: "VERTICALTILENUMBER", values: [format!("{:02}", tile.v)] },
            Attribute { name: "TileID", values: [format!("51{:03}{:03}", tile.h, tile.v)] },
        ];
        umm.platforms = [Platform {
            short_name: composite.product.platform.name(),
            instruments: [Instrument { short_name: "MODIS" }],
        }];
    }
    umm.pge_version_class = Some(PgeVersion { version: "6.1.0" });
    umm.data_granule.day_night_flag = "Day";
    umm.data_granule.identifiers =
        Some([Identifier { identifier: file, identifier_type: "ProducerGranuleId" }]);
    umm
}
