//! One input as a series: the same asset key over many items.

use crate::identity::Undigested;
use crate::parallel::{cores, in_parallel};
use crate::traits::Traits;
use crate::{Ancillary, Identity, PrepError, Rules, Spool, TaskKey, TimeRule, composite_day, folder};
use seedbed_block::{Calendar, Date, Period, Unit, date};
use seedbed_catalog::{Asset, Item};
use seedbed_grid::{Bbox, Claim, Projections};
use seedbed_storage::Location;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::Arc;

/// The property by which an item says its series' calendar: `standard`, `noleap` or `daymet`.
pub(crate) const CALENDAR: &str = "seedbed:calendar";

/// The property that tells a product's tile.
const TILE: &str = "seedbed:tile";

/// One asset of one item, with what the item claims of it.
#[derive(Debug, Clone)]
pub struct SourceAsset {
    /// The item's id.
    pub item: String,
    /// Where the bytes are now.
    pub location: Location,
    /// What they are, where the item says it.
    pub media_type: Option<String>,
    /// What the bytes are, wherever they lie, as it is stated.
    pub(crate) stated: Identity,
    /// The file whose digest they are instead.
    pub(crate) undigested: Option<Arc<Undigested>>,
    /// The digest that the item states of the file where it lies now, or of the files of its folder.
    pub checksum: Option<String>,
    /// Where they came from, for the record: the archive's address of a copy.
    pub origin: Location,
    /// First and last day.
    pub period: Period,
    /// Footprint's box in WGS 84, if the item has one.
    pub bbox: Option<Bbox>,
    /// Where it lies, as far as the item says.
    pub claim: Claim,
    /// The variable inside the file.
    pub variable: Option<String>,
    /// How many bands the item names.
    pub(crate) bands: usize,
    /// Stored value for "no observation".
    pub nodata: Option<f64>,
    /// Factor from stored to physical values.
    pub scale: Option<f64>,
    /// Added after scaling.
    pub offset: Option<f64>,
    /// Unit of the scaled values.
    pub unit: Option<String>,
    /// Whether the item's date holds even if the file's clock says otherwise
    /// (`seedbed:dates` is `item`).
    pub dated_by_item: bool,
    /// The calendar whose days the series has that it belongs to, where its item says it (`seedbed:calendar`).
    pub calendar: Option<Calendar>,
    /// Whether the date means nothing: a static field.
    pub undated: bool,
    /// The least and the greatest stored value that stand for an observation.
    pub valid_range: Option<[f64; 2]>,
    /// The layer that says of each pixel how good it is, where one is asked for.
    pub quality: Option<Ancillary>,
    /// The layer that says on which day of the year each pixel was observed, where one is
    /// asked for.
    pub composite_day: Option<Ancillary>,
    /// What its item says the values are of.
    pub(crate) traits: Traits,
}

impl SourceAsset {
    /// The key of its values: its bytes, and all that its item says of them. Where
    /// they lie and where they came from is no part of it.
    ///
    /// # Errors
    /// [`PrepError::Encode`] if it can't be encoded; [`PrepError::Read`] where it needs the digest of a file that can't
    /// be read.
    pub fn key(&self) -> Result<TaskKey, PrepError> {
        // JSON has no NaN, so numbers go in as text.
        let numbers = [self.nodata, self.scale, self.offset].map(|n| n.map(|n| format!("{n:?}")));
        let claim = Some(&self.claim).filter(|claim| !claim.is_empty());
        let place = claim.map(|c| (c.crs.as_ref().map(|crs| &crs.wkt2), c.affine, c.shape, c.edges));
        let dated = (self.period, self.dated_by_item, self.undated);
        let identity = match &self.undigested {
            Some(file) => file.identity()?,
            None => self.stated.clone(),
        };
        let mut said = json!([identity, self.variable, numbers, self.unit, place, dated]);
        if let Value::Array(said) = &mut said {
            said.extend(self.valid_range.map(|range| json!({ "valid_range": format!("{range:?}") })));
            for (what, layer) in [("quality", &self.quality), ("composite_day", &self.composite_day)] {
                match layer {
                    Some(Ancillary::Asset(asset)) => said.push(json!({ what: asset.key()? })),
                    Some(Ancillary::Variable(name)) => said.push(json!({ what: name })),
                    None => {}
                }
            }
        }
        TaskKey::of(&said)
    }

    /// Where everything its values depend on came from.
    pub fn origins(&self) -> impl Iterator<Item = &Location> {
        let beside = self.quality.iter().chain(&self.composite_day).filter_map(|layer| match layer {
            Ancillary::Asset(asset) => Some(&asset.origin),
            Ancillary::Variable(_) => None,
        });
        std::iter::once(&self.origin).chain(beside)
    }

    /// An asset as its item describes it, for readers that make no keys: no local file is
    /// digested.
    pub(crate) fn stated(
        item: &Item,
        found: &Asset<'_>,
        projections: &dyn Projections,
    ) -> Result<Self, PrepError> {
        Self::described(item, found, (Identity::stated(found), None), projections)
    }

    fn described(
        item: &Item,
        found: &Asset<'_>,
        (stated, undigested): (Identity, Option<Undigested>),
        projections: &dyn Projections,
    ) -> Result<Self, PrepError> {
        let undated = || PrepError::undated(item);
        let start = item.start().ok_or_else(undated)?;
        let end = item.end().ok_or_else(undated)?;
        let period =
            Period::new(start, end).map_err(|e| PrepError::Request(format!("item `{}`: {e}", item.id())))?;
        let location = found.location()?;
        check_size(item, found, &location)?;
        let origin = match found.origin() {
            Some(href) => href.parse().map_err(|e: seedbed_storage::LocationError| {
                PrepError::Request(format!("item `{}`: {e}", item.id()))
            })?,
            None => location.clone(),
        };
        let band = found.band();
        Ok(Self {
            item: item.id().to_owned(),
            stated,
            undigested: undigested.map(Arc::new),
            checksum: folder::stated(found).1.map(str::to_owned),
            location,
            media_type: found.media_type().map(str::to_owned),
            origin,
            period,
            bbox: item.bbox(),
            claim: found.claim(projections)?,
            variable: band.name,
            bands: named_bands(found),
            nodata: band.nodata,
            scale: band.scale,
            offset: band.offset,
            unit: band.unit,
            dated_by_item: item.property("seedbed:dates").is_some_and(|v| v == "item"),
            calendar: calendar(item)?,
            undated: false,
            valid_range: band.valid_range,
            quality: None,
            composite_day: None,
            traits: Traits::of(item),
        })
    }
}

/// The calendar of the series that an item belongs to, where it says it. Products of ours say it where it isn't the
/// standard one: a cube of a year without a day was made without it.
fn calendar(item: &Item) -> Result<Option<Calendar>, PrepError> {
    let Some(said) = item.property(CALENDAR).filter(|said| !said.is_null()) else {
        return Ok(item.property(TILE).map(|_| Calendar::Standard));
    };
    serde_json::from_value(said.clone()).map(Some).map_err(|_| {
        let id = item.id();
        PrepError::Request(format!(
            "item `{id}`: {CALENDAR} is {said}; there are standard, noleap and daymet"
        ))
    })
}

/// How many bands an asset has that are all named.
fn named_bands(asset: &Asset<'_>) -> usize {
    let bands = ["bands", "eo:bands"].iter().find_map(|key| asset.as_object().get(*key)?.as_array());
    let is_named = |band: &Value| band["name"].is_string();
    bands.filter(|bands| bands.iter().all(is_named)).map_or(0, Vec::len)
}

/// Refuses items of one id and date in one collection whose assets are different files.
fn check_ids(found: &[Found<'_>]) -> Result<(), PrepError> {
    let mut known = HashMap::new();
    for (item, asset) in found {
        let Some(day) = item.start() else { continue };
        let other = known.entry((item.collection(), item.id(), day, item.end())).or_insert(asset);
        let (ours, theirs) = (asset.location()?, other.location()?);
        if Identity::stated(asset) != Identity::stated(other) {
            return Err(PrepError::Request(format!(
                "two items have the id `{}` and the date {day}, with different files: {theirs} and {ours}",
                item.id()
            )));
        }
    }
    Ok(())
}

/// Refuses a local file that isn't as large as its item states: it is another one by now, or
/// not all of it. What isn't there at all is told when it is read.
fn check_size(item: &Item, asset: &Asset<'_>, location: &Location) -> Result<(), PrepError> {
    let (Some(path), Some(stated)) = (location.as_path(), asset.size()) else { return Ok(()) };
    match std::fs::metadata(path) {
        Ok(file) if file.is_file() && file.len() != stated => Err(PrepError::Size {
            path: path.to_owned(),
            found: file.len(),
            item: item.id().to_owned(),
            stated,
        }),
        _ => Ok(()),
    }
}

/// An asset, and the item it is of.
type Found<'a> = (&'a Item, Asset<'a>);

/// What stands beside an asset: another of its item, or else a variable of its file.
type Beside<'a> = Result<Found<'a>, String>;

fn beside<'a>(item: &'a Item, key: &str) -> Beside<'a> {
    item.asset(key).map(|asset| (item, asset)).ok_or_else(|| key.to_owned())
}

/// All assets of one input, by start date and item id.
#[derive(Debug, Clone)]
pub struct Series {
    /// The input's name.
    pub name: String,
    /// The assets in time order.
    pub assets: Vec<Arc<SourceAsset>>,
    /// The unit that values are brought to where no other is wanted: assets may state several.
    pub unit: Option<Unit>,
}

impl Series {
    /// The series of `asset` over those `items` that have it.
    ///
    /// # Errors
    /// [`PrepError::NoAsset`] where none has it; [`PrepError::Undated`] for an
    /// item without a date; what the catalog says of a bad href or CRS.
    pub fn from_items(
        name: &str,
        items: &[Item],
        asset: &str,
        spool: &Spool,
        projections: &dyn Projections,
    ) -> Result<Self, PrepError> {
        Self::by_rules(name, items, asset, &Rules::default(), spool, projections)
    }

    /// Makes the digests of local files that have none yet, as fast as all cores do it.
    ///
    /// # Errors
    /// [`PrepError::Read`] for a file that can't be read.
    pub fn digest(&self) -> Result<(), PrepError> {
        let keys = in_parallel(&self.assets, cores(), |_, asset| asset.key(), |_| ());
        keys.into_iter().try_for_each(|key| key.map(|_| ()))
    }

    /// The same with the layers that rules read beside it: the quality layer of a mask, and
    /// by `composite-day` that of the pixels' days. Local files without a digest are read when keys are asked for
    /// ([`Series::digest`]).
    ///
    /// # Errors
    /// As [`Series::from_items`], and [`PrepError::Request`] for a kernel whose values are
    /// of no day, and for items whose layer of days has another name than usual.
    pub fn by_rules(
        name: &str,
        items: &[Item],
        asset: &str,
        rules: &Rules,
        spool: &Spool,
        projections: &dyn Projections,
    ) -> Result<Self, PrepError> {
        let mut found: Vec<Found<'_>> =
            items.iter().filter_map(|item| Some((item, item.asset(asset)?))).collect();
        let count = found.len();
        check_ids(&found)?;
        let mut qualities = Vec::new();
        if let Some(mask) = &rules.mask {
            qualities.extend(found.iter().map(|(item, _)| beside(item, &mask.asset)));
        }
        let mut days = Vec::new();
        if rules.time == TimeRule::CompositeDay {
            composite_day::check_kernel(name, rules.resampling)?;
            for (item, _) in &found {
                days.push(match &rules.composite_day {
                    Some(key) => beside(item, key),
                    None => Ok((
                        *item,
                        composite_day::usual(item).ok_or_else(|| composite_day::unnamed(name, item))?,
                    )),
                });
            }
        }
        // The layers beside the assets stand behind all of them.
        found.extend(qualities.iter().chain(&days).filter_map(|layer| layer.as_ref().ok()));
        let identity = |_: usize, (_, asset): &Found<'_>| Identity::of(asset, spool);
        let identities = in_parallel(&found, cores(), identity, |_| ());
        let mut sources = Vec::with_capacity(found.len());
        for ((item, asset), identity) in found.iter().zip(identities) {
            sources.push(SourceAsset::described(item, asset, identity?, projections)?);
        }
        let mut others = sources.split_off(count).into_iter();
        let mut layers = |beside: Vec<Beside<'_>>| {
            let layer = |layer: Beside<'_>| match layer {
                Ok(_) => others.next().map(|asset| Ancillary::Asset(Arc::new(asset))),
                Err(variable) => Some(Ancillary::Variable(variable)),
            };
            beside.into_iter().map(layer).collect::<Vec<_>>().into_iter()
        };
        let (mut qualities, mut days) = (layers(qualities), layers(days));
        let mut assets = Vec::with_capacity(count);
        for mut source in sources {
            source.quality = qualities.next().flatten();
            source.composite_day = days.next().flatten();
            assets.push(Arc::new(source));
        }
        if assets.is_empty() {
            let mut there: Vec<&str> = items.iter().flat_map(Item::assets).map(|(key, _)| key).collect();
            there.sort_unstable();
            there.dedup();
            return Err(PrepError::NoAsset {
                input: name.to_owned(),
                items: items.len(),
                asset: asset.to_owned(),
                there: if there.is_empty() { "none".to_owned() } else { there.join(", ") },
            });
        }
        assets.sort_by(|a, b| (a.period, &a.item).cmp(&(b.period, &b.item)));
        Ok(Self { name: name.to_owned(), assets, unit: None })
    }

    /// The series of a single local file that has no date of its own.
    ///
    /// # Errors
    /// [`PrepError::Read`] if the file can't be read.
    pub fn from_file(name: &str, location: &Location, spool: &Spool) -> Result<Self, PrepError> {
        let undigested = location.as_path().map(|path| Undigested::of(path, spool)).transpose()?;
        let version = if undigested.is_none() { spool.group_version(location, None)? } else { None };
        let day = date(1970, 1, 1);
        let asset = SourceAsset {
            calendar: None,
            item: name.to_owned(),
            location: location.clone(),
            media_type: None,
            stated: Identity::Origin { href: location.to_string(), size: None, version },
            undigested: undigested.map(Arc::new),
            checksum: None,
            origin: location.clone(),
            period: Period { start: day, end: day },
            bbox: None,
            claim: Claim::default(),
            variable: None,
            bands: 0,
            nodata: None,
            scale: None,
            offset: None,
            unit: None,
            dated_by_item: false,
            undated: true,
            valid_range: None,
            quality: None,
            composite_day: None,
            traits: Traits::default(),
        };
        Ok(Self { name: name.to_owned(), assets: vec![Arc::new(asset)], unit: None })
    }

    /// The assets that may hold pixels of `bbox` between two days.
    pub fn near(&self, bbox: Bbox, from: Date, to: Date) -> impl Iterator<Item = &Arc<SourceAsset>> {
        self.places(bbox, from, to).map(|(_, asset)| asset)
    }

    /// The same with their places in the series.
    pub(crate) fn places(
        &self,
        bbox: Bbox,
        from: Date,
        to: Date,
    ) -> impl Iterator<Item = (usize, &Arc<SourceAsset>)> {
        self.assets
            .iter()
            .enumerate()
            .filter(move |(_, a)| a.period.start <= to && a.period.end >= from)
            .filter(move |(_, a)| a.bbox.is_none_or(|b| b.intersects(bbox)))
    }

    /// From the first day of all assets to the last.
    #[must_use]
    pub fn period(&self) -> Period {
        let start = self.assets.iter().map(|a| a.period.start).min();
        let end = self.assets.iter().map(|a| a.period.end).max();
        let never = date(1970, 1, 1);
        Period { start: start.unwrap_or(never), end: end.unwrap_or(never) }
    }

    /// For the assets near `bbox` that reach into the days from `from` on, in
    /// order: their first day, and the key of all assets so far. The last entry
    /// that starts on or before a day stands for all that can matter until then.
    ///
    /// # Errors
    /// [`PrepError::Encode`] if an asset can't be encoded.
    pub fn lineage(&self, bbox: Bbox, from: Date) -> Result<Vec<(Date, TaskKey)>, PrepError> {
        let mut lineage: Vec<(Date, TaskKey)> = Vec::new();
        for asset in self.near(bbox, from, Date::MAX) {
            let before = lineage.last().map(|(_, key)| key);
            let key = TaskKey::of(&(before, asset.key()?))?;
            lineage.push((asset.period.start, key));
        }
        Ok(lineage)
    }
}
