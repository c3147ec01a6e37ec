//! Items that could not be read, while the others were worked on.

use crate::failure;
use crate::report::{Status, count};
use seedbed_catalog::{Broken, Item};
use seedbed_storage::Location;
use std::io::{self, Write};

/// Names them in a report.
pub fn list(broken: &[Broken], out: &mut dyn Write) -> io::Result<()> {
    broken.iter().try_for_each(|one| writeln!(out, "unreadable: {}: {}", one.at, one.reason))
}

/// Ends work that is left with no item, where those that can't be read may be the ones that were meant.
///
/// # Errors
/// That: it is no mistake of the selection.
pub fn some_left(items: &[Item], broken: &[Broken], from: &Location) -> anyhow::Result<()> {
    match broken.first().filter(|_| items.is_empty()) {
        None => Ok(()),
        Some(first) => Err(anyhow::anyhow!(
            "no item of {from} that can be read is selected, and {} can't be read; {}: {}",
            count(broken.len(), "item"),
            first.at,
            first.reason
        )),
    }
}

/// How work ends from which these were left out: it isn't whole, and that is said.
pub fn judge(status: Status, broken: &[Broken]) -> Status {
    let Some(first) = broken.first() else { return status };
    failure::tell(
        format_args!("{} could not be read; {}: {}", count(broken.len(), "item"), first.at, first.reason),
        "mend or remove it; `seedbed catalog validate` lists all that is wrong",
    );
    match status {
        Status::Misconfigured => status,
        _ => Status::Failed,
    }
}
