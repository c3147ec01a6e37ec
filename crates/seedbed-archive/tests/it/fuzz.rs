//! Seeded mutations of a small corpus through every parser: none may panic.

use seedbed_archive::FUZZ_TARGETS;

const CORPUS: &[&str] = &[
    r#"{"feed":{"entry":[{"title":"A","links":[{"rel":"http://esipfed.org/ns/fedsearch/1.1/data#","href":"https://h/a.nc"},{"rel":"x/s3#","href":"s3://b/a.nc","inherited":true}]}]}}"#,
    r#"{"items":[{"umm":{"GranuleUR":"A","RelatedUrls":[{"URL":"https://h/a.nc","Type":"GET DATA"}],"DataGranule":{"ArchiveAndDistributionInformation":[{"Name":"Not provided","SizeInBytes":7,"Checksum":{"Value":"00ff","Algorithm":"MD5"}}]}}}]}"#,
    r#"{"type":"FeatureCollection","features":[{"type":"Feature","id":"a","assets":{"x":{"href":"x"}}}],"links":[{"rel":"next","href":"n","method":"POST","merge":true,"body":{}}]}"#,
    "<html><pre><a href=\"?C=N;O=D\">Name</a> <a href=\"a.hdf\">a.hdf</a>  2012-12-05 22:15  2.4M\n<a href=\"b&amp;/\">b</a> 12-Nov-2020 10:00 -</pre>",
    "<?xml version=\"1.0\"?><catalog xmlns:xlink=\"x\"><service name=\"a\" serviceType=\"Compound\" base=\"\"><service name=\"f\" serviceType=\"HTTPServer\" base=\"/f/\"/></service><dataset name=\"d\" urlPath=\"p\"><metadata inherited=\"true\"><serviceName>a&#38;</serviceName></metadata><dataSize units=\"bytes\">12.0</dataSize></dataset><catalogRef xlink:href=\"c.xml\"/></catalog>",
    "name = \"x\"\n[source]\nkind = \"index\"\n[group]\nid = \"x-{year}\"\nasset = [\"a\"]\ntime = { strategy = \"year\" }\n[grids.g]\nshape = [2, 3]\n",
    r#"{"items":[{"umm":{"GranuleUR":"A","RelatedUrls":[{"URL":"https://h/A.B1.tif","Type":"GET DATA"},{"URL":"https://h/A.B2.tif","Type":"GET DATA"}],"TemporalExtent":{"RangeDateTime":{"BeginningDateTime":"2021-01-01T10:00:00.000Z","EndingDateTime":"2021-01-02T10:00:00.000Z"}},"SpatialExtent":{"HorizontalSpatialDomain":{"Geometry":{"GPolygons":[{"Boundary":{"Points":[{"Longitude":179,"Latitude":1},{"Longitude":-179,"Latitude":1},{"Longitude":-179,"Latitude":2}]}}],"BoundingRectangles":[{"WestBoundingCoordinate":170,"EastBoundingCoordinate":-170,"NorthBoundingCoordinate":1,"SouthBoundingCoordinate":-1}]}}}}}]}"#,
    r#"{"feed":{"entry":[{"title":"A","time_start":"2021-01-01T00:00:00Z","polygons":[["1 179 1 -179 2 -179 1 179"]],"boxes":["16.8 -67.9 19.9 -64.1"],"points":["1 2"],"links":[{"rel":"x/data#","href":"https://h/a.nc"}]}]}}"#,
    r#"[["2003-01-01","2019-06-20","ppt",8,"https://h/get/us/4km/ppt/20030101"],["2003-01","2019-06-20 10:00","ppt","7","http://h/x"]]"#,
    "User-agent: *\nDisallow: /data/*.zip$\nAllow: /data/open%2F*/x # yes\n\nUser-agent: seedbed\nDisallow: /a*b*c$\n",
    "<?xml version=\"1.0\"?><GranuleMetaDataFile><GranuleURMetaData><DataFiles><DataFileContainer><DistributedFileName>a.hdf</DistributedFileName><FileSize>73391166</FileSize><ChecksumType>CKSUM</ChecksumType><Checksum>4294775258</Checksum></DataFileContainer></DataFiles><RangeDateTime><RangeEndingDate>2022-02-01</RangeEndingDate><RangeBeginningDate>2022-01-17</RangeBeginningDate></RangeDateTime><SpatialDomainContainer><HorizontalSpatialDomainContainer><GPolygon><Boundary><Point><PointLongitude>-69.2</PointLongitude><PointLatitude>-29.9</PointLatitude></Point></Boundary></GPolygon></HorizontalSpatialDomainContainer></SpatialDomainContainer></GranuleURMetaData></GranuleMetaDataFile>",
    "449827b2ede5fe14d716f39d06d6338c96032b26ec0fb3225a73d9ed45f0409f  a.nc\n",
    "{\"step\":{\"at\":\"https://h/\",\"cursor\":\"x\",\"captures\":{\"year\":\"2003\"}},\"etag\":\"1\",\"page\":{\"granules\":[{\"name\":\"a\",\"times\":[\"x\",\"y\"],\"outline\":{\"geometry\":{},\"bbox\":[1,2,3,4]}}],\"rejected\":[{\"name\":\"a\",\"reason\":\"b\"}],\"next\":{\"at\":\"z\"}}}\n{\"step\":{\"at\":\"",
    "name = \"y\"\nneeds = [\"k\"]\npattern = ['a/(?P<date>\\d{8})']\n[source]\nkind = \"template\"\naddress = \"{k}/{date}\"\nfrom = \"2001-01-01\"\n[sources.z]\nkind = \"releases\"\n[map.m]\nfrom = \"date\"\nvalues = { a = \"b\" }\n[group]\ntime = { strategy = \"date\" }\n",
    "daymet_v4_daily_na_tmax_2003.nc",
    "MYD13A3.A2003032.h12v04.061.2020078000001.hdf",
    "prism_ppt_us_30s_20200301_avg_30y.zip",
    "PRISM_ppt_stable_4kmD2_20170101_20170131_bil.zip",
    "MOD13Q1.A2014193.h09v05.061.2021259104358.hdf",
    "prism_ppt_us_25m_20030101.zip",
    "macav2metdata_pr_CCSM4_r6i1p1_rcp45_2006_2010_CONUS_daily.nc",
];

/// xorshift64*: the same mutations every time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        usize::try_from(self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33).unwrap() % below.max(1)
    }
}

fn mutate(text: &str, dice: &mut Dice) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    for _ in 0..=dice.roll(6) {
        let at = dice.roll(bytes.len());
        match dice.roll(6) {
            0 => bytes.truncate(at),
            1 if !bytes.is_empty() => bytes[at] = u8::try_from(dice.roll(256)).unwrap(),
            2 if !bytes.is_empty() => {
                bytes.remove(at);
            }
            3 => {
                let part = bytes[at..(at + dice.roll(40)).min(bytes.len())].to_vec();
                let to = dice.roll(bytes.len());
                bytes.splice(to..to, part);
            }
            4 => {
                let other = CORPUS[dice.roll(CORPUS.len())].as_bytes();
                let from = dice.roll(other.len());
                let part = other[from..(from + dice.roll(30)).min(other.len())].to_vec();
                bytes.splice(at..at, part);
            }
            _ => {
                let odd = ["\u{0}", "<", "&", "{", "é", "%", "\"", "99999999999999999999", "-", "[[[[[["]
                    [dice.roll(10)];
                bytes.splice(at..at, odd.bytes());
            }
        }
    }
    bytes
}

#[test]
fn no_parser_panics_on_mutated_input() {
    let mut dice = Dice(0x5eed_bed0_0000_0001);
    for (_, target) in FUZZ_TARGETS {
        target(b"");
        for text in CORPUS {
            target(text.as_bytes());
        }
    }
    for round in 0..3000 {
        let bytes = mutate(CORPUS[round % CORPUS.len()], &mut dice);
        for (name, target) in FUZZ_TARGETS.iter().filter(|(name, _)| *name != "name" || round % 5 == 0) {
            let caught = std::panic::catch_unwind(|| target(&bytes));
            assert!(caught.is_ok(), "{name}: {:?}", String::from_utf8_lossy(&bytes));
        }
    }
}
