//! A project resolved: tiles, series, model, and the plan that follows.

use crate::asked::Asked;
use crate::inputs::{Input, Resolver, Static};
use crate::mask::OutputMask;
use crate::origin::Origin;
use crate::outputs::{self, Output};
use crate::periods::Volume;
use crate::{Checkpoints, InputSource, PeriodKind, Plan, Project, RunError, Task, kept_state};
use seedbed_block::{Period, Precision};
use seedbed_grid::{Bbox, Index, Projections, Tile, TileGrid};
use seedbed_host::Models;
use seedbed_model::{Model, ModelSpec, SettingValue, Settings};
use seedbed_prep::{Expected, Member, PrepError, Root, Spool, Target};
use seedbed_raster::cog::CogOptions;
use seedbed_storage::{Location, LocationError};
use std::cell::RefCell;
use std::path::Path;

/// What the command line says over the project file.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// Another place for the outputs.
    pub out: Option<String>,
    /// The days that are asked for: a part of the project's period, or another one.
    pub period: Option<Period>,
    /// Other items for inputs.
    pub items: Vec<InputSource>,
    /// The models there are.
    pub models: Models,
}

/// A project resolved against its catalogs, ready to plan and execute.
pub struct Runner<'a> {
    pub(crate) project: Project,
    pub(crate) items: Vec<InputSource>,
    pub(crate) asked: Asked,
    /// The days that are run.
    pub(crate) period: Period,
    pub(crate) out: Root,
    pub(crate) grid: TileGrid,
    pub(crate) model: &'static dyn Model,
    pub(crate) settings: Settings,
    pub(crate) precision: Precision,
    pub(crate) origin: Origin,
    pub(crate) inputs: Vec<Input>,
    pub(crate) statics: Vec<(usize, Static)>,
    pub(crate) outputs: Vec<Output>,
    pub(crate) kinds: Vec<PeriodKind>,
    pub(crate) cog: CogOptions,
    pub(crate) mask: Option<OutputMask>,
    pub(crate) left_out: Vec<String>,
    pub(crate) spool: Spool,
    pub(crate) projections: &'a dyn Projections,
}

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
        let folder = project.path.parent().unwrap_or(Path::new(""));
        let model = overrides.models.find(&project.model.name, folder);
        let model = model.map_err(|e| project.setting_error("model.name", e))?;
        let spec = model.spec();
        let settings = settings(&project, spec)?;
        let outputs = outputs::variables(&project, spec, &settings)?;
        let kinds = outputs::periods(&project, spec)?;
        let cog = outputs::stored(&project, &outputs)?;
        let out = out(&project, overrides.out.as_deref(), &spool)?;
        let mut grid = crate::grid::tiles(&project, projections)?;
        if grid.tiles.is_empty() {
            return Err(project.key_error("grid", "there are no tiles"));
        }
        let mask = OutputMask::of(&project, &grid, projections)?;
        let left_out = match &mask {
            Some(mask) => mask.keep_tiles(&project, &mut grid)?,
            None => Vec::new(),
        };
        let resolver = Resolver {
            project: &project,
            overrides,
            spec,
            settings: &settings,
            spool: &spool,
            projections,
            read: RefCell::default(),
        };
        let mut wrong = Vec::new();
        let (inputs, named) = resolver.inputs(&mut wrong);
        let statics = resolver.statics(&named, &mut wrong);
        RunError::unless_none(wrong)?;
        let asked = Asked::of(project.project.period, overrides.period);
        let period = asked.run;
        let origin = Origin::resolve(&project, spec, period.start, &grid, &spool)?;
        for days in origin.spin_up().into_iter().chain([period]) {
            inputs.iter().try_for_each(|input| input.check_whole(&project, days))?;
        }
        Ok(Self {
            items: overrides.items.clone(),
            asked,
            period,
            origin,
            out,
            grid,
            model,
            settings,
            precision: project.precision(),
            inputs,
            statics,
            outputs,
            kinds,
            cog,
            mask,
            left_out,
            spool,
            projections,
            project,
        })
    }

    /// Where outputs go.
    #[must_use]
    pub fn out(&self) -> &Root {
        &self.out
    }

    /// Tiles of the grid that aren't run, for the output mask has none of their pixels.
    #[must_use]
    pub fn left_out(&self) -> &[String] {
        &self.left_out
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
            let days = self.until(self.period);
            let touches = |t: &Target| {
                input.within(days).any(|(days, interval)| {
                    let (from, to) = interval.rules.reach(days);
                    interval.series.near(t.bbox, from, to).next().is_some()
                })
            };
            if !targets.iter().any(touches) {
                return Err(RunError::Input {
                    path: self.project.path.clone(),
                    key: format!("inputs.{}", input.name),
                    source: Box::new(PrepError::Outside {
                        input: input.name.clone(),
                        assets: input.intervals.iter().map(|i| i.series.assets.len()).sum(),
                        what: format!(
                            "any of the {} tiles between {} and {}",
                            targets.len(),
                            days.start,
                            days.end
                        ),
                    }),
                });
            }
        }
        let mut tasks = self
            .grid
            .tiles
            .iter()
            .zip(&targets)
            .map(|(tile, target)| self.task(tile, target))
            .collect::<Result<Vec<_>, RunError>>()?;
        self.settle(&mut tasks)?;
        let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        Ok(Plan {
            format_version: Plan::FORMAT,
            project: absolute(&self.project.path),
            period: self.asked.days,
            items: self.items.iter().map(|i| (i.name.clone(), i.items.clone())).collect(),
            out: match &self.out {
                Root::Local(path) => absolute(path).into(),
                Root::Store(_) => self.out.location(),
            },
            tasks,
        })
    }

    /// The set of products a plan stands for.
    ///
    /// # Errors
    /// [`RunError::Projection`] if the grid has no way to WGS 84.
    pub fn expected(&self, plan: &Plan) -> Result<Expected, RunError> {
        self.expected_of(&plan.tasks)
    }

    pub(crate) fn expected_of(&self, tasks: &[Task]) -> Result<Expected, RunError> {
        let bbox = Bbox::around(self.targets()?.iter().map(|t| t.bbox));
        let bbox = bbox.ok_or_else(|| self.project.key_error("grid", "there are no tiles"))?;
        Ok(Expected {
            format_version: Expected::FORMAT,
            name: self.name().to_owned(),
            variables: self.outputs.iter().map(|o| o.name.clone()).collect(),
            grid: self.grid.grid.clone(),
            tiles: self.grid.tiles.clone(),
            bbox,
            members: tasks.iter().flat_map(|t| t.products.clone()).collect(),
            recipe: Some(self.recipe(bbox)?),
        })
    }

    /// How often checkpoints are kept.
    pub(crate) fn checkpoints(&self) -> Checkpoints {
        self.project.output.checkpoints
    }

    /// What a tile's products of periods are, by kind.
    pub(crate) fn volumes(&self) -> Vec<Volume> {
        let format = self.project.output.format;
        let all = self.kinds.iter().flat_map(|kind| kind.volumes(self.period, format));
        all.filter(|volume| self.asked.meets(volume)).collect()
    }

    /// Whether the state behind the last day is a product: not so behind a part of the project's period.
    pub(crate) fn keeps_state(&self) -> bool {
        self.project.output.state && self.asked.whole
    }

    /// Whether a product is that state.
    pub(crate) fn is_state(&self, member: &Member) -> bool {
        self.keeps_state() && member.period == kept_state::name(self.period.end)
    }

    /// The tiles as targets of reading.
    fn targets(&self) -> Result<Vec<Target>, RunError> {
        self.grid.tiles.iter().map(|tile| self.target(tile)).collect()
    }

    pub(crate) fn target(&self, tile: &Tile) -> Result<Target, RunError> {
        let geobox = self.grid.geobox(tile);
        let bbox = geobox.territory(self.projections, 16)?.bbox;
        let anchor = Index { row: tile.range.row0, col: tile.range.col0 };
        Ok(Target { tile: tile.name.clone(), geobox, anchor, bbox })
    }
}

fn settings(project: &Project, spec: &ModelSpec) -> Result<Settings, RunError> {
    let variant = project.model.variant.as_ref().map(|v| ("variant", SettingValue::Text(v.clone())));
    if variant.is_some() && project.model.set.contains_key("variant") {
        return Err(project.key_error("model.set.variant", "`model.variant` says it already"));
    }
    let pairs = project.model.set.iter().map(|(k, v)| (k.as_str(), v.clone())).chain(variant);
    Settings::new(spec, pairs).map_err(|e| project.setting_error("model", e))
}

/// Where outputs go, by the project or the command line.
fn out(project: &Project, over: Option<&str>, spool: &Spool) -> Result<Root, RunError> {
    let text = over.map_or_else(|| project.resolve(&project.project.out), str::to_owned);
    let location: Location =
        text.parse().map_err(|e: LocationError| project.setting_error("project.out", e))?;
    Root::at(&location, spool).writable().map_err(|e| project.setting_error("project.out", e))
}
