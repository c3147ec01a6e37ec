//! Files of sections and keys, as those of AWS and rclone.

use std::collections::BTreeMap;

/// Keys by section. Keys are in lower case; one below another (`s3 =` and an indented `addressing_style = path`)
/// is `s3.addressing_style`.
pub(crate) type Sections = BTreeMap<String, BTreeMap<String, String>>;

/// Reads a file's text. What is no section and no key is left out.
pub(crate) fn read(text: &str) -> Sections {
    let mut sections = Sections::new();
    let mut section = None;
    let mut above = String::new();
    for line in text.lines() {
        let bare = line.trim();
        if bare.is_empty() || bare.starts_with(['#', ';']) {
            continue;
        }
        if let Some(name) =
            bare.strip_prefix('[').and_then(|b| b.split_once(']')).map(|(name, _)| name.trim())
        {
            sections.entry(name.to_owned()).or_default();
            section = Some(name.to_owned());
            above.clear();
            continue;
        }
        let (Some(section), Some((key, value))) = (&section, bare.split_once('=')) else { continue };
        let (key, value) = (key.trim().to_ascii_lowercase(), value.trim());
        let nested = line.starts_with([' ', '\t']) && !above.is_empty();
        let name = if nested { format!("{above}.{key}") } else { key.clone() };
        if !nested {
            above = if value.is_empty() { key } else { String::new() };
        }
        sections.entry(section.clone()).or_default().insert(name, value.to_owned());
    }
    sections
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_sections_keys_and_what_stands_below_a_key() {
        let text = "# mine\n[default]\nRegion = eu-west-1\ns3 =\n  addressing_style = path\n[profile x]\n\
                    endpoint_url=http://h:1 \n; no\nnonsense\n";
        let sections = read(text);
        assert_eq!(sections["default"]["region"], "eu-west-1");
        assert_eq!(sections["default"]["s3.addressing_style"], "path");
        assert_eq!(sections["profile x"]["endpoint_url"], "http://h:1");
        assert_eq!(sections["profile x"].len(), 1);
    }
}
