//! Parsing what several commands take: key-value pairs, sizes, ages.

/// Reads `KEY=VALUE`.
pub fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() => Ok((key.trim().to_owned(), value.trim().to_owned())),
        _ => Err(format!("`{text}` is no setting: write KEY=VALUE")),
    }
}

/// Reads `KEY=V[,V…]`.
pub fn pair_of_many(text: &str) -> Result<(String, Vec<String>), String> {
    let (key, values) = pair(text)?;
    Ok((key, values.split(',').map(|v| v.trim().to_owned()).collect()))
}

/// Reads a number of bytes: `500000`, `20MB`, `1.5GiB`.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "checked to be a positive number below 2^53"
)]
pub fn byte_count(text: &str) -> Result<u64, String> {
    let bad = || format!("`{text}` is no number of bytes: write 500000, 20MB or 1.5GiB");
    let text = text.trim();
    let split = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let number: f64 = text[..split].parse().map_err(|_| bad())?;
    let factor = match text[split..].trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1.0,
        "k" | "kb" => 1e3,
        "m" | "mb" => 1e6,
        "g" | "gb" => 1e9,
        "t" | "tb" => 1e12,
        "kib" => 1024.0,
        "mib" => 1_048_576.0,
        "gib" => 1_073_741_824.0,
        "tib" => 1_099_511_627_776.0,
        _ => return Err(bad()),
    };
    let bytes = number * factor;
    if bytes < 9.0e15 { Ok(bytes.round() as u64) } else { Err(bad()) }
}

/// Reads a span of time: `60s`, `30min`, `12h`, `7d`, `2weeks`.
pub fn span(text: &str) -> Result<std::time::Duration, String> {
    let bad = || format!("`{text}` is no span of time: write 60s, 30min, 12h, 7d or 2w");
    let text = text.trim();
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number: u64 = text[..split].parse().map_err(|_| bad())?;
    let seconds = match text[split..].trim() {
        "s" => 1,
        "min" | "m" => 60,
        "h" => 3600,
        "d" | "day" | "days" => 86_400,
        "w" | "week" | "weeks" => 604_800,
        _ => return Err(bad()),
    };
    number.checked_mul(seconds).map(std::time::Duration::from_secs).ok_or_else(bad)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_sizes_and_spans() {
        assert_eq!(pair("whc = 120").unwrap(), ("whc".to_owned(), "120".to_owned()));
        assert!(pair("whc").is_err());
        assert_eq!(pair_of_many("variable=ppt,tmin").unwrap().1, ["ppt", "tmin"]);
        assert_eq!(byte_count("1.5GiB").unwrap(), 1_610_612_736);
        assert_eq!(byte_count("20MB").unwrap(), 20_000_000);
        assert!(byte_count("lots").is_err());
        assert_eq!(span("7d").unwrap().as_secs(), 604_800);
        assert!(span("7").is_err());
    }
}
