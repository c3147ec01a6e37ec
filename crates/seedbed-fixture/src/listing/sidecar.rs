//! The record of metadata that lay beside each granule of the old Data Pool: `<granule>.hdf.xml`.

use std::fmt::Write;

use super::content;
use super::modis::Named;

/// The record of a name, where it is one's: `.hdf.xml` of the Data Pool, or today's `.cmr.xml`.
pub(crate) fn of(name: &str) -> Option<String> {
    let granule = name.strip_suffix(".hdf.xml").or_else(|| name.strip_suffix(".cmr.xml"))?;
    Named::parse(granule).map(|named| record(granule, named))
}

/// The record, in ECS's own form.
fn record(granule: &str, named: Named) -> String {
    let Named { composite, tile, produced } = named;
    let product = composite.product;
    let data = content::body(&format!("{granule}.hdf"), 0);
    let serial = 2_500_000_000 + content::hash(granule) % 100_000_000;
    let satellite = product.platform.name();
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><!DOCTYPE GranuleMetaDataFile SYSTEM \
         \"http://ecsinfo.gsfc.nasa.gov/ECSInfo/ecsmetadata/dtds/DPL/ECS/ScienceGranuleMetadata.dtd\">\n\
         <GranuleMetaDataFile>\n    <DTDVersion>1.0</DTDVersion>\n    <DataCenterId>EDC</DataCenterId>\n    \
         <GranuleURMetaData>\n        <GranuleUR>SC:{name}.061:{serial}</GranuleUR>\n        \
         <DbID>{serial}</DbID>\n        <InsertTime>{inserted}.875</InsertTime>\n        \
         <LastUpdate>{inserted}.875</LastUpdate>\n        <CollectionMetaData>\n            \
         <ShortName>{name}</ShortName>\n            <VersionID>61</VersionID>\n        </CollectionMetaData>\n",
        name = product.name,
        inserted = produced.strftime("%Y-%m-%d %H:%M:%S"),
    );
    let _ = write!(
        text,
        "        <DataFiles>\n            <DataFileContainer>\n                \
         <DistributedFileName>{granule}.hdf</DistributedFileName>\n                \
         <FileSize>{size}</FileSize>\n                <ChecksumType>CKSUM</ChecksumType>\n                \
         <Checksum>{cksum}</Checksum>\n                <ChecksumOrigin>DPLIngst</ChecksumOrigin>\n            \
         </DataFileContainer>\n        </DataFiles>\n        <ECSDataGranule>\n            \
         <SizeMBECSDataGranule>{mega:.6}</SizeMBECSDataGranule>\n            \
         <ReprocessingPlanned>further update is anticipated</ReprocessingPlanned>\n            \
         <ReprocessingActual>reprocessed</ReprocessingActual>\n            \
         <LocalGranuleID>{granule}.hdf</LocalGranuleID>\n            <DayNightFlag>Day</DayNightFlag>\n            \
         <ProductionDateTime>{made}.000</ProductionDateTime>\n            \
         <LocalVersionID>6.0.33</LocalVersionID>\n        </ECSDataGranule>\n        <PGEVersionClass>\n            \
         <PGEVersion>6.1.0</PGEVersion>\n        </PGEVersionClass>\n",
        size = data.len(),
        cksum = content::cksum(&data),
        mega = data.len() as f64 / f64::from(1 << 20),
        made = produced.strftime("%Y-%m-%d %H:%M:%S"),
    );
    let _ = write!(
        text,
        "        <RangeDateTime>\n            <RangeEndingTime>23:59:59.000000</RangeEndingTime>\n            \
         <RangeEndingDate>{end}</RangeEndingDate>\n            \
         <RangeBeginningTime>00:00:00.000000</RangeBeginningTime>\n            \
         <RangeBeginningDate>{start}</RangeBeginningDate>\n        </RangeDateTime>\n        \
         <SpatialDomainContainer>\n            <HorizontalSpatialDomainContainer>\n                <GPolygon>\n                    \
         <Boundary>\n",
        start = composite.start,
        end = composite.end(),
    );
    // Clockwise from the south-west, unlike the repository's records.
    let mut ring = tile.ring();
    ring[1..].reverse();
    for (lon, lat) in ring {
        let _ = write!(
            text,
            "                        <Point>\n                            \
             <PointLongitude>{lon}</PointLongitude>\n                            \
             <PointLatitude>{lat}</PointLatitude>\n                        </Point>\n"
        );
    }
    text.push_str(
        "                    </Boundary>\n                </GPolygon>\n            \
         </HorizontalSpatialDomainContainer>\n        </SpatialDomainContainer>\n        <MeasuredParameter>\n",
    );
    for layer in product.layers() {
        text.push_str(&parameter(&layer, &satellite.to_lowercase()));
    }
    let _ = write!(
        text,
        "        </MeasuredParameter>\n        <Platform>\n            \
         <PlatformShortName>{satellite}</PlatformShortName>\n            <Instrument>\n                \
         <InstrumentShortName>MODIS</InstrumentShortName>\n                <Sensor>\n                    \
         <SensorShortName>MODIS</SensorShortName>\n                </Sensor>\n            </Instrument>\n        \
         </Platform>\n        <PSAs>\n"
    );
    text.push_str(&attributes(named));
    let _ = write!(
        text,
        "        </PSAs>\n        <InputGranule>\n            \
         <InputPointer>MOD09A1.A{day}.h{h:02}v{v:02}.061.{year}028022505.hdf</InputPointer>\n        \
         </InputGranule>\n        <BrowseProduct>\n            \
         <BrowseGranuleId>UR:10:DsShESDTUR:UR:15:DsShSciServerUR:13:[EDC:DSSDSRV]:24:BR:Browse.001:{serial}</BrowseGranuleId>\n        \
         </BrowseProduct>\n    </GranuleURMetaData>\n</GranuleMetaDataFile>\n",
        day = composite.start.strftime("%Y%j"),
        h = tile.h,
        v = tile.v,
        year = produced.year(),
    );
    text
}

/// The product-specific attributes.
fn attributes(named: Named) -> String {
    let (tile, product) = (named.tile, named.composite.product);
    let mut text = String::new();
    let numbers = [
        ("QAPERCENTGOODQUALITY", "94".into()),
        ("QAPERCENTOTHERQUALITY", "6".into()),
        ("QAPERCENTNOTPRODUCEDCLOUD", "0".into()),
        ("QAPERCENTNOTPRODUCEDOTHER", "0".into()),
        ("HORIZONTALTILENUMBER", format!("{:02}", tile.h)),
        ("VERTICALTILENUMBER", format!("{:02}", tile.v)),
        ("TileID", format!("51{:03}{:03}", tile.h, tile.v)),
        ("identifier_product_doi", product.collection.doi.into()),
        ("identifier_product_doi_authority", "http://dx.doi.org".into()),
    ];
    for (name, value) in numbers {
        let _ = write!(
            text,
            "            <PSA>\n                <PSAName>{name}</PSAName>\n                \
             <PSAValue>{value}</PSAValue>\n            </PSA>\n"
        );
    }
    text
}

fn parameter(layer: &str, satellite: &str) -> String {
    format!(
        "            <MeasuredParameterContainer>\n                \
         <ParameterName>{layer}</ParameterName>\n                <QAStats>\n                    \
         <QAPercentMissingData>0</QAPercentMissingData>\n                    \
         <QAPercentOutofBoundsData>0</QAPercentOutofBoundsData>\n                    \
         <QAPercentInterpolatedData>100</QAPercentInterpolatedData>\n                    \
         <QAPercentCloudCover>1</QAPercentCloudCover>\n                </QAStats>\n                \
         <QAFlags>\n                    <AutomaticQualityFlag>Passed</AutomaticQualityFlag>\n                    \
         <AutomaticQualityFlagExplanation>No automatic quality assessment is performed in the PGE</AutomaticQualityFlagExplanation>\n                    \
         <OperationalQualityFlag>Passed</OperationalQualityFlag>\n                    \
         <OperationalQualityFlagExplanation>Passed</OperationalQualityFlagExplanation>\n                    \
         <ScienceQualityFlag>Not Investigated</ScienceQualityFlag>\n                    \
         <ScienceQualityFlagExplanation>See http://landweb.nascom.nasa.gov/cgi-bin/QA_WWW/qaFlagPage.cgi?sat={satellite}&amp;ver=C6 \
         for the product Science Quality status.</ScienceQualityFlagExplanation>\n                </QAFlags>\n            \
         </MeasuredParameterContainer>\n"
    )
}
