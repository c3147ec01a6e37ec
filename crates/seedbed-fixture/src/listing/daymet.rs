//! Daymet V4 R1 as it is listed: daily, monthly and annual files of three regions.

use super::content;
use super::granule::{Algorithm, Collection, Footprint, Granule, Site};
use super::shelf::Shelf;
use super::{Listings, moment};
use crate::spec::Area;

/// The collections, in the repository's order of [`Period`].
pub const COLLECTIONS: [Collection; 3] = [
    Collection {
        concept_id: "C2532426483-ORNL_CLOUD",
        short_name: "Daymet_Daily_V4R1_2129",
        versions: &["4.5", "4.1"],
        provider: "ORNL_CLOUD",
        title: "Daymet: Daily Surface Weather Data on a 1-km Grid for North America, Version 4 R1",
        doi: "10.3334/ORNLDAAC/2129",
        days: ("1950-01-01", "2025-12-31"),
        site: Site::Ornl("Daymet_Daily_V4R1"),
    },
    Collection {
        concept_id: "C2532007210-ORNL_CLOUD",
        short_name: "Daymet_Monthly_V4R1_2131",
        versions: &["4.5", "4.1"],
        provider: "ORNL_CLOUD",
        title: "Daymet: Monthly Climate Summaries on a 1-km Grid for North America, Version 4 R1",
        doi: "10.3334/ORNLDAAC/2131",
        days: ("1950-01-01", "2025-12-31"),
        site: Site::Ornl("Daymet_Monthly_V4R1"),
    },
    Collection {
        concept_id: "C2531982907-ORNL_CLOUD",
        short_name: "Daymet_Annual_V4R1_2130",
        versions: &["4.5", "4.1"],
        provider: "ORNL_CLOUD",
        title: "Daymet: Annual Climate Summaries on a 1-km Grid for North America, Version 4 R1",
        doi: "10.3334/ORNLDAAC/2130",
        days: ("1950-01-01", "2025-12-31"),
        site: Site::Ornl("Daymet_Annual_V4R1"),
    },
];

/// A region: its code, its first year, and what it covers.
pub const REGIONS: [(&str, i16, Area); 3] = [
    ("na", 1980, Area { west: -178.1333, south: 14.0749, east: -53.0567, north: 82.9143 }),
    ("hi", 1980, Area { west: -160.3056, south: 17.9539, east: -154.7720, north: 23.5186 }),
    ("pr", 1950, Area { west: -67.9928, south: 16.8444, east: -64.1196, north: 19.9382 }),
];

const DAILY: [&str; 7] = ["dayl", "srad", "vp", "tmax", "tmin", "swe", "prcp"];
/// A summary's variable, and whether it is a total or a mean.
const SUMMARIES: [(&str, &str); 5] =
    [("prcp", "ttl"), ("swe", "avg"), ("tmax", "avg"), ("tmin", "avg"), ("vp", "avg")];

/// How much time a value stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Period {
    /// A file of 365 days.
    Daily,
    /// A file of 12 months.
    Monthly,
    /// A file of one year.
    Annual,
}

impl Period {
    /// All of them, in the order of [`COLLECTIONS`].
    pub const ALL: [Self; 3] = [Self::Daily, Self::Monthly, Self::Annual];

    /// The collection.
    #[must_use]
    pub fn collection(self) -> &'static Collection {
        const { &COLLECTIONS }.get(self as usize).unwrap_or(&COLLECTIONS[0])
    }

    /// The files of a region and year.
    fn files(self, region: &str, year: i16) -> Vec<String> {
        let code = match self {
            Self::Daily => {
                return DAILY.iter().map(|v| format!("daymet_v4_daily_{region}_{v}_{year}.nc")).collect();
            }
            Self::Monthly => "mon",
            Self::Annual => "ann",
        };
        let stem = |(v, of): &(&str, &str)| format!("daymet_v4_{v}_{code}{of}_{region}_{year}");
        SUMMARIES.iter().map(stem).flat_map(|stem| [format!("{stem}.nc"), format!("{stem}.tif")]).collect()
    }
}

/// Every region and year of a spec, the oldest year first, as the repository sorts.
fn region_years(spec: &Listings) -> impl Iterator<Item = (&'static str, i16, Area)> {
    let (first, last) = (*spec.daymet_years.start(), *spec.daymet_years.end());
    (first..=last).flat_map(|year| {
        let begun = REGIONS.iter().filter(move |region| year >= region.1);
        begun.map(move |&(region, _, area)| (region, year, area))
    })
}

/// The granules of a collection.
pub(crate) fn granules(spec: &Listings, period: Period) -> Vec<Granule> {
    let collection = period.collection();
    let Site::Ornl(folder) = collection.site else { return Vec::new() };
    let mut granules = Vec::new();
    for (region, year, area) in region_years(spec) {
        for file in period.files(region, year) {
            let bytes = content::body(&file, 0);
            granules.push(Granule {
                collection,
                id: format!("{folder}.{file}"),
                number: 2_533_270_000 + content::hash(&file) % 1_000_000,
                start: format!("{year}-01-01T00:00:00.000Z"),
                end: format!("{year}-12-31T23:59:59.000Z"),
                produced: "2023-03-01T00:00:00.000Z".into(),
                footprint: Footprint::Box(area),
                size: bytes.len() as u64,
                checksum: Some((Algorithm::Sha256, content::sha256(&bytes))),
                file,
            });
        }
    }
    granules
}

/// Puts the files, and a checksum beside each, on the shelf.
pub(crate) fn stock(spec: &Listings, shelf: &mut Shelf) {
    for period in Period::ALL {
        let Site::Ornl(folder) = period.collection().site else { continue };
        for (region, year, _) in region_years(spec) {
            for file in period.files(region, year) {
                let path = format!("daymet/{folder}/data/{file}");
                let when = moment("2023-03-01", &file);
                shelf.put(format!("{path}.sha256"), when);
                shelf.put(path, when);
            }
        }
    }
}

/// How many files a period has.
pub(crate) fn count(spec: &Listings, period: Period) -> usize {
    let files = match period {
        Period::Daily => DAILY.len(),
        Period::Monthly | Period::Annual => 2 * SUMMARIES.len(),
    };
    region_years(spec).count() * files
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_daily_collection_has_as_many_granules_as_the_archive() {
        let spec = Listings::default();
        assert_eq!(count(&spec, Period::Daily), 1176);
        assert_eq!(granules(&spec, Period::Daily).len(), 1176);
        assert_eq!(granules(&spec, Period::Annual).len(), 1680);
    }

    #[test]
    fn names_are_those_of_the_archive() {
        assert!(Period::Daily.files("pr", 1950).contains(&"daymet_v4_daily_pr_dayl_1950.nc".into()));
        assert!(Period::Monthly.files("hi", 1980).contains(&"daymet_v4_prcp_monttl_hi_1980.tif".into()));
        assert!(Period::Annual.files("na", 2025).contains(&"daymet_v4_vp_annavg_na_2025.nc".into()));
    }
}
