//! Which observations a quality layer lets through.

use seedbed_raster::DType;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A quality layer and what it must say of a pixel for its value to be kept.
///
/// Written `ASSET:KEEP=0,1` (these numbers), `ASSET:DROP=2,3` (any but these), or
/// `ASSET:BITS=0-1:0/1,10:0`: bits 0 and 1 as a number 0 or 1, and bit 10 a 0; bit
/// 0 is the least significant, and a negative number has the bits that its stored type gives it (two's
/// complement). Named rules stand for some of them; see
/// [`Mask::NAMED`]. Where the quality layer itself has no data, the value is masked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Mask {
    /// The quality layer: an asset of the item, or a variable of the same file.
    pub asset: String,
    rule: Rule,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Rule {
    Keep(Vec<i64>),
    Drop(Vec<i64>),
    Bits(Vec<Field>),
}

/// Bits `first` to `last` and the numbers they may make.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Field {
    first: u32,
    last: u32,
    allowed: Vec<u32>,
}

/// A text that is no mask.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is no mask: {reason}; write ASSET:KEEP=0,1, ASSET:DROP=2,3, ASSET:BITS=0-1:0/1,10:0, or one of {}",
    Mask::NAMED.map(|(name, _)| name).join(", ")
)]
pub struct MaskError {
    text: String,
    reason: String,
}

/// The greatest bit of a quality layer.
const TOP: u32 = 31;

impl Mask {
    /// Named rules, and what they stand for.
    ///
    /// Of MOD13 and MYD13, whose layers are described in Didan, Barreto Munoz, Solano
    /// and Huete (2015): MODIS Vegetation Index User's Guide (MOD13 Series), version
    /// 3.00, section 5.5.2:
    ///
    /// * `mod13-reliability`: rank 0 (good) and 1 (marginal), neither snow (2) nor
    ///   cloud (3);
    /// * `mod13-reliability=good`: rank 0 alone;
    /// * `mod13-vi-quality`: MODLAND (bits 0–1) produced and not most probably cloudy;
    ///   usefulness (bits 2–5) up to 12, from which on the guide calls it too low to
    ///   be useful, which also leaves out values that early production marked as good
    ///   with usefulness 15 (MODIS Land quality issue `PM_MOD13_16301`); aerosol (6–7)
    ///   not high; no mixed clouds (10), no possible snow (14) and shadow (15).
    pub const NAMED: [(&'static str, &'static str); 3] = [
        ("mod13-reliability", "pixel_reliability:KEEP=0,1"),
        ("mod13-reliability=good", "pixel_reliability:KEEP=0"),
        (
            "mod13-vi-quality",
            "vi_quality:BITS=0-1:0/1,2-5:0/1/2/3/4/5/6/7/8/9/10/11/12,6-7:0/1/2,10:0,14:0,15:0",
        ),
    ];

    /// Whether a value is kept of which the quality layer, stored as this type, says so; NaN is no data.
    #[must_use]
    pub fn keeps(&self, quality: f64, stored: DType) -> bool {
        // Quality is stored as whole numbers; a fraction is none of them.
        #[expect(clippy::cast_possible_truncation, reason = "compared with the number it came from")]
        let whole = quality as i64;
        #[expect(clippy::cast_precision_loss, reason = "quality has at most 32 bits")]
        let same = whole as f64 == quality;
        same && match &self.rule {
            Rule::Keep(numbers) => numbers.contains(&whole),
            Rule::Drop(numbers) => !numbers.contains(&whole),
            Rule::Bits(fields) => {
                word(whole, stored).is_some_and(|word| fields.iter().all(|f| f.allows(word)))
            }
        }
    }
}

/// The bits of a stored number; none where it has more than a quality layer's.
fn word(whole: i64, stored: DType) -> Option<u32> {
    u32::try_from(whole).ok().or_else(|| match stored.bytes() {
        1 => i8::try_from(whole).ok().map(|n| n.cast_unsigned().into()),
        2 => i16::try_from(whole).ok().map(|n| n.cast_unsigned().into()),
        _ => i32::try_from(whole).ok().filter(|_| stored.is_integer()).map(i32::cast_unsigned),
    })
}

impl Field {
    fn allows(&self, word: u32) -> bool {
        let bits = (word >> self.first) & (u32::MAX >> (TOP - (self.last - self.first)));
        self.allowed.contains(&bits)
    }

    /// `0-1:0/1` or `10:0`.
    fn parse(text: &str) -> Result<Self, String> {
        let no_number = |t: &str| format!("`{t}` is no number of bits");
        let (bits, numbers) = text.split_once(':').ok_or_else(|| format!("`{text}` has no colon"))?;
        let (first, last) = bits.split_once('-').unwrap_or((bits, bits));
        let bit = |t: &str| t.parse::<u32>().ok().filter(|b| *b <= TOP).ok_or_else(|| no_number(t));
        let (first, last) = (bit(first)?, bit(last)?);
        if last < first {
            return Err(format!("the bits {bits} run backwards"));
        }
        let allowed: Vec<u32> =
            numbers.split('/').map(|n| n.parse().map_err(|_| no_number(n))).collect::<Result<_, _>>()?;
        let most = u32::MAX >> (TOP - (last - first));
        match allowed.iter().find(|n| **n > most) {
            Some(number) => Err(format!("bits {bits} can't make {number}")),
            None => Ok(Self { first, last, allowed }),
        }
    }
}

impl fmt::Display for Mask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fn list<T: fmt::Display>(numbers: &[T], between: &str) -> String {
            numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(between)
        }
        write!(f, "{}:", self.asset)?;
        match &self.rule {
            Rule::Keep(numbers) => write!(f, "KEEP={}", list(numbers, ",")),
            Rule::Drop(numbers) => write!(f, "DROP={}", list(numbers, ",")),
            Rule::Bits(fields) => write!(f, "BITS={}", list(fields, ",")),
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { first, last, allowed } = self;
        let bits = if first == last { first.to_string() } else { format!("{first}-{last}") };
        let numbers: Vec<String> = allowed.iter().map(ToString::to_string).collect();
        write!(f, "{bits}:{}", numbers.join("/"))
    }
}

impl FromStr for Mask {
    type Err = MaskError;

    fn from_str(text: &str) -> Result<Self, MaskError> {
        let meant = Self::NAMED.iter().find(|(name, _)| *name == text).map_or(text, |(_, rule)| rule);
        let bad = |reason: String| MaskError { text: text.to_owned(), reason };
        let (asset, rule) = meant.split_once(':').ok_or_else(|| bad("it names no rule".to_owned()))?;
        if asset.is_empty() {
            return Err(bad("it names no asset".to_owned()));
        }
        let (kind, list) = rule.split_once('=').ok_or_else(|| bad("its rule has no `=`".to_owned()))?;
        let numbers = || {
            list.split(',')
                .map(|n| n.parse().map_err(|_| bad(format!("`{n}` is no whole number"))))
                .collect::<Result<Vec<i64>, _>>()
        };
        let rule = match kind {
            "KEEP" => Rule::Keep(numbers()?),
            "DROP" => Rule::Drop(numbers()?),
            "BITS" => Rule::Bits(list.split(',').map(Field::parse).collect::<Result<_, _>>().map_err(bad)?),
            _ => return Err(bad(format!("there is no rule `{kind}`"))),
        };
        Ok(Self { asset: asset.to_owned(), rule })
    }
}

impl From<Mask> for String {
    fn from(mask: Mask) -> Self {
        mask.to_string()
    }
}

impl TryFrom<String> for Mask {
    type Error = MaskError;

    fn try_from(text: String) -> Result<Self, MaskError> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(mask: &str, quality: &[f64]) -> Vec<bool> {
        let mask: Mask = mask.parse().unwrap();
        quality.iter().map(|q| mask.keeps(*q, DType::Float64)).collect()
    }

    #[test]
    fn ranks_are_kept_or_dropped() {
        assert_eq!(kept("q:KEEP=0,1", &[0.0, 1.0, 2.0, 0.5, f64::NAN]), [true, true, false, false, false]);
        assert_eq!(kept("q:DROP=2,-3", &[0.0, 2.0, -3.0, f64::NAN]), [true, false, false, false]);
        assert_eq!(kept("mod13-reliability", &[0.0, 1.0, 2.0, 3.0]), [true, true, false, false]);
        assert_eq!(kept("mod13-reliability=good", &[0.0, 1.0]), [true, false]);
    }

    #[test]
    fn bits_of_mod13_count_from_the_least_significant() {
        let word = |modland: u32, usefulness: u32, aerosol: u32, mixed: u32, snow: u32, shadow: u32| {
            f64::from(modland | usefulness << 2 | aerosol << 6 | mixed << 10 | snow << 14 | shadow << 15)
        };
        let cases = [
            (word(0, 0, 0, 0, 0, 0), true),
            (word(1, 12, 2, 0, 0, 0), true),
            (word(2, 0, 0, 0, 0, 0), false),
            (word(0, 15, 0, 0, 0, 0), false),
            (word(0, 0, 3, 0, 0, 0), false),
            (word(0, 0, 0, 1, 0, 0), false),
            (word(0, 0, 0, 0, 1, 0), false),
            (word(0, 0, 0, 0, 0, 1), false),
        ];
        for (quality, wanted) in cases {
            assert_eq!(kept("mod13-vi-quality", &[quality]), [wanted], "{quality}");
        }
        assert_eq!(kept("q:BITS=31:1", &[f64::from(1_u32 << 31), -1.0, 1.0]), [true, false, false]);
    }

    #[test]
    fn a_negative_number_has_the_bits_of_its_type() {
        let mask = |text: &str| text.parse::<Mask>().unwrap();
        let low = mask("q:BITS=0:1,1:0");
        for (quality, stored) in [
            (129.0, DType::UInt8),
            (-127.0, DType::Int8),
            (-32_767.0, DType::Int16),
            (-2_147_483_647.0, DType::Int32),
        ] {
            assert!(low.keeps(quality, stored), "{stored}");
            assert!(!low.keeps(quality + 1.0, stored), "{stored}");
        }
        assert!(mask("q:BITS=7:1,8:0").keeps(-127.0, DType::Int8), "there are no bits beyond the type's");
        assert!(mask("q:BITS=8:1,15:1").keeps(-127.0, DType::Int16));
        assert!(!low.keeps(-127.0, DType::Float32));
    }

    #[test]
    fn masks_are_read_as_they_are_written() {
        for text in ["a:KEEP=0,1", "a b:DROP=-1", "q:BITS=0-1:0/1,10:0"] {
            assert_eq!(text.parse::<Mask>().unwrap().to_string(), text);
        }
        for (name, rule) in Mask::NAMED {
            assert_eq!(name.parse::<Mask>().unwrap().to_string(), rule);
        }
    }

    #[test]
    fn what_is_no_mask_is_told_why() {
        for (text, why) in [
            ("mod14", "names no rule"),
            (":KEEP=0", "no asset"),
            ("q:KEEP", "no `=`"),
            ("q:KEEP=x", "`x`"),
            ("q:WITH=1", "`WITH`"),
            ("q:BITS=0-1", "no colon"),
            ("q:BITS=3-1:0", "backwards"),
            ("q:BITS=0-1:4", "can't make 4"),
            ("q:BITS=32:0", "`32`"),
        ] {
            let error = text.parse::<Mask>().unwrap_err().to_string();
            assert!(error.contains(why) && error.contains("mod13-reliability"), "{error}");
        }
    }
}
