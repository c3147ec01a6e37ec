//! The state behind a run's last day, as a product of its own that another run begins from.

use crate::state_file::{self, Numbers, decode};
use crate::tile::provenance;
use crate::{Project, RunError, Runner};
use seedbed_block::{Date, Period, Precision};
use seedbed_catalog::Item;
use seedbed_model::State;
use seedbed_prep::{Attempt, Description, Member, Outcome, PrepError, Root, Target, Variable, one_line};
use seedbed_storage::Location;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The asset's key, in records and the expected set.
pub(crate) const VARIABLE: &str = "state";

/// The project's key that names a run to begin from.
pub(crate) const KEY: &str = "model.state";

/// What the file's name ends with.
const SUFFIX: &str = "state";

/// The name of the product behind a day, where others have a period.
pub(crate) fn name(last: Date) -> String {
    format!("state-{last}")
}

/// A tile's state as another run keeps it.
#[derive(Debug)]
pub(crate) struct KeptState {
    /// That run's outputs.
    root: Root,
    member: Member,
    record: Item,
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
    /// The state that a member of a run's products is; none if it has not been made.
    ///
    /// # Errors
    /// [`PrepError::Document`] for a record that is damaged, [`PrepError::Storage`] where a store
    /// can't be read.
    pub(crate) fn of_member(root: &Root, member: &Member) -> Result<Option<Self>, PrepError> {
        let Some(record) = root.record(member)? else { return Ok(None) };
        let checksum = record.asset(VARIABLE).and_then(|asset| asset.checksum().map(str::to_owned));
        let checksum = checksum.ok_or_else(|| PrepError::Document {
            path: root.join(&member.record_names()).to_string().into(),
            what: "record of a state",
            reason: "it names none with its checksum".to_owned(),
        })?;
        Ok(Some(Self { root: root.clone(), member: member.clone(), record, checksum }))
    }

    /// The state, held to its checksum and to the run that is to begin from it.
    ///
    /// # Errors
    /// [`RunError::Input`] where a store fails; [`RunError::Key`] for one that is missing or
    /// damaged, of another model or of other settings, or that isn't behind the day before the
    /// run's first.
    pub(crate) fn read(&self, runner: &Runner<'_>, tile: &str) -> Result<State, RunError> {
        let refused = |reason: String| {
            runner.project.key_error(KEY, format!("the state of tile {tile} can't be used: {reason}"))
        };
        let Some(asset) = self.record.asset(VARIABLE) else {
            return Err(refused("its record names none".to_owned()));
        };
        let bytes = self.root.bytes(&self.member, &asset).map_err(|error| match error {
            PrepError::Storage(_) => unusable(&runner.project, error),
            other => refused(one_line(&other)),
        })?;
        let (head, vectors): (Head, _) =
            decode(&bytes).map_err(|e| refused(format!("{}: {e}", self.location())))?;
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
        self.root.join(&self.member.record_names())
    }
}

/// Why another run's states can't be had, as an error of the project's key.
pub(crate) fn unusable(project: &Project, error: PrepError) -> RunError {
    let (path, key) = (project.path.clone(), KEY.to_owned());
    RunError::Input { path, key, source: Box::new(error) }
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
