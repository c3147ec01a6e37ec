//! One unit for the values of all assets of a series.

use crate::source::Source;
use crate::{PrepError, Rules, Series, SourceAsset, Spool};
use seedbed_block::{Conversion, Unit};
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

/// An asset, and the unit that its item or else its file states.
struct Stated<'a> {
    item: &'a str,
    unit: Option<Cow<'a, str>>,
}

/// The unit that the values of some assets of a series, by their places, are brought to where they state several:
/// that of the first of them. `None` if they agree, if nothing is known of any, or if the rules say what is wanted.
///
/// # Errors
/// [`PrepError::Request`] with two of the items, where one states a unit and another doesn't, or units that can't be
/// converted; [`PrepError::Request`] where the rules say another unit than item and file; what opening files brings.
pub(crate) fn common_unit(
    series: &Series,
    places: &BTreeSet<usize>,
    rules: &Rules,
    spool: &Spool,
) -> Result<Option<Unit>, PrepError> {
    let assets = || places.iter().map(|place| &series.assets[*place]);
    if let Some(unit) = rules.unit {
        assets().try_for_each(|asset| held_to(series, asset, unit, &spool.source(asset)?))?;
        return Ok(None);
    }
    if rules.wanted.is_some() {
        return Ok(None);
    }
    let mut first: Option<Stated<'_>> = None;
    let mut common = None;
    for asset in assets() {
        let stated = Stated { item: &asset.item, unit: stated(asset, spool)? };
        match &first {
            None => first = Some(stated),
            Some(first) => common = common.or(first.beside(&stated, &series.name)?),
        }
    }
    Ok(common)
}

/// The unit that an item states, or else its file.
fn stated<'a>(asset: &'a Arc<SourceAsset>, spool: &Spool) -> Result<Option<Cow<'a, str>>, PrepError> {
    match &asset.unit {
        Some(unit) => Ok(Some(Cow::Borrowed(unit))),
        None => Ok(spool.source(asset)?.facts.unit.clone().map(Cow::Owned)),
    }
}

/// Refuses a unit that neither item nor file is of, though they state one. Where they contradict each other it
/// decides between them.
fn held_to(series: &Series, asset: &SourceAsset, unit: Unit, source: &Source) -> Result<(), PrepError> {
    let (item, file) = (asset.unit.as_deref(), source.facts.unit.as_deref());
    let known = |text: &str| Some((text.to_owned(), text.parse::<Unit>().ok()?));
    let stated: Vec<(String, Unit)> = item.and_then(known).into_iter().chain(file.and_then(known)).collect();
    let Some((text, _)) = stated.first() else { return Ok(()) };
    if stated.iter().any(|(_, stated)| stated.to(unit) == Ok(Conversion::IDENTITY)) {
        return Ok(());
    }
    let says = if item.is_some() { "states" } else { "states through its file" };
    Err(PrepError::Request(format!(
        "input `{}`: item `{}` {says} the unit `{text}`, not `{unit}` ({}); hint: --unit is for values whose unit isn't stated, \
         --to-unit says what they are converted to",
        series.name,
        asset.item,
        source.path.display()
    )))
}

impl Stated<'_> {
    /// Its unit, if another's values have to be converted to it.
    fn beside(&self, other: &Self, input: &str) -> Result<Option<Unit>, PrepError> {
        let (ours, theirs) = match (&self.unit, &other.unit) {
            (None, None) => return Ok(None),
            (Some(ours), Some(theirs)) if ours == theirs => return Ok(None),
            (Some(ours), Some(theirs)) => (ours, theirs),
            (Some(unit), None) => return Err(unstated(input, (self.item, unit), other.item)),
            (None, Some(unit)) => return Err(unstated(input, (other.item, unit), self.item)),
        };
        let converted = ours.parse::<Unit>().and_then(|to| Ok((to, theirs.parse::<Unit>()?.to(to)?)));
        match converted {
            Ok((_, Conversion::IDENTITY)) => Ok(None),
            Ok((to, _)) => Ok(Some(to)),
            Err(why) => Err(PrepError::Request(format!(
                "input `{input}`: item `{}` is in `{ours}`, item `{}` in `{theirs}`: {why}",
                self.item, other.item
            ))),
        }
    }
}

fn unstated(input: &str, (item, unit): (&str, &str), silent: &str) -> PrepError {
    PrepError::Request(format!(
        "input `{input}`: item `{item}` is in `{unit}`, but neither item `{silent}` nor its file states a unit; hint: say \
         it with --unit"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn beside(a: Option<&'static str>, b: Option<&'static str>) -> Result<Option<Unit>, String> {
        let stated = |item, unit: Option<&'static str>| Stated { item, unit: unit.map(Cow::Borrowed) };
        stated("a", a).beside(&stated("b", b), "v").map_err(|e| e.to_string())
    }

    #[test]
    fn only_what_differs_is_converted() {
        assert_eq!(beside(None, None), Ok(None));
        assert_eq!(beside(Some("index"), Some("index")), Ok(None));
        assert_eq!(beside(Some("mm"), Some("kg m-2")), Ok(None));
        assert_eq!(beside(Some("K"), Some("degC")), Ok(Some(Unit::Kelvin)));
    }

    #[test]
    fn both_items_are_named() {
        let hard = beside(Some("K"), Some("mm")).unwrap_err();
        assert!(hard.contains("`a` is in `K`, item `b` in `mm`"), "{hard}");
        let unknown = beside(Some("K"), Some("furlong")).unwrap_err();
        assert!(unknown.contains("unknown unit `furlong`"), "{unknown}");
        for silent in [beside(Some("K"), None), beside(None, Some("K"))] {
            let silent = silent.unwrap_err();
            assert!(silent.contains("`a`") && silent.contains("`b`") && silent.contains("`K`"), "{silent}");
        }
    }
}
