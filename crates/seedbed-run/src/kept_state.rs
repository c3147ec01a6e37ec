//! The state behind a run's last day, as a product of its own that another run begins from.

use crate::state_file::{self, Numbers, decode};
use crate::tile::provenance;
use crate::{RunError, Runner};
use seedbed_block::{Date, Period, Precision};
use seedbed_model::State;
use seedbed_prep::{Attempt, Description, Member, Outcome, PrepError, Target, Variable};
use seedbed_storage::{Checksum, Location};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::path::{Path, PathBuf};

/// The asset's key, in records and the expected set.
pub(crate) const VARIABLE: &str = "state";

/// What the file's name ends with.
const SUFFIX: &str = "state";

/// The name of the product behind a day, where others have a period.
pub(crate) fn name(last: Date) -> String {
    format!("state-{last}")
}

/// A tile's state as another run keeps it.
#[derive(Debug)]
pub(crate) struct KeptState {
    path: PathBuf,
    /// Its record.
    pub(crate) record: PathBuf,
    /// The multihash of its bytes.
    pub(crate) checksum: String,
}

/// What a state file says of itself.
#[derive(Debug, Serialize, Deserialize)]
struct Head {
    model: String,
    revision: u32,
    settings: Value,
    precision: Precision,
    tile: String,
    last: Date,
}

impl KeptState {
    /// The state that a record names.
    pub(crate) fn of_record(record: &Path) -> Result<Self, String> {
        let bytes = match std::fs::read(record) {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                return Err("it has not been made yet: run its project first".to_owned());
            }
            Err(e) => return Err(format!("{}: {e}", record.display())),
        };
        let damaged = |what: &str| format!("{} {what}", record.display());
        let item: Value =
            serde_json::from_slice(&bytes).map_err(|e| damaged(&format!("is no record: {e}")))?;
        let asset = &item["assets"][VARIABLE];
        match (asset["href"].as_str(), asset["file:checksum"].as_str()) {
            (Some(href), Some(checksum)) => Ok(Self {
                path: record.with_file_name("").join(href.trim_start_matches("./")),
                record: record.to_owned(),
                checksum: checksum.to_owned(),
            }),
            _ => Err(damaged("names no state with its checksum")),
        }
    }

    /// The state, held to its checksum and to the run that is to begin from it.
    ///
    /// # Errors
    /// [`RunError::Key`] for one that is missing, damaged, of another model or of other
    /// settings, or that isn't behind the day before the run's first.
    pub(crate) fn read(&self, runner: &Runner<'_>, tile: &str) -> Result<State, RunError> {
        let refused = |reason: String| {
            runner
                .project
                .key_error("model.state", format!("the state of tile {tile} can't be used: {reason}"))
        };
        let named = |what: &dyn std::fmt::Display| refused(format!("{}: {what}", self.path.display()));
        let bytes = std::fs::read(&self.path).map_err(|e| named(&e))?;
        if Checksum::of_bytes(&bytes).multihash() != self.checksum {
            return Err(named(&"its checksum is not the one in its record"));
        }
        let (head, vectors): (Head, _) = decode(&bytes).map_err(|e| named(&e))?;
        head.check(runner).map_err(refused)?;
        Ok(State {
            model: head.model,
            revision: head.revision,
            last: Some(head.last),
            vectors: vectors.into_iter().collect(),
        })
    }

    /// Where it is recorded.
    pub(crate) fn location(&self) -> Location {
        Location::Local(self.record.clone())
    }
}

impl Head {
    /// Refuses what a run can't begin from as if it had never been cut.
    fn check(&self, runner: &Runner<'_>) -> Result<(), String> {
        let spec = runner.model.spec();
        if (self.model.as_str(), self.revision) != (spec.name, spec.revision) {
            return Err(format!(
                "it is of model {} in revision {}, and this is {} in revision {}",
                self.model, self.revision, spec.name, spec.revision
            ));
        }
        if self.precision != runner.precision {
            return Err(format!("it was computed in {:?} precision", self.precision).to_lowercase());
        }
        let ours = serde_json::to_value(&runner.settings).map_err(|e| e.to_string())?;
        if let Some((name, theirs, ours)) = difference(&self.settings, &ours) {
            return Err(format!("`{name}` was {theirs} there and is {ours} here"));
        }
        let start = runner.period.start;
        match self.last.tomorrow() {
            Ok(next) if next == start => Ok(()),
            _ => Err(format!(
                "it is that behind {}, and the run begins on {start}: let it begin on the day after",
                self.last
            )),
        }
    }
}

/// The first setting that two sets don't have in common.
fn difference(theirs: &Value, ours: &Value) -> Option<(String, Value, Value)> {
    let (Value::Object(a), Value::Object(b)) = (theirs, ours) else {
        return (theirs != ours).then(|| ("settings".to_owned(), theirs.clone(), ours.clone()));
    };
    let names = b.keys().chain(a.keys().filter(|name| !b.contains_key(*name)));
    let null = Value::Null;
    names.into_iter().find_map(|name| {
        let (theirs, ours) = (a.get(name).unwrap_or(&null), b.get(name).unwrap_or(&null));
        match (theirs, ours) {
            (Value::Object(_), Value::Object(_)) => difference(theirs, ours),
            _ => (theirs != ours).then(|| (name.clone(), theirs.clone(), ours.clone())),
        }
    })
}

/// Commits a tile's state behind the run's last day.
pub(crate) fn write(
    runner: &Runner<'_>,
    target: &Target,
    member: &Member,
    state: State,
) -> Result<Outcome, RunError> {
    let last = runner.period.end;
    let head = Head {
        model: state.model,
        revision: state.revision,
        settings: serde_json::to_value(&runner.settings).map_err(PrepError::Encode)?,
        precision: runner.precision,
        tile: target.tile.clone(),
        last,
    };
    let numbers = |(name, values): (String, Vec<f64>)| (name, Numbers::Doubles(values.into()));
    let vectors: Vec<_> = state.vectors.into_iter().map(numbers).collect();
    let mut bytes = Vec::new();
    let written = state_file::write(&head, &vectors, &mut bytes);
    written.map_err(|e| PrepError::Encode(serde_json::Error::io(e)))?;
    let mut attempt = Attempt::begin(&runner.out, member, &target.geobox, &runner.cog)?;
    let variable = Variable {
        name: VARIABLE.to_owned(),
        title: format!("what model {} goes on from behind {last}", head.model),
        unit: None,
        facts: Map::new(),
    };
    attempt.attach(variable, SUFFIX, &bytes)?;
    let span = Period { start: last, end: last };
    let provenance = provenance(runner, target, span);
    let description =
        Description { product: runner.name(), period: span, provenance: &provenance, properties: Map::new() };
    Ok(attempt.commit(&runner.spool, runner.projections, &description)?.outcome)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_first_setting_that_differs_is_named() {
        let a = json!({ "variant": "v", "parameters": { "k": 1.0, "m": 2.0 }, "switches": { "s": true } });
        assert_eq!(difference(&a, &a), None);
        let b = json!({ "variant": "v", "parameters": { "k": 1.0, "m": 3.0 }, "switches": { "s": false } });
        assert_eq!(difference(&a, &b), Some(("m".to_owned(), json!(2.0), json!(3.0))));
        let c = json!({ "variant": "v", "parameters": { "k": 1.0 }, "switches": { "s": true } });
        assert_eq!(difference(&a, &c), Some(("m".to_owned(), json!(2.0), Value::Null)));
    }
}
