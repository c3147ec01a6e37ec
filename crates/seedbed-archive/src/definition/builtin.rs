//! The definitions of `catalogs/`, embedded.

/// A definition's name, file and text.
macro_rules! embedded {
    ($($name:literal)*) => {
        &[$((
            $name,
            concat!("catalogs/", $name, ".toml"),
            include_str!(concat!("../../../../catalogs/", $name, ".toml")),
        )),*]
    };
}

/// Name, file and text, sorted by name.
const DEFINITIONS: &[(&str, &str, &str)] = embedded! {
    "cmr"
    "daymet-annual"
    "daymet-daily"
    "daymet-monthly"
    "gridmet"
    "maca-daily"
    "maca-monthly"
    "mod13a1"
    "mod13a2"
    "mod13a3"
    "mod13q1"
    "myd13a1"
    "myd13a2"
    "myd13a3"
    "myd13q1"
    "prism-annual"
    "prism-annual-800m"
    "prism-annual-old"
    "prism-bulk-old"
    "prism-daily"
    "prism-daily-800m"
    "prism-daily-old"
    "prism-monthly"
    "prism-monthly-800m"
    "prism-monthly-old"
    "prism-normals"
    "prism-normals-800m"
    "prism-normals-old"
    "stac-api"
};

/// The file and text of the definition of that name.
pub(super) fn text(name: &str) -> Option<(&'static str, &'static str)> {
    DEFINITIONS.iter().find(|d| d.0 == name).map(|d| (d.1, d.2))
}

/// The names, sorted.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    DEFINITIONS.iter().map(|d| d.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Definition;
    use std::path::Path;

    #[test]
    fn every_file_of_catalogs_is_embedded_and_reads_as_its_name() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../catalogs");
        let mut files: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .filter_map(|f| Some(f.unwrap().file_name().to_str()?.strip_suffix(".toml")?.to_owned()))
            .collect();
        files.sort();
        assert_eq!(files, names().collect::<Vec<_>>());
        for (name, file, text) in DEFINITIONS {
            let definition = Definition::from_toml(file, text).unwrap_or_else(|e| panic!("{e}"));
            assert_eq!(definition.name(), *name);
        }
    }

    #[test]
    fn the_examples_of_the_format_read() {
        let examples: Vec<&str> =
            crate::FORMAT.split("```toml\n").skip(1).filter_map(|b| b.split("```").next()).collect();
        assert!(examples.len() >= 3);
        for example in examples {
            assert!(example.lines().count() <= 12);
            Definition::from_toml("README.md", example).unwrap_or_else(|e| panic!("{e}\n{example}"));
        }
    }

    #[test]
    fn the_table_of_the_format_has_every_definition_with_its_sources() {
        let (_, table) = crate::FORMAT.split_once("## What is here").unwrap();
        for name in names() {
            let base = name.strip_suffix("-800m").unwrap_or(name);
            let quoted = format!("`{base}`");
            let first = |line: &&str| line.split('|').nth(1).is_some_and(|cell| cell.contains(&quoted));
            let line = table.lines().find(first).unwrap_or_else(|| panic!("{name}"));
            if let Some(sources) = line.split('|').nth(2).filter(|s| s.contains('`')) {
                let told: Vec<&str> = sources.split('`').skip(1).step_by(2).collect();
                let definition = Definition::builtin(name).unwrap();
                assert_eq!(told, definition.source_names().collect::<Vec<_>>(), "{name}");
            }
        }
    }
}
