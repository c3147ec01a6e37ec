//! The name that was probably meant.

/// The candidate with the fewest edits from `name`, unless all are far off.
pub(crate) fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .into_iter()
        .map(|candidate| (edits(name, candidate), candidate))
        .min()
        .filter(|(edits, candidate)| *edits <= 2.max(candidate.chars().count() / 2))
        .map(|(_, candidate)| candidate)
}

/// The optimal string alignment distance: insertions, deletions and replacements
/// of a character, and swaps of two neighbours.
fn edits(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut above: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for i in 0..a.len() {
        let mut next = vec![i + 1];
        for j in 0..b.len() {
            let mut best = (row[j] + usize::from(a[i] != b[j])).min(row[j + 1] + 1).min(next[j] + 1);
            if i > 0 && j > 0 && a[i] == b[j - 1] && a[i - 1] == b[j] {
                best = best.min(above[j - 1] + 1);
            }
            next.push(best);
        }
        above = std::mem::replace(&mut row, next);
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_name_with_the_fewest_edits() {
        assert_eq!(edits("licens", "licence"), 2);
        assert_eq!(edits("", "abc"), 3);
        assert_eq!(edits("titel", "title"), 1);
        assert_eq!(nearest("titel", ["title", "tile", "root"]), Some("title"));
        assert_eq!(nearest("zzzzzz", ["title", "root"]), None);
    }
}
