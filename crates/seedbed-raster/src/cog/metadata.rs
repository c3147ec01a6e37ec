//! What GDAL's own tags say of a band.

use super::{BandMeta, CogOptions};

/// `GDAL_METADATA`'s XML with its closing NUL, or `None` where there is nothing to say.
///
/// # Errors
/// What can't be written.
pub fn xml(band: &BandMeta, options: &CogOptions) -> Result<Option<Vec<u8>>, String> {
    let mut items = Vec::new();
    if options.scale != 1.0 || options.offset != 0.0 {
        items.push(("OFFSET", "offset", number(options.offset)));
        items.push(("SCALE", "scale", number(options.scale)));
    }
    if let Some(unit) = band.unit.as_deref().filter(|u| !u.is_empty()) {
        items.push(("UNITTYPE", "unittype", text("unit", unit)?));
    }
    if !band.name.is_empty() {
        items.push(("DESCRIPTION", "description", text("name", &band.name)?));
    }
    if items.is_empty() {
        return Ok(None);
    }
    let lines: Vec<String> = items
        .iter()
        .map(|(name, role, value)| {
            format!("  <Item name=\"{name}\" sample=\"0\" role=\"{role}\">{value}</Item>\n")
        })
        .collect();
    Ok(Some(format!("<GDALMetadata>\n{}</GDALMetadata>\n\0", lines.concat()).into_bytes()))
}

/// `GDAL_NODATA`'s text with its closing NUL.
pub fn nodata(value: f64) -> Vec<u8> {
    let mut text = number(value);
    text.push('\0');
    text.into_bytes()
}

/// The fewest digits that give back the same number.
fn number(value: f64) -> String {
    if value.is_nan() {
        "nan".to_owned()
    } else if value != 0.0 && !(1e-6..1e17).contains(&value.abs()) {
        format!("{value:e}")
    } else {
        value.to_string()
    }
}

/// Escaped twice, as GDAL does and undoes it.
fn text(what: &str, text: &str) -> Result<String, String> {
    if text.chars().any(|c| c.is_control() && !matches!(c, '\t' | '\n' | '\r')) {
        return Err(format!("the {what} {text:?} can't be stored: it has control characters"));
    }
    let once = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
    Ok(once.replace('&', "&amp;"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back_to_the_bit() {
        for value in
            [0.01, -32_768.0, 1.0 / 3.0, 1e-4, 5e-324, f64::MAX, f64::from(f32::MIN), 1e17, 4_294_967_295.0]
        {
            assert_eq!(number(value).parse::<f64>().unwrap().to_bits(), value.to_bits(), "{value}");
            assert!(number(value).len() < 26, "{}", number(value));
        }
        assert_eq!(nodata(-32_768.0), b"-32768\0");
        assert_eq!(nodata(f64::NAN), b"nan\0");
    }

    #[test]
    fn only_what_there_is_to_say_is_said() {
        let plain = CogOptions::default();
        assert_eq!(xml(&BandMeta::default(), &plain).unwrap(), None);
        let band = BandMeta { name: "a<b & \"c\"".to_owned(), unit: None };
        let said = String::from_utf8(xml(&band, &plain).unwrap().unwrap()).unwrap();
        assert!(said.contains(">a&amp;lt;b &amp;amp; &amp;quot;c&amp;quot;</Item>"), "{said}");
        let unit = BandMeta { unit: Some("a\0b".to_owned()), ..BandMeta::default() };
        assert!(xml(&unit, &plain).unwrap_err().contains("unit"));
    }
}
