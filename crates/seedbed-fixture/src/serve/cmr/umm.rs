//! A granule in the repository's UMM-G.

use serde_json::{Map, Value, json};

use crate::listing::granule::{Footprint, Granule, Site};
use crate::listing::modis::{self, Named};

/// An item of a page.
pub(super) fn item(base: &str, granule: &Granule) -> Value {
    let collection = granule.collection;
    json!({
        "meta": {
            "concept-type": "granule",
            "concept-id": format!("G{}-{}", granule.number, collection.provider),
            "revision-id": 2,
            "native-id": granule.id,
            "provider-id": collection.provider,
            "format": "application/echo10+xml",
            "revision-date": "2023-03-03T14:27:54.751Z",
        },
        "umm": match collection.site {
            Site::Ornl(folder) => ornl(base, folder, granule),
            Site::Lp => lp(base, granule),
        },
    })
}

fn time(granule: &Granule) -> Value {
    json!({ "RangeDateTime": { "BeginningDateTime": granule.start, "EndingDateTime": granule.end } })
}

fn geometry(footprint: &Footprint) -> Value {
    match footprint {
        Footprint::Box(area) => json!({
            "BoundingRectangles": [{
                "WestBoundingCoordinate": area.west,
                "EastBoundingCoordinate": area.east,
                "NorthBoundingCoordinate": area.north,
                "SouthBoundingCoordinate": area.south,
            }]
        }),
        Footprint::Ring(ring) => {
            let points: Vec<Value> = ring
                .iter()
                .chain(ring.first())
                .map(|(lon, lat)| json!({ "Longitude": lon, "Latitude": lat }))
                .collect();
            json!({ "GPolygons": [{ "Boundary": { "Points": points } }] })
        }
    }
}

fn extent(granule: &Granule) -> Value {
    json!({ "HorizontalSpatialDomain": { "Geometry": geometry(&granule.footprint) } })
}

/// Name, size and checksum of the file.
fn archived(granule: &Granule, name: &str) -> Value {
    let mut map = Map::new();
    map.insert("Name".into(), name.into());
    map.insert("Size".into(), json!(granule.size as f64 / 1e6));
    map.insert("SizeInBytes".into(), granule.size.into());
    if let Some((algorithm, value)) = &granule.checksum {
        map.insert("Checksum".into(), json!({ "Value": value, "Algorithm": algorithm.umm_name() }));
    }
    map.insert("SizeUnit".into(), "MB".into());
    Value::Object(map)
}

fn url(url: String, kind: &str, description: impl Into<String>) -> Value {
    json!({ "URL": url, "Type": kind, "Description": description.into() })
}

fn specification() -> Value {
    json!({ "URL": "https://cdn.earthdata.nasa.gov/umm/granule/v1.6.4", "Name": "UMM-G", "Version": "1.6.4" })
}

const DIRECT: &str = "This link provides direct download access via S3 to the granule";
const RELATED: &str = "VIEW RELATED INFORMATION";

fn opendap(granule: &Granule) -> Value {
    json!({
        "URL": format!(
            "https://opendap.earthdata.nasa.gov/collections/{}/granules/{}",
            granule.collection.concept_id, granule.id
        ),
        "Type": "USE SERVICE API",
        "Subtype": "OPENDAP DATA",
        "Description": "OPeNDAP request URL",
    })
}

fn ornl(base: &str, folder: &str, granule: &Granule) -> Value {
    let Granule { file, id, .. } = granule;
    let parameters = [
        "VAPOR PRESSURE",
        "24 HOUR PRECIPITATION AMOUNT",
        "MAXIMUM/MINIMUM TEMPERATURE",
        "SHORTWAVE RADIATION",
        "SNOW WATER EQUIVALENT",
    ];
    let parameters: Vec<Value> = parameters.iter().map(|name| json!({ "ParameterName": name })).collect();
    json!({
        "TemporalExtent": time(granule),
        "GranuleUR": id,
        "MeasuredParameters": parameters,
        "SpatialExtent": extent(granule),
        "ProviderDates": [
            { "Date": granule.produced, "Type": "Insert" },
            { "Date": "2023-03-03T14:27:01.000Z", "Type": "Update" },
        ],
        "CollectionReference": {
            "ShortName": granule.collection.short_name,
            "Version": granule.collection.versions[0],
        },
        "RelatedUrls": [
            url(
                format!("{base}/protected/daymet/{folder}/data/{file}"),
                "GET DATA",
                format!("Download {file}"),
            ),
            url(
                format!("{base}/public/daymet/{folder}/data/{file}.sha256"),
                "GET DATA",
                format!("Download {file}.sha256"),
            ),
            url(
                format!("s3://ornl-cumulus-prod-protected/daymet/{folder}/data/{file}"),
                "GET DATA VIA DIRECT ACCESS",
                DIRECT,
            ),
            url(
                format!("https://daac.ornl.gov/DAYMET/guides/{folder}.html"),
                RELATED,
                "ORNL DAAC Data Set Documentation",
            ),
            url(format!("https://doi.org/{}", granule.collection.doi), RELATED, "Data set Landing Page DOI URL"),
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
        ],
        "Projects": [{ "ShortName": "Not provided", "Campaigns": ["Daymet"] }],
        "DataGranule": {
            "DayNightFlag": "Both",
            "ProductionDateTime": granule.produced,
            "ArchiveAndDistributionInformation": [archived(granule, "Not provided")],
        },
        "Platforms": [{ "ShortName": "MODELS", "Instruments": [{ "ShortName": "Computer" }] }],
        "MetadataSpecification": specification(),
    })
}

fn lp(base: &str, granule: &Granule) -> Value {
    let Granule { file, id, .. } = granule;
    let named = Named::parse(id);
    let folder = format!("{}.061/{id}", granule.collection.short_name);
    let browse = modis::browse(id);
    let mut urls = vec![
        url(format!("{base}/lp-prod-protected/{folder}/{file}"), "GET DATA", format!("Download {file}")),
        url(format!("s3://lp-prod-protected/{folder}/{file}"), "GET DATA VIA DIRECT ACCESS", DIRECT),
        url(
            format!("{base}/lp-prod-protected/{folder}/{id}.cmr.xml"),
            "EXTENDED METADATA",
            format!("Download {id}.cmr.xml"),
        ),
        url(format!("s3://lp-prod-protected/{folder}/{id}.cmr.xml"), "EXTENDED METADATA", DIRECT),
    ];
    for k in 1..=2 {
        let name = format!("{browse}.{k}.jpg");
        urls.push(url(
            format!("{base}/lp-prod-public/{folder}/{name}"),
            "GET RELATED VISUALIZATION",
            format!("Download {name}"),
        ));
        urls.push(url(format!("s3://lp-prod-public/{folder}/{name}"), "GET RELATED VISUALIZATION", DIRECT));
    }
    urls.push(url(
        format!("https://doi.org/{}", granule.collection.doi),
        RELATED,
        "The landing page for the granule",
    ));
    urls.push(opendap(granule));
    let tile = named.map(|named| named.tile);
    let attributes: Vec<Value> = tile
        .into_iter()
        .flat_map(|tile| {
            [
                ("HORIZONTALTILENUMBER", format!("{:02}", tile.h)),
                ("VERTICALTILENUMBER", format!("{:02}", tile.v)),
                ("TileID", format!("51{:03}{:03}", tile.h, tile.v)),
            ]
        })
        .map(|(name, value)| json!({ "Name": name, "Values": [value] }))
        .collect();
    json!({
        "TemporalExtent": time(granule),
        "GranuleUR": id,
        "AdditionalAttributes": attributes,
        "SpatialExtent": extent(granule),
        "ProviderDates": [
            { "Date": granule.produced, "Type": "Insert" },
            { "Date": granule.produced, "Type": "Update" },
        ],
        "CollectionReference": { "ShortName": granule.collection.short_name, "Version": "061" },
        "PGEVersionClass": { "PGEVersion": "6.1.0" },
        "RelatedUrls": urls,
        "DataGranule": {
            "DayNightFlag": "Day",
            "Identifiers": [{ "Identifier": file, "IdentifierType": "ProducerGranuleId" }],
            "ProductionDateTime": granule.produced,
            "ArchiveAndDistributionInformation": [archived(granule, file)],
        },
        "Platforms": [{
            "ShortName": named.map_or("Terra", |named| named.composite.product.platform.name()),
            "Instruments": [{ "ShortName": "MODIS" }],
        }],
        "MetadataSpecification": specification(),
    })
}
