//! The days that are asked for, those that are simulated for them, and what a product that is there already keeps.

use crate::periods::Volume;
use crate::{Plan, RunError, Runner, Task};
use seedbed_block::Period;
use seedbed_prep::{Cubes, Expected, Member};
use std::collections::BTreeMap;

/// Which days are run, and whose products are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Asked {
    /// The days that are run.
    pub(crate) run: Period,
    /// Products are made of the periods that have one of these.
    pub(crate) days: Period,
    /// Whether they are days of the project, or go on behind it: else it is another run.
    pub(crate) of_project: bool,
    /// Whether all days of the project are run.
    pub(crate) whole: bool,
}

impl Asked {
    /// What is asked of a project. A part of its period is run from the project's first day on: a product then is what
    /// it is in the whole run.
    pub(crate) fn of(project: Period, asked: Option<Period>) -> Self {
        let days = asked.unwrap_or(project);
        let is_part = project.start <= days.start && days.end <= project.end;
        let run = if is_part { Period { start: project.start, end: days.end } } else { days };
        Self { run, days, of_project: run.start == project.start, whole: run.end >= project.end || !is_part }
    }

    /// Whether it asks for one of a volume's periods, each whole as the calendar has it.
    pub(crate) fn meets(&self, volume: &Volume) -> bool {
        let ends = [volume.days.start, volume.days.end].map(|day| volume.kind.holding(day));
        ends[0].start <= self.days.end && self.days.start <= ends[1].end
    }
}

impl Runner<'_> {
    /// Of some products those that this run makes: not the longer ones that stand in their slots.
    pub fn makes<'m>(&self, members: impl IntoIterator<Item = &'m Member>) -> Vec<bool> {
        let volumes = self.volumes_by_name();
        let makes = |m: &Member| self.is_state(m) || volumes.get(&m.period).is_some_and(|v| v.is(m));
        members.into_iter().map(makes).collect()
    }

    /// What a tile's products of periods are, by their names.
    pub(crate) fn volumes_by_name(&self) -> BTreeMap<String, Volume> {
        self.volumes().into_iter().map(|volume| (volume.name.clone(), volume)).collect()
    }

    /// The periods of a plan whose products stay as they are, or are left to a run of more days.
    #[must_use]
    pub fn left(&self, plan: &Plan) -> Vec<String> {
        let products = || plan.tasks.iter().flat_map(|task| &task.products);
        let left = products().zip(self.makes(products())).filter(|(_, makes)| !makes);
        let mut periods: Vec<String> = left.map(|(member, _)| member.period.clone()).collect();
        periods.sort();
        periods.dedup();
        periods
    }

    /// The name of another product whose place this run's takes, with its variables, if one lies there: of another
    /// name or other variables, or of another recipe with tiles or periods that this one hasn't.
    ///
    /// # Errors
    /// [`RunError::Prep`] where the place can't be read.
    pub fn replaces(&self, plan: &Plan) -> Result<Option<String>, RunError> {
        let Some(there) = Expected::at(&self.out)? else { return Ok(None) };
        let variables: Vec<&str> = self.outputs.iter().map(|output| output.name.as_str()).collect();
        let set = self.expected(plan)?;
        let ours = set.by_slot();
        let left = there.members.iter().filter(|member| !ours.contains_key(&member.slot())).count();
        let is_other = there.name != self.name() || there.variables != variables;
        let is_cut = left > 0 && !set.is_part_of(&there, Cubes::ByYear);
        let (name, names) = (&there.name, there.variables.join(", "));
        Ok(match (is_other, is_cut) {
            (true, _) => Some(format!("`{name}` with {names}")),
            (false, true) => {
                Some(format!("`{name}` by another recipe, {left} of whose products it doesn't have"))
            }
            (false, false) => None,
        })
    }

    /// Puts the longer product in the place of each one of a task that would take the slot of more days, and refuses
    /// to put another run in the place of a project's.
    ///
    /// # Errors
    /// [`RunError::Place`] for a period that isn't within the project's where a product of another recipe lies.
    pub(crate) fn settle(&self, tasks: &mut [Task]) -> Result<(), RunError> {
        let Some(there) = Expected::at(&self.out)? else { return Ok(()) };
        let set = self.expected_of(tasks)?;
        if set.is_part_of(&there, Cubes::ByYear) {
            let theirs = there.by_slot();
            for product in tasks.iter_mut().flat_map(|task| &mut task.products) {
                if let Some(longer) = theirs.get(&product.slot()).filter(|m| m.is_longer(product)) {
                    *product = (*longer).clone();
                }
            }
            return Ok(());
        }
        if self.asked.of_project {
            return Ok(());
        }
        Err(RunError::Place {
            out: self.out.location(),
            name: there.name,
            asked: self.asked.days,
            period: self.project.project.period,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PeriodKind;
    use crate::project::Format;

    fn asked(project: &str, asked: &str) -> Asked {
        Asked::of(project.parse().unwrap(), Some(asked.parse().unwrap()))
    }

    #[test]
    fn a_part_of_the_period_is_run_from_the_first_day_of_all() {
        let part = asked("2003-03-05/2006", "2004/2005-02");
        assert_eq!(part.run, "2003-03-05/2005-02-28".parse().unwrap());
        assert!(part.of_project && !part.whole);
        let names = |kind: PeriodKind, format| -> Vec<String> {
            kind.volumes(part.run, format).into_iter().filter(|v| part.meets(v)).map(|v| v.name).collect()
        };
        assert_eq!(names(PeriodKind::Yearly, Format::Cog), ["2004", "2005"]);
        let months = names(PeriodKind::Monthly, Format::Cog);
        assert_eq!((months[0].as_str(), months[13].as_str(), months.len()), ("2004-01", "2005-02", 14));
        assert_eq!(names(PeriodKind::Monthly, Format::Zarr), ["2004-01--2004-12", "2005-01--2005-02"]);
    }

    #[test]
    fn more_days_are_the_projects_where_they_begin_as_it_does_and_else_another_run() {
        let longer = asked("2003/2004", "2003/2005");
        assert!(longer.of_project && longer.whole);
        assert_eq!(longer.run, longer.days);
        for other in ["2002/2003", "2004/2005", "2006"] {
            let other = asked("2003/2004", other);
            assert!(!other.of_project && other.whole);
            assert_eq!(other.run, other.days);
        }
        assert!(asked("2003/2004", "2004").whole);
        assert_eq!(asked("2003/2004", "2004").run, "2003/2004".parse().unwrap());
    }
}
