//! The range of stored values that stand for observations, as files state it:
//! `valid_range`, or `valid_min` and `valid_max` (CF conventions 1.11, 2.5.1).

use crate::arrays::Attributed;
use gdal::{Dataset, Metadata};

/// Of a netCDF variable, whose attributes are numbers. Unsigned numbers in a
/// signed type are left alone: files write their range in either way.
pub fn of_array(array: &dyn Attributed) -> Option<[f64; 2]> {
    if array.text("_Unsigned").is_some_and(|word| word == "true") {
        return None;
    }
    range(|name| array.numbers(name))
}

/// Of a dataset's metadata, whose items are text: HDF4 fields have `-2000, 10000`.
pub fn of_metadata(dataset: &Dataset) -> Option<[f64; 2]> {
    range(|name| {
        let text = dataset.metadata_item(name, "")?;
        text.split(',').map(|number| number.trim().parse().ok()).collect()
    })
}

fn range(numbers: impl Fn(&str) -> Option<Vec<f64>>) -> Option<[f64; 2]> {
    let found = match numbers("valid_range").as_deref() {
        Some([low, high]) => [*low, *high],
        Some(_) => return None,
        None => {
            let one = |name| numbers(name).and_then(|n| n.first().copied());
            let (low, high) = (one("valid_min"), one("valid_max"));
            low.or(high)?;
            [low.unwrap_or(f64::NEG_INFINITY), high.unwrap_or(f64::INFINITY)]
        }
    };
    // What excludes everything is a mistake, not a range.
    (found[0] < found[1]).then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stated(attributes: &[(&str, &[f64])]) -> Option<[f64; 2]> {
        range(|name| attributes.iter().find(|(n, _)| *n == name).map(|(_, v)| v.to_vec()))
    }

    #[test]
    fn a_range_or_either_end_is_read() {
        assert_eq!(stated(&[("valid_range", &[-2000.0, 10_000.0])]), Some([-2000.0, 10_000.0]));
        assert_eq!(stated(&[("valid_min", &[0.0])]), Some([0.0, f64::INFINITY]));
        assert_eq!(stated(&[("valid_max", &[9.0]), ("valid_min", &[1.0])]), Some([1.0, 9.0]));
        assert_eq!(stated(&[]), None);
        assert_eq!(stated(&[("valid_range", &[5.0, 5.0])]), None);
        assert_eq!(stated(&[("valid_range", &[5.0])]), None);
    }
}
