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
    "daymet-daily"
    "gridmet"
    "maca-daily"
    "mod13a1"
    "mod13q1"
    "prism-daily"
    "prism-daily-old"
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
}
