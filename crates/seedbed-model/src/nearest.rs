//! The nearest of a list of names, for errors.

/// The candidate with the fewest edits to `name`; empty where there is none.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> String {
    candidates.into_iter().min_by_key(|c| distance(name, c)).unwrap_or_default().to_owned()
}

/// Levenshtein's distance in characters.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, cb) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(ca != *cb);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_a_name_with_a_slip() {
        assert_eq!(nearest("meltfactor", ["k_factor", "melt_factor", "rf_value"]), "melt_factor");
        assert_eq!(nearest("x", []), "");
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}
