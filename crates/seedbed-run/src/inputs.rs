//! Inputs and statics of a project, resolved to series and rules.

use crate::interval::{ALWAYS, Interval, check_apart, check_whole};
use crate::project::{InputSection, StaticSection, SwitchSection};
use crate::{Overrides, Project, RunError};
use seedbed_block::{Conversion, Period, unit_suffix};
use seedbed_catalog::{CatalogError, ItemCollection};
use seedbed_grid::Projections;
use seedbed_model::{Fallback, InputSpec, ModelSpec, Settings};
use seedbed_prep::{Classes, PrepError, Rules, Sane, Series, Spool, TimeRule, ValidRange};
use seedbed_raster::Resampling;
use seedbed_storage::{Location, LocationError};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// A daily input, resolved.
pub(crate) struct Input {
    /// Its place among the model's inputs.
    pub(crate) index: usize,
    /// Its name in the project.
    pub(crate) name: String,
    /// What it is read from, in order of time.
    pub(crate) intervals: Vec<Interval>,
}

impl Input {
    /// Whether it has one source for all days.
    pub(crate) fn is_plain(&self) -> bool {
        self.intervals.iter().all(|interval| interval.days == ALWAYS)
    }

    /// The intervals that meet a period, each with those of its days that lie in it.
    pub(crate) fn within(&self, period: Period) -> impl Iterator<Item = (Period, &Interval)> {
        self.intervals.iter().filter_map(move |i| Some((i.within(period)?, i)))
    }

    /// Refuses intervals that leave out days of a period.
    pub(crate) fn check_whole(&self, project: &Project, period: Period) -> Result<(), RunError> {
        let days: Vec<Period> = self.intervals.iter().map(|interval| interval.days).collect();
        check_whole(&days, period).map_err(|e| project.key_error(format!("inputs.{}.switch", self.name), e))
    }
}

/// A static input, resolved.
pub(crate) enum Static {
    /// One value everywhere, in the model's unit.
    Value(f64),
    /// A raster.
    Field { series: Series, rules: Box<Rules> },
    /// Computed from the tile's pixel centres.
    Latitude,
}

/// What a project's sections are resolved against.
pub(crate) struct Resolver<'a> {
    pub(crate) project: &'a Project,
    pub(crate) overrides: &'a Overrides,
    pub(crate) spec: &'a ModelSpec,
    pub(crate) settings: &'a Settings,
    pub(crate) spool: &'a Spool,
    pub(crate) projections: &'a dyn Projections,
    /// What was read so far, by where it is.
    pub(crate) read: RefCell<BTreeMap<String, Rc<ItemCollection>>>,
}

impl Resolver<'_> {
    /// The daily inputs in the model's order, and the places of all that are named; what
    /// won't do goes to `wrong`.
    pub(crate) fn inputs(&self, wrong: &mut Vec<RunError>) -> (Vec<Input>, Vec<usize>) {
        let project = self.project;
        let (mut inputs, mut named): (Vec<Input>, Vec<usize>) = (Vec::new(), Vec::new());
        for (name, section) in &project.inputs {
            let key = format!("inputs.{name}");
            let Some(index) = self.spec.input(name) else {
                wrong.push(self.unknown(&key, &self.spec.inputs));
                continue;
            };
            if named.contains(&index) {
                wrong.push(self.twice(&key, &self.spec.inputs[index]));
                continue;
            }
            named.push(index);
            if self.is_unused(&self.spec.inputs[index]) {
                continue;
            }
            match self.intervals(name, index, section) {
                Ok(intervals) => inputs.push(Input { index, name: name.clone(), intervals }),
                Err(error) => wrong.push(error),
            }
        }
        for stray in self.overrides.items.iter().filter(|o| !project.inputs.contains_key(&o.name)) {
            let named: Vec<&str> = project.inputs.keys().map(String::as_str).collect();
            let there = format!("there is no such input; there are {}", named.join(", "));
            wrong.push(project.key_error(format!("inputs.{}", stray.name), there));
        }
        for (index, input) in self.spec.inputs.iter().enumerate() {
            if input.required && !self.is_unused(input) && !named.contains(&index) {
                wrong.push(self.needed("inputs", input));
            }
        }
        inputs.sort_by_key(|i| i.index);
        (inputs, named)
    }

    /// Whether the variant does without an input, which then is neither opened nor read.
    fn is_unused(&self, input: &InputSpec) -> bool {
        !input.used_in.is_empty() && !input.used_in.contains(&self.settings.variant())
    }

    /// What an input is read from, in order of time.
    fn intervals(&self, name: &str, index: usize, section: &InputSection) -> Result<Vec<Interval>, RunError> {
        let (project, key) = (self.project, format!("inputs.{name}"));
        let over = self.overrides.items.iter().find(|o| o.name == name);
        let absent = |what: &str| project.key_error(key.clone(), format!("it has no `{what}`"));
        let mut times = section.switch.iter().filter_map(|switch| switch.time).chain([section.time]);
        if section.composite_day.is_some() && !times.any(|time| time == TimeRule::CompositeDay) {
            let message = "only `time = \"composite-day\"` reads the days of pixels";
            return Err(project.key_error(format!("{key}.composite_day"), message));
        }
        if section.switch.is_empty() {
            let named = section.items.as_deref().map(|items| project.resolve(items));
            let from = over.map(|o| o.items.clone()).or(named).ok_or_else(|| absent("items"))?;
            let asset = section.asset.as_deref().ok_or_else(|| absent("asset"))?;
            let rules = self.input_rules(index, section)?;
            let series = self.series(&key, &from, asset, name, &rules)?;
            return Ok(vec![Interval { days: ALWAYS, series, rules }]);
        }
        if over.is_some() {
            let message = "--items can't say which of its intervals it means: edit the project file";
            return Err(project.key_error(format!("{key}.switch"), message));
        }
        let mut switches: Vec<&SwitchSection> = section.switch.iter().collect();
        switches.sort_by_key(|switch| switch.period);
        let days: Vec<Period> = switches.iter().map(|switch| switch.period).collect();
        check_apart(&days).map_err(|e| project.key_error(format!("{key}.switch"), e))?;
        let interval = |switch: &SwitchSection| {
            let key = format!("{key}.switch ({})", switch.period);
            let lacks = |what: &str| project.key_error(key.clone(), format!("it has no `{what}`"));
            let items = switch.items.as_ref().or(section.items.as_ref()).ok_or_else(|| lacks("items"))?;
            let asset = switch.asset.as_ref().or(section.asset.as_ref()).ok_or_else(|| lacks("asset"))?;
            let of_interval = InputSection {
                unit: switch.unit.or(section.unit),
                time: switch.time.unwrap_or(section.time),
                scale: switch.scale.or(section.scale),
                offset: switch.offset.or(section.offset),
                ..section.clone()
            };
            let rules = self.input_rules(index, &of_interval)?;
            let series = self.series(&key, &project.resolve(items), asset, name, &rules)?;
            Ok(Interval { days: switch.period, series, rules })
        };
        switches.into_iter().map(interval).collect()
    }

    fn series(
        &self,
        key: &str,
        from: &str,
        asset: &str,
        name: &str,
        rules: &Rules,
    ) -> Result<Series, RunError> {
        let failed = |source: PrepError| RunError::Input {
            path: self.project.path.clone(),
            key: key.to_owned(),
            source: Box::new(source),
        };
        let location: Location =
            from.parse().map_err(|e: LocationError| self.project.setting_error(format!("{key}.items"), e))?;
        let items = self.items(&location).map_err(|e| failed(e.into()))?;
        let series = Series::by_rules(name, &items.items, asset, rules, self.spool, self.projections)
            .map_err(failed)?;
        series.digest().map_err(failed)?;
        Ok(series)
    }

    /// The items of a place, which several inputs may share.
    fn items(&self, from: &Location) -> Result<Rc<ItemCollection>, CatalogError> {
        if let Some(items) = self.read.borrow().get(&from.to_string()) {
            return Ok(Rc::clone(items));
        }
        let items = Rc::new(self.spool.block_on(ItemCollection::read(self.spool.stores(), from))?);
        self.read.borrow_mut().insert(from.to_string(), Rc::clone(&items));
        Ok(items)
    }

    fn input_rules(&self, index: usize, section: &InputSection) -> Result<Rules, RunError> {
        let spec = &self.spec.inputs[index];
        Ok(Rules {
            resampling: section.resampling.unwrap_or(Resampling::Bilinear),
            time: section.time,
            bridge: section.bridge,
            composite_day: section.composite_day.clone().filter(|_| section.time == TimeRule::CompositeDay),
            leap: self.project.project.leap,
            unit: section.unit,
            adjust: adjust(section.scale, section.offset),
            wanted: Some(spec.unit),
            sane: Some(self.sane(spec)?),
            mask: section.mask.clone(),
            classes: None,
            valid_range: self.valid_range(section.keep_invalid)?,
        })
    }

    /// The static inputs in the model's order; what won't do goes to `wrong`. Where an input
    /// that isn't among those `named` is computed from latitude, the static is added.
    pub(crate) fn statics(&self, named: &[usize], wrong: &mut Vec<RunError>) -> Vec<(usize, Static)> {
        let (project, spec) = (self.project, self.spec);
        let mut found: Vec<(usize, Static)> = Vec::new();
        let mut given: Vec<usize> = Vec::new();
        for (name, section) in &project.statics {
            let key = format!("statics.{name}");
            let Some(index) = spec.static_input(name) else {
                wrong.push(self.unknown(&key, &spec.statics));
                continue;
            };
            if given.contains(&index) {
                wrong.push(self.twice(&key, &spec.statics[index]));
                continue;
            }
            given.push(index);
            if self.is_unused(&spec.statics[index]) {
                continue;
            }
            match self.static_field(&key, name, &spec.statics[index], section) {
                Ok(field) => found.push((index, field)),
                Err(error) => wrong.push(error),
            }
        }
        for (index, input) in spec.inputs.iter().enumerate() {
            if named.contains(&index) || self.is_unused(input) || !input.fallback.needs_latitude() {
                continue;
            }
            if let Err(error) = self.settings.check_computed(spec, input.name) {
                wrong.push(project.setting_error("model.set", error));
            }
            if let Some(latitude) = spec.static_input("latitude")
                && !given.contains(&latitude)
            {
                given.push(latitude);
                found.push((latitude, Static::Latitude));
            }
        }
        for (index, input) in spec.statics.iter().enumerate().filter(|(index, _)| !given.contains(index)) {
            match input.fallback {
                Fallback::Value(value) => found.push((index, Static::Value(value))),
                Fallback::Latitude => found.push((index, Static::Latitude)),
                _ if input.required && !self.is_unused(input) => wrong.push(self.needed("statics", input)),
                _ => {}
            }
        }
        found.sort_by_key(|(index, _)| *index);
        found
    }

    fn static_field(
        &self,
        key: &str,
        name: &str,
        spec: &InputSpec,
        section: &StaticSection,
    ) -> Result<Static, RunError> {
        let project = self.project;
        let classes = self.classes(key, section)?;
        // The unit of a file of classes isn't that of their values.
        let unit = section.unit.or(classes.as_ref().map(|_| spec.unit));
        let rules = Box::new(Rules {
            resampling: section.resampling.unwrap_or(Resampling::Nearest),
            unit,
            adjust: adjust(section.scale, section.offset),
            wanted: Some(spec.unit),
            sane: Some(self.sane(spec)?),
            classes,
            valid_range: self.valid_range(section.keep_invalid)?,
            ..Rules::default()
        });
        match (section.value, &section.href, &section.items, &section.asset) {
            (Some(value), None, None, None) => {
                let unit = section.unit.unwrap_or(spec.unit).to(spec.unit);
                let converted = unit.map_err(|e| project.setting_error(format!("{key}.unit"), e))?;
                let value = converted.apply(rules.adjust.apply(value));
                if !(spec.range.0..=spec.range.1).contains(&value) {
                    return Err(project.key_error(
                        format!("{key}.value"),
                        format!(
                            "{value}{} lies outside {}..{} ({})",
                            unit_suffix(spec.unit),
                            spec.range.0,
                            spec.range.1,
                            spec.doc
                        ),
                    ));
                }
                if let (_, _, Some(value)) = spec.fractions([value]) {
                    let message = format!("{value} lies between 0 and 1, and it is a mask");
                    return Err(project.key_error(format!("{key}.value"), message));
                }
                Ok(Static::Value(value))
            }
            (None, Some(href), None, None) => {
                let key = format!("{key}.href");
                let location: Location = project
                    .resolve(href)
                    .parse()
                    .map_err(|e: LocationError| project.setting_error(key.clone(), e))?;
                let series = Series::from_file(name, &location, self.spool).map_err(|source| {
                    RunError::Input { path: project.path.clone(), key, source: Box::new(source) }
                })?;
                Ok(Static::Field { series, rules })
            }
            (None, None, Some(items), Some(asset)) => {
                let series = self.series(key, &project.resolve(items), asset, name, &rules)?;
                Ok(Static::Field { series, rules })
            }
            _ => Err(project.key_error(key, "give either `value`, or `href`, or `items` and `asset`")),
        }
    }

    /// The table of a static whose raster holds classes.
    fn classes(&self, key: &str, section: &StaticSection) -> Result<Option<Classes>, RunError> {
        let project = self.project;
        let Some(table) = &section.classes else {
            return match section.other {
                Some(_) => Err(project.key_error(format!("{key}.other"), "it needs `classes`")),
                None => Ok(None),
            };
        };
        if section.value.is_some() {
            return Err(project.key_error(format!("{key}.classes"), "`value` is everywhere, without classes"));
        }
        let classes = Classes::new(table.iter().map(|(class, value)| (class.clone(), *value)), section.other);
        classes.map(Some).map_err(|e| project.setting_error(format!("{key}.classes"), e))
    }

    /// A variant that reproduces another program's treatment of stored nodata must
    /// see such values, so only a layer that is mostly out of range is refused there.
    fn sane(&self, spec: &InputSpec) -> Result<Sane, RunError> {
        let tolerated = if self.lenient()? { 0.5 } else { 0.0 };
        Ok(Sane { low: spec.range.0, high: spec.range.1, tolerated })
    }

    /// What becomes of stored values that item or file calls invalid, where the project
    /// doesn't say: they are missing, but for a variant that must see them.
    fn valid_range(&self, keep: Option<bool>) -> Result<ValidRange, RunError> {
        let keep = keep.map_or_else(|| self.lenient(), Ok)?;
        Ok(if keep { ValidRange::Ignored } else { ValidRange::Missing })
    }

    fn lenient(&self) -> Result<bool, RunError> {
        Ok(self.spec.variant(self.settings.variant())?.lenient)
    }

    fn unknown(&self, key: &str, list: &[InputSpec]) -> RunError {
        let names: Vec<&str> = list.iter().map(|i| i.name).collect();
        let name = self.spec.name;
        self.project.key_error(key, format!("model {name} has no such input; it has {}", names.join(", ")))
    }

    fn twice(&self, key: &str, input: &InputSpec) -> RunError {
        self.project.key_error(key, format!("this is `{}`, which is given already", input.name))
    }

    fn needed(&self, section: &str, input: &InputSpec) -> RunError {
        let InputSpec { name, doc, unit, .. } = input;
        let model = self.spec.name;
        self.project.key_error(format!("{section}.{name}"), format!("model {model} needs it: {doc} ({unit})"))
    }
}

fn adjust(scale: Option<f64>, offset: Option<f64>) -> Conversion {
    Conversion { scale: scale.unwrap_or(1.0), offset: offset.unwrap_or(0.0) }
}
