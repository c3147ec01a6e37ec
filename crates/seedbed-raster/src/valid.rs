//! The range of stored values that stand for observations, as files state it:
//! `valid_range`, or `valid_min` and `valid_max` (CF conventions 1.11, 2.5.1).

use crate::DType;
use crate::arrays::Attributed;
use crate::stored::Sign;
use gdal::{Dataset, Metadata};

/// Of a netCDF variable, whose attributes are numbers; of stored numbers as they are meant.
///
/// The ends of unsigned numbers in a signed type may be written either way: 65530 of 16 bits is -6 as well. A range in
/// the type that packed integers are unpacked to is one of unpacked values (NUG, appendix A, `valid_range`).
pub fn of_array(array: &dyn Attributed) -> Option<[f64; 2]> {
    let dtype = array.dtype()?;
    if unpacked(array, dtype) {
        return range(|name| array.numbers(name)).and_then(|range| packed(array, range));
    }
    let sign = Sign::of(array.text("_Unsigned").as_deref());
    let meant = |list: Vec<f64>| list.into_iter().map(|end| sign.meant(dtype, end)).collect();
    range(|name| array.numbers(name).map(meant))
}

/// Whether the range is one of unpacked values: integers that are scaled, and the type of the range is that of the
/// scale and the offset, the wider one where they differ.
fn unpacked(array: &dyn Attributed, dtype: DType) -> bool {
    let float = |name: &str| array.attribute_type(name).filter(|t| !t.is_integer());
    let scale = ["scale_factor", "add_offset"].into_iter().filter_map(float).max_by_key(|t| t.bytes());
    let range = ["valid_range", "valid_min", "valid_max"].into_iter().find_map(float);
    dtype.is_integer() && range.is_some() && range == scale
}

/// Unpacked ends as the outermost stored numbers that lie between them.
fn packed(array: &dyn Attributed, [low, high]: [f64; 2]) -> Option<[f64; 2]> {
    /// Bits lost in scaling, in steps.
    const BITS: f64 = 1e-4;
    let number = |name: &str| array.numbers(name).and_then(|list| list.first().copied());
    let (scale, offset) = (number("scale_factor").unwrap_or(1.0), number("add_offset").unwrap_or(0.0));
    let (a, b) = ((low - offset) / scale, (high - offset) / scale);
    let [a, b] = [a.min(b), a.max(b)];
    let inner = [(a - BITS).ceil(), (b + BITS).floor()];
    (inner[0] <= inner[1]).then_some(inner)
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
