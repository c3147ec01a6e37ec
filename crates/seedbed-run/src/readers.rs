//! What a tile is read through: its daily inputs and its statics.

use crate::input_reader::InputReader;
use crate::inputs::Static;
use crate::{RunError, Runner};
use rayon::prelude::*;
use seedbed_block::{Period, Real};
use seedbed_grid::Projections;
use seedbed_prep::{PrepError, Target, TileReader};

/// A tile's readers, those of daily inputs and of statics by the model's indices.
pub(crate) struct Readers<'a, T> {
    pub(crate) inputs: Vec<InputReader<'a, T>>,
    pub(crate) statics: Vec<(usize, TileReader<'a, f64>)>,
}

/// Opens a tile's inputs for some days, and its statics.
///
/// # Errors
/// [`RunError::Input`] for a day that can't be read, and what opening brings.
pub(crate) fn open<'a, T: Real>(
    runner: &'a Runner<'a>,
    target: &Target,
    days: Period,
) -> Result<Readers<'a, T>, RunError> {
    let plans = seedbed_prep::Plans::default();
    let mut readers = Readers { inputs: Vec::new(), statics: Vec::new() };
    for input in &runner.inputs {
        let reader = InputReader::open(runner, input, target, days, &plans);
        readers.inputs.push(reader.map_err(|e| runner.input_error("inputs", &input.name, e))?);
    }
    for (index, field) in &runner.statics {
        let Static::Field { series, rules } = field else { continue };
        let (target, rules, plans) = (target.clone(), (**rules).clone(), plans.clone());
        let reader = TileReader::open_static(series, target, rules, plans, &runner.spool, runner.projections);
        readers.statics.push((*index, reader.map_err(|e| runner.input_error("statics", &series.name, e))?));
    }
    Ok(readers)
}

impl Runner<'_> {
    pub(crate) fn input_error(&self, section: &str, name: &str, source: PrepError) -> RunError {
        RunError::Input {
            path: self.project.path.clone(),
            key: format!("{section}.{name}"),
            source: Box::new(source),
        }
    }
}

pub(crate) fn read_statics(
    runner: &Runner<'_>,
    target: &Target,
    readers: Vec<(usize, TileReader<'_, f64>)>,
) -> Result<Vec<(usize, Vec<f64>)>, RunError> {
    let mut values = Vec::new();
    for (index, field) in &runner.statics {
        match field {
            Static::Value(value) => values.push((*index, vec![*value; target.geobox.shape.len()])),
            Static::Latitude => values.push((*index, latitudes(target, runner.projections)?)),
            Static::Field { .. } => {}
        }
    }
    let read = readers.into_par_iter().map(|(index, mut reader)| {
        let read = reader.read_static();
        read.map(|field| (index, field)).map_err(|e| runner.input_error("statics", reader.name(), e))
    });
    // The first that fails is told, whichever came to its end first.
    for field in read.collect::<Vec<_>>() {
        values.push(field?);
    }
    Ok(values)
}

/// Latitude of every pixel's centre, in degrees.
pub(crate) fn latitudes(target: &Target, projections: &dyn Projections) -> Result<Vec<f64>, RunError> {
    let shape = target.geobox.shape;
    let wgs84 = projections.resolve("OGC:CRS84")?;
    let (mut xs, mut ys) = (Vec::with_capacity(shape.len()), Vec::with_capacity(shape.len()));
    for row in 0..shape.rows {
        for col in 0..shape.cols {
            #[expect(clippy::cast_precision_loss, reason = "pixel counts are far below 2^52")]
            let at = target.geobox.affine.apply(col as f64 + 0.5, row as f64 + 0.5);
            xs.push(at.x);
            ys.push(at.y);
        }
    }
    projections.transform(&target.geobox.crs, &wgs84)?.forward(&mut xs, &mut ys);
    Ok(ys)
}
