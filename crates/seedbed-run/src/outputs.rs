//! What a project writes: variables, periods and how they are stored.

use crate::project::Format;
use crate::{PeriodKind, Project, RunError};
use seedbed_block::Precision;
use seedbed_model::{Aggregation, Cadence, ModelSpec, OutputSpec, Settings};
use seedbed_raster::DType;
use seedbed_raster::cog::CogOptions;

/// An output variable.
#[derive(Debug, Clone)]
pub(crate) struct Output {
    /// Its place among the model's outputs.
    pub(crate) index: usize,
    pub(crate) name: String,
    pub(crate) unit: String,
    /// Whether its values are whole numbers.
    pub(crate) whole: bool,
    pub(crate) aggregation: Aggregation,
}

/// The variables a project writes, in the project's order.
pub(crate) fn variables(
    project: &Project,
    spec: &ModelSpec,
    settings: &Settings,
) -> Result<Vec<Output>, RunError> {
    let refused = |message: String| project.key_error("output.variables", message);
    let all: Vec<(usize, &OutputSpec)> = spec.outputs_of(settings.variant()).collect();
    let output = |(index, o): &(usize, &OutputSpec)| Output {
        index: *index,
        name: o.name.to_owned(),
        unit: o.unit.to_string(),
        whole: o.whole,
        aggregation: o.aggregation,
    };
    let Some(names) = &project.output.variables else {
        return Ok(all.iter().filter(|(_, o)| o.monthly || o.yearly).map(output).collect());
    };
    let mut chosen: Vec<Output> = Vec::new();
    for name in names {
        let found = all.iter().find(|(_, o)| o.name == name).ok_or_else(|| {
            let there: Vec<&str> = all.iter().map(|(_, o)| o.name).collect();
            let variant = settings.variant();
            refused(format!("variant {variant} has no output `{name}`; it has {}", there.join(", ")))
        })?;
        if chosen.iter().any(|o| o.name == *name) {
            return Err(refused(format!("`{name}` is named twice")));
        }
        chosen.push(output(found));
    }
    if chosen.is_empty() {
        return Err(refused("no variable is named".to_owned()));
    }
    Ok(chosen)
}

/// The kinds of periods, from short to long.
pub(crate) fn periods(project: &Project, spec: &ModelSpec) -> Result<Vec<PeriodKind>, RunError> {
    let usual = || match spec.cadence {
        Cadence::Daily => vec![PeriodKind::Monthly, PeriodKind::Yearly],
        Cadence::Yearly => vec![PeriodKind::Yearly],
    };
    let mut kinds = project.output.periods.clone().unwrap_or_else(usual);
    kinds.sort_unstable();
    kinds.dedup();
    if kinds.is_empty() {
        return Err(project.key_error("output.periods", "no kind of period is named"));
    }
    if spec.cadence == Cadence::Yearly && kinds != [PeriodKind::Yearly] {
        let message = format!("model {} gives one value a year: take `yearly` alone", spec.name);
        return Err(project.key_error("output.periods", message));
    }
    Ok(kinds)
}

/// How values are stored. Where the stored type isn't named, it is that of the
/// computation. An integer type's nodata value is the end of its range where no
/// quantity lies: the lowest number, or the highest where there are no negative ones. Whole
/// numbers need no scale.
pub(crate) fn stored(project: &Project, outputs: &[Output]) -> Result<CogOptions, RunError> {
    let section = &project.output;
    let dtype = section.dtype.unwrap_or(match project.precision() {
        Precision::Single => DType::Float32,
        Precision::Double => DType::Float64,
    });
    if dtype == DType::Int8 {
        return Err(project.key_error("output.dtype", "int8 can't be written everywhere: take int16"));
    }
    let scale = match section.scale {
        None if dtype.is_integer() && !outputs.iter().all(|output| output.whole) => {
            let parts: Vec<&str> = outputs.iter().filter(|o| !o.whole).map(|o| o.name.as_str()).collect();
            let message = format!("{} needs a scale for {}", dtype.name(), parts.join(", "));
            return Err(project.key_error("output.scale", message));
        }
        Some(scale) if scale == 0.0 || !scale.is_finite() => {
            return Err(project.key_error("output.scale", format!("{scale} is no scale")));
        }
        given => given.unwrap_or(1.0),
    };
    let (low, high) = dtype.range();
    let nodata = match dtype.is_integer() {
        true if low < 0.0 => low,
        true => high,
        false => f64::NAN,
    };
    let defaults = CogOptions::default();
    if let (Format::Zarr, Some(compress)) = (section.format, section.compress)
        && compress.is_lerc()
    {
        let message = format!("{compress} is for COGs: take zstd, deflate or none");
        return Err(project.key_error("output.compress", message));
    }
    Ok(CogOptions {
        dtype,
        scale,
        nodata: Some(nodata),
        compress: section.compress.unwrap_or(defaults.compress),
        ..defaults
    })
}
