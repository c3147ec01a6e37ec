//! A project resolved: tiles, series, model, and the plan that follows.

use crate::{InputSource, Plan, Project, RunError, Task};
use crate::{PeriodKind, project::InputSection, project::StaticSection};
use seedbed_block::{Conversion, Period, Precision};
use seedbed_catalog::ItemCollection;
use seedbed_grid::{Bbox, Index, Projections, Tile, TileGrid};
use seedbed_model::{Aggregation, Fallback, InputSpec, Model, ModelSpec, SettingValue, Settings};
use seedbed_prep::{
    Expected, Identity, LeapRule, Member, PrepError, Rules, Sane, Series, Spool, Target, TaskKey,
};
use seedbed_prep::{TimeRule, product_path};
use seedbed_raster::cog::CogOptions;
use seedbed_raster::{DType, Resampling};
use seedbed_storage::Location;
use serde_json::json;
use std::path::{Path, PathBuf};

/// What the command line says over the project file.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// Another folder for the outputs.
    pub out: Option<String>,
    /// Another period.
    pub period: Option<Period>,
    /// Other items for inputs.
    pub items: Vec<InputSource>,
}

/// A daily input, resolved.
pub(crate) struct Input {
    pub(crate) index: usize,
    pub(crate) series: Series,
    pub(crate) rules: Rules,
}

/// A static input, resolved.
pub(crate) enum Static {
    /// One value everywhere, in the model's unit.
    Value(f64),
    /// A raster.
    Field { series: Series, rules: Rules },
    /// Computed from the tile's pixel centres.
    Latitude,
}

/// An output variable.
#[derive(Debug, Clone)]
pub(crate) struct Output {
    pub(crate) index: usize,
    pub(crate) name: String,
    pub(crate) unit: String,
    pub(crate) aggregation: Aggregation,
}

/// A project resolved against its catalogs, ready to plan and execute.
pub struct Runner<'a> {
    pub(crate) project: Project,
    pub(crate) items: Vec<(String, String)>,
    pub(crate) period: Period,
    pub(crate) out: PathBuf,
    pub(crate) grid: TileGrid,
    pub(crate) model: &'static dyn Model,
    pub(crate) settings: Settings,
    pub(crate) precision: Precision,
    pub(crate) inputs: Vec<Input>,
    pub(crate) statics: Vec<(usize, Static)>,
    pub(crate) outputs: Vec<Output>,
    pub(crate) kinds: Vec<PeriodKind>,
    pub(crate) cog: CogOptions,
    pub(crate) spool: Spool,
    pub(crate) projections: &'a dyn Projections,
}

/// The revision of the runner's own arithmetic, part of every key.
const REVISION: u32 = 1;

impl<'a> Runner<'a> {
    /// Resolves a project: reads its grid and items, checks names, units and
    /// settings. Nothing is written.
    ///
    /// # Errors
    /// [`RunError`] naming the project file and key at fault.
    pub fn new(
        project: Project,
        overrides: &Overrides,
        spool: Spool,
        projections: &'a dyn Projections,
    ) -> Result<Self, RunError> {
        let model = seedbed_model::find(&project.model.name)
            .map_err(|e| project.key_error("model.name", e.to_string()))?;
        let spec = model.spec();
        let settings = settings(&project, spec)?;
        let period = overrides.period.unwrap_or(project.project.period);
        let out = local(&project, "project.out", overrides.out.as_deref())?;
        let grid = crate::grid::tiles(&project, projections)?;
        let lenient = spec.variant(settings.variant())?.lenient;
        let mut items = Vec::new();
        let mut inputs = Vec::new();
        for (name, section) in &project.inputs {
            let key = format!("inputs.{name}");
            let index = spec.input(name).ok_or_else(|| unknown(&project, &key, &spec.inputs, spec))?;
            let from = overrides.items.iter().find(|o| o.name == *name).map(|o| o.items.clone());
            if let Some(from) = &from {
                items.push((name.clone(), from.clone()));
            }
            let from = from.unwrap_or_else(|| project.resolve(&section.items));
            let series = series(&project, &key, &from, &section.asset, name, &spool, projections)?;
            let rules = input_rules(&spec.inputs[index], section, project.project.leap, lenient);
            inputs.push(Input { index, series, rules });
        }
        if let Some(stray) = overrides.items.iter().find(|o| !project.inputs.contains_key(&o.name)) {
            return Err(project.key_error(format!("inputs.{}", stray.name), "there is no such input"));
        }
        inputs.sort_by_key(|i| i.index);
        let statics = statics(&project, spec, &inputs, &settings, &spool, projections)?;
        for (index, input) in spec.inputs.iter().enumerate() {
            if input.required && !inputs.iter().any(|i| i.index == index) {
                return Err(project.key_error(
                    format!("inputs.{}", input.name),
                    format!("model {} needs it: {} ({})", spec.name, input.doc, input.unit),
                ));
            }
        }
        let (outputs, kinds, cog) = outputs(&project, spec, &settings)?;
        Ok(Self {
            period,
            out,
            grid,
            model,
            settings,
            precision: project.model.precision,
            inputs,
            statics,
            outputs,
            kinds,
            cog,
            spool,
            projections,
            items,
            project,
        })
    }

    /// The folder outputs go to.
    #[must_use]
    pub fn out(&self) -> &Path {
        &self.out
    }

    /// The product's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.project.project.name
    }

    /// What there is to do: a task a tile, a product a period, each with its key.
    ///
    /// # Errors
    /// [`RunError::Input`] if an input touches none of the tiles.
    pub fn plan(&self) -> Result<Plan, RunError> {
        let targets = self.targets()?;
        for input in &self.inputs {
            let (from, to) = reach(input.rules.time, self.period);
            if !targets.iter().any(|t| input.series.near(t.bbox, from, to).next().is_some()) {
                return Err(RunError::Input {
                    path: self.project.path.clone(),
                    key: format!("inputs.{}", input.series.name),
                    source: Box::new(PrepError::Outside {
                        input: input.series.name.clone(),
                        assets: input.series.assets.len(),
                        what: format!("any of the {} tiles between {from} and {to}", targets.len()),
                    }),
                });
            }
        }
        let tasks = self
            .grid
            .tiles
            .iter()
            .zip(&targets)
            .map(|(tile, target)| {
                let products = self
                    .periods()
                    .into_iter()
                    .map(|(_, name, days)| {
                        let key = self.key(target, &name, days)?;
                        Ok(Member { tile: tile.name.clone(), period: name, key, variables: None })
                    })
                    .collect::<Result<Vec<_>, RunError>>()?;
                Ok(Task { tile: tile.name.clone(), products })
            })
            .collect::<Result<Vec<_>, RunError>>()?;
        Ok(Plan {
            format_version: Plan::FORMAT,
            project: std::path::absolute(&self.project.path).unwrap_or_else(|_| self.project.path.clone()),
            period: self.period,
            items: self.items.clone(),
            out: std::path::absolute(&self.out).unwrap_or_else(|_| self.out.clone()),
            tasks,
        })
    }

    /// The set of products a plan stands for.
    ///
    /// # Errors
    /// [`RunError::Projection`] if the grid has no way to WGS 84.
    pub fn expected(&self, plan: &Plan) -> Result<Expected, RunError> {
        let bbox = self.targets()?.iter().map(|t| t.bbox).reduce(Bbox::union);
        Ok(Expected {
            format_version: Expected::FORMAT,
            name: self.name().to_owned(),
            variables: self.outputs.iter().map(|o| o.name.clone()).collect(),
            grid: self.grid.grid.clone(),
            tiles: self.grid.tiles.clone(),
            bbox: bbox.ok_or_else(|| self.project.key_error("grid", "there are no tiles"))?,
            members: plan.tasks.iter().flat_map(|t| t.products.clone()).collect(),
        })
    }

    /// An error about one of the daily inputs.
    pub(crate) fn input_error(&self, index: usize, source: PrepError) -> RunError {
        RunError::Input {
            path: self.project.path.clone(),
            key: format!("inputs.{}", self.model.spec().inputs[index].name),
            source: Box::new(source),
        }
    }

    /// Every period outputs are gathered over, by kind: name and days of the run.
    pub(crate) fn periods(&self) -> Vec<(PeriodKind, String, Period)> {
        self.kinds
            .iter()
            .flat_map(|kind| kind.within(self.period).into_iter().map(|(name, days)| (*kind, name, days)))
            .collect()
    }

    /// The tiles as targets of reading.
    pub(crate) fn targets(&self) -> Result<Vec<Target>, RunError> {
        self.grid.tiles.iter().map(|tile| self.target(tile)).collect()
    }

    pub(crate) fn target(&self, tile: &Tile) -> Result<Target, RunError> {
        let geobox = self.grid.geobox(tile);
        let (_, bbox) = geobox.footprint(self.projections, 16)?;
        let anchor = Index { row: tile.range.row0, col: tile.range.col0 };
        Ok(Target { tile: tile.name.clone(), geobox, anchor, bbox })
    }

    /// The key of one product: everything its bytes depend on. An input counts
    /// up to the product's last day, so a new file at the end of a series redoes
    /// only what comes after it.
    fn key(&self, target: &Target, name: &str, days: Period) -> Result<TaskKey, RunError> {
        let until = Period { start: self.period.start, end: days.end };
        let inputs: Vec<_> = self
            .inputs
            .iter()
            .map(|input| {
                let (from, to) = reach(input.rules.time, until);
                let identities: Vec<&Identity> =
                    input.series.near(target.bbox, from, to).map(|a| &a.identity).collect();
                json!([input.index, input.rules, identities])
            })
            .collect();
        let statics: Vec<_> = self
            .statics
            .iter()
            .map(|(index, field)| match field {
                Static::Value(value) => json!([index, Identity::Value(*value)]),
                Static::Latitude => json!([index, "latitude"]),
                Static::Field { series, rules } => {
                    let identities: Vec<&Identity> = series.assets.iter().map(|a| &a.identity).collect();
                    json!([index, rules, identities])
                }
            })
            .collect();
        let spec = self.model.spec();
        let outputs: Vec<&str> = self.outputs.iter().map(|o| o.name.as_str()).collect();
        let task = json!({
            "task": "run",
            "revisions": [REVISION, Resampling::REVISION, spec.revision],
            "name": self.name(),
            "model": spec.name,
            "settings": self.settings,
            "precision": self.precision,
            "tile": [target.tile, target.geobox],
            "start": self.period.start,
            "period": [name, days],
            "inputs": inputs,
            "statics": statics,
            "outputs": outputs,
            "cog": self.cog,
        });
        Ok(TaskKey::of(&task)?)
    }
}

/// The days of an input that a period's values depend on.
pub(crate) fn reach(time: TimeRule, period: Period) -> (seedbed_block::Date, seedbed_block::Date) {
    let by = match time {
        TimeRule::Daily => 0,
        TimeRule::Composite | TimeRule::CompositeLegacy => seedbed_block::series::LONGEST_GAP,
    };
    let by = jiff::Span::new().days(by);
    (period.start.saturating_sub(by), period.end.saturating_add(by))
}

fn settings(project: &Project, spec: &ModelSpec) -> Result<Settings, RunError> {
    let variant = project.model.variant.as_ref().map(|v| ("variant", SettingValue::Text(v.clone())));
    let pairs = project.model.set.iter().map(|(k, v)| (k.as_str(), v.clone())).chain(variant);
    Settings::new(spec, pairs).map_err(|e| project.key_error("model", e.to_string()))
}

/// A local folder from a key of the project or from the command line.
fn local(project: &Project, key: &str, over: Option<&str>) -> Result<PathBuf, RunError> {
    let text = over.map_or_else(|| project.resolve(&project.project.out), str::to_owned);
    let location: Location =
        text.parse().map_err(|e: seedbed_storage::LocationError| project.key_error(key, e.to_string()))?;
    product_path(&location).map_err(|e| project.key_error(key, e.to_string()))
}

fn unknown(project: &Project, key: &str, list: &[InputSpec], spec: &ModelSpec) -> RunError {
    let names: Vec<&str> = list.iter().map(|i| i.name).collect();
    project.key_error(key, format!("model {} has no such input; it has {}", spec.name, names.join(", ")))
}

fn series(
    project: &Project,
    key: &str,
    from: &str,
    asset: &str,
    name: &str,
    spool: &Spool,
    projections: &dyn Projections,
) -> Result<Series, RunError> {
    let wrap = |source: PrepError| RunError::Input {
        path: project.path.clone(),
        key: key.to_owned(),
        source: Box::new(source),
    };
    let location: Location = from.parse().map_err(|e: seedbed_storage::LocationError| {
        project.key_error(format!("{key}.items"), e.to_string())
    })?;
    let items =
        spool.block_on(ItemCollection::read(spool.stores(), &location)).map_err(|e| wrap(e.into()))?;
    Series::from_items(name, &items.items, asset, projections).map_err(wrap)
}

fn adjust(scale: Option<f64>, offset: Option<f64>) -> Conversion {
    Conversion { scale: scale.unwrap_or(1.0), offset: offset.unwrap_or(0.0) }
}

/// A variant that reproduces another program's treatment of stored nodata must
/// see such values, so only a layer that is mostly out of range is refused there.
fn sane(spec: &InputSpec, lenient: bool) -> Sane {
    Sane { low: spec.range.0, high: spec.range.1, tolerated: if lenient { 0.5 } else { 0.0 } }
}

fn input_rules(spec: &InputSpec, section: &InputSection, leap: LeapRule, lenient: bool) -> Rules {
    Rules {
        resampling: section.resampling.unwrap_or(Resampling::Bilinear),
        time: section.time,
        leap,
        unit: section.unit,
        adjust: adjust(section.scale, section.offset),
        wanted: Some(spec.unit),
        sane: Some(sane(spec, lenient)),
    }
}

fn statics(
    project: &Project,
    spec: &ModelSpec,
    inputs: &[Input],
    settings: &Settings,
    spool: &Spool,
    projections: &dyn Projections,
) -> Result<Vec<(usize, Static)>, RunError> {
    let lenient = spec.variant(settings.variant())?.lenient;
    let mut found = Vec::new();
    for (name, section) in &project.statics {
        let key = format!("statics.{name}");
        let index = spec.static_input(name).ok_or_else(|| unknown(project, &key, &spec.statics, spec))?;
        let field =
            static_field(project, &key, name, &spec.statics[index], section, lenient, spool, projections)?;
        found.push((index, field));
    }
    for (index, input) in spec.inputs.iter().enumerate() {
        let given = inputs.iter().any(|i| i.index == index);
        if given || input.fallback != Fallback::HargreavesSamani {
            continue;
        }
        settings
            .check_computed(spec, input.name)
            .map_err(|e| project.key_error("model.set", e.to_string()))?;
        if let Some(latitude) = spec.static_input("latitude")
            && !found.iter().any(|(i, _)| *i == latitude)
        {
            found.push((latitude, Static::Latitude));
        }
    }
    for (index, input) in spec.statics.iter().enumerate() {
        if found.iter().any(|(i, _)| *i == index) {
            continue;
        }
        match input.fallback {
            Fallback::Value(value) => found.push((index, Static::Value(value))),
            _ if input.required => {
                return Err(project.key_error(
                    format!("statics.{}", input.name),
                    format!("model {} needs it: {} ({})", spec.name, input.doc, input.unit),
                ));
            }
            _ => {}
        }
    }
    found.sort_by_key(|(index, _)| *index);
    Ok(found)
}

#[expect(clippy::too_many_arguments, reason = "one section with its surroundings")]
fn static_field(
    project: &Project,
    key: &str,
    name: &str,
    spec: &InputSpec,
    section: &StaticSection,
    lenient: bool,
    spool: &Spool,
    projections: &dyn Projections,
) -> Result<Static, RunError> {
    let rules = Rules {
        resampling: section.resampling.unwrap_or(Resampling::Nearest),
        unit: section.unit,
        adjust: adjust(section.scale, section.offset),
        wanted: Some(spec.unit),
        sane: Some(sane(spec, lenient)),
        ..Rules::default()
    };
    match (&section.value, &section.href, &section.items, &section.asset) {
        (Some(value), None, None, None) => {
            let unit = section.unit.unwrap_or(spec.unit).to(spec.unit);
            let converted = unit.map_err(|e| project.key_error(format!("{key}.unit"), e.to_string()))?;
            let value = rules.adjust.apply(converted.apply(*value));
            if value < spec.range.0 || value > spec.range.1 {
                return Err(project.key_error(
                    format!("{key}.value"),
                    format!("{value} {} lies outside {}..{}", spec.unit, spec.range.0, spec.range.1),
                ));
            }
            Ok(Static::Value(value))
        }
        (None, Some(href), None, None) => {
            let location: Location =
                project.resolve(href).parse().map_err(|e: seedbed_storage::LocationError| {
                    project.key_error(format!("{key}.href"), e.to_string())
                })?;
            let series = Series::from_file(name, &location).map_err(|source| RunError::Input {
                path: project.path.clone(),
                key: format!("{key}.href"),
                source: Box::new(source),
            })?;
            Ok(Static::Field { series, rules })
        }
        (None, None, Some(items), Some(asset)) => {
            let series = series(project, key, &project.resolve(items), asset, name, spool, projections)?;
            Ok(Static::Field { series, rules })
        }
        _ => Err(project.key_error(key, "give either `value`, or `href`, or `items` and `asset`")),
    }
}

fn outputs(
    project: &Project,
    spec: &ModelSpec,
    settings: &Settings,
) -> Result<(Vec<Output>, Vec<PeriodKind>, CogOptions), RunError> {
    let section = &project.output;
    let variant = settings.variant();
    let output = |(index, o): (usize, &seedbed_model::OutputSpec)| Output {
        index,
        name: o.name.to_owned(),
        unit: o.unit.to_string(),
        aggregation: o.aggregation,
    };
    let all: Vec<_> = spec.outputs_of(variant).collect();
    let chosen = match &section.variables {
        None => all.iter().copied().filter(|(_, o)| o.monthly || o.yearly).map(output).collect(),
        Some(names) => names
            .iter()
            .map(|name| {
                all.iter().copied().find(|(_, o)| o.name == name).map(output).ok_or_else(|| {
                    let there: Vec<&str> = all.iter().map(|(_, o)| o.name).collect();
                    project.key_error(
                        "output.variables",
                        format!("variant {variant} has no output `{name}`; it has {}", there.join(", ")),
                    )
                })
            })
            .collect::<Result<Vec<_>, _>>()?,
    };
    let mut kinds = section.periods.clone().unwrap_or_else(|| vec![PeriodKind::Monthly, PeriodKind::Yearly]);
    kinds.sort_unstable();
    kinds.dedup();
    let dtype = section.dtype.unwrap_or(match project.model.precision {
        Precision::Single => DType::Float32,
        Precision::Double => DType::Float64,
    });
    if dtype.is_integer() && section.scale.is_none() {
        return Err(project.key_error("output.scale", format!("{} needs a scale", dtype.name())));
    }
    let defaults = CogOptions::default();
    let cog = CogOptions {
        dtype,
        scale: section.scale.unwrap_or(1.0),
        nodata: Some(if dtype.is_integer() { dtype.range().0 } else { f64::NAN }),
        compress: section.compress.unwrap_or(defaults.compress),
        overview_resampling: Resampling::Average,
        ..defaults
    };
    Ok((chosen, kinds, cog))
}
