//! A commented project file, made from a model's own description.

use seedbed_model::{Cadence, Fallback, ModelSpec};
use std::fmt::Write as _;

/// The text of a project file for a model, every input, static and parameter
/// with its unit and meaning; `name` is what the file calls the model by.
#[must_use]
pub fn template(spec: &ModelSpec, name: &str) -> String {
    let mut text = String::new();
    // Writing into a String can't fail.
    let _ = write_template(&mut text, spec, name);
    text
}

fn write_template(text: &mut String, spec: &ModelSpec, model: &str) -> std::fmt::Result {
    writeln!(text, "# {}", spec.title)?;
    writeln!(text, "# Relative paths count from this file. Run with: seedbed run seedbed.toml\n")?;
    writeln!(text, "[project]\nname = \"{}\"", spec.name)?;
    writeln!(text, "out = \"out\"")?;
    writeln!(text, "period = \"2003-01-01/2004-12-31\"  # first and last day, both included")?;
    writeln!(
        text,
        "leap = \"repeat\"  # a day an input's calendar leaves out: error, repeat (the day before), \
         interpolate or missing\n"
    )?;
    writeln!(text, "[grid]\nfile = \"tiles.grid.json\"  # made by: seedbed grid\n")?;
    for input in &spec.inputs {
        let mark = if input.required { "" } else { "# " };
        writeln!(text, "{mark}[inputs.{}]  # {}, {}", input.name, input.doc, input.unit)?;
        if let Some(instead) = instead(input.fallback) {
            writeln!(text, "# without it: {instead}")?;
        }
        writeln!(text, "{mark}items = \"catalog/catalog.json\"")?;
        writeln!(text, "{mark}asset = \"{}\"", input.name)?;
        if input.name == "ndvi" {
            writeln!(
                text,
                "{mark}time = \"composite\"  # 16-day composites, linear between them; or composite-day; or climatology"
            )?;
            writeln!(
                text,
                "# bridge = \"48d\"  # the longest gap between two valid ones; without it none between daily layers"
            )?;
            writeln!(
                text,
                "# (from other sources in other years: [[inputs.{}.switch]], each with a period and items)",
                input.name
            )?;
        }
        writeln!(text, "# unit = \"{}\"  # where items and files don't say", input.unit)?;
        writeln!(text, "# resampling = \"bilinear\"  # nearest, bilinear, cubic, average …\n")?;
    }
    for field in &spec.statics {
        let mark = if field.required { "" } else { "# " };
        writeln!(text, "{mark}[statics.{}]  # {}, {}", field.name, field.doc, field.unit)?;
        writeln!(text, "{mark}href = \"statics/{}.tif\"  # or: value = 1.0", field.name)?;
        writeln!(text, "{mark}unit = \"{}\"", field.unit)?;
        writeln!(
            text,
            "# classes = {{ 11 = 0.0, 41 = 1.0 }}  # where href is of classes: the values of each"
        )?;
        writeln!(text, "# other = 0.0  # and of all others\n")?;
    }
    writeln!(text, "[model]\nname = {model:?}")?;
    for (n, variant) in spec.variants.iter().enumerate() {
        let mark = if n == 0 { "" } else { "# " };
        writeln!(text, "{mark}variant = \"{}\"  # {}", variant.name, variant.doc)?;
    }
    writeln!(text, "# precision = \"f64\"  # else f32; outputs of dtype float64 are computed in f64 anyway")?;
    if spec.cadence == Cadence::Daily {
        writeln!(
            text,
            "# spin_up = {{ years = 1, cycles = 5 }}  # the run's first year, five times over, before its \
             first day; or period = \"1980/1989\""
        )?;
    }
    writeln!(text, "# state = \"../before/out\"  # go on from the state that another run kept")?;
    writeln!(text, "\n[model.set]")?;
    for p in &spec.parameters {
        let default = p.default.map_or_else(|| "0.0".to_owned(), |d| format!("{d:?}"));
        let mark = if p.default.is_some() { "# " } else { "" };
        // A default that belongs to an input is never stated for the user: where
        // the input is computed instead, the run asks for a value.
        let where_needed = p
            .calibrated_for
            .map_or_else(String::new, |input| format!("; state it where no `{input}` is given"));
        writeln!(text, "{mark}{} = {default}  # {} ({}){where_needed}", p.name, p.doc, p.unit)?;
    }
    let usual: Vec<String> =
        spec.outputs.iter().filter(|o| o.monthly || o.yearly).map(|o| format!("\"{}\"", o.name)).collect();
    let periods = match spec.cadence {
        Cadence::Daily => "[\"monthly\", \"yearly\"]  # also: daily",
        Cadence::Yearly => "[\"yearly\"]",
    };
    writeln!(text, "\n[output]\nperiods = {periods}")?;
    writeln!(
        text,
        "# checkpoints = \"yearly\"  # what a run that was cut goes on from: yearly, monthly or none"
    )?;
    writeln!(text, "# state = true  # keep each tile's state behind the last day, for a run that goes on")?;
    writeln!(text, "variables = [{}]", usual.join(", "))?;
    writeln!(text, "# dtype = \"float64\"  # else float32; or int16 and the like, with scale = 0.1")?;
    writeln!(
        text,
        "# format = \"zarr\"  # a cube for each year of a variable; else cog, a file for each period"
    )?;
    writeln!(
        text,
        "# mask = \"aoi\"  # only pixels of the area in [grid], or of a file of polygons\n\
         # mask_rule = \"centre\"  # those whose centre lies in it; or touched"
    )
}

fn instead(fallback: Fallback) -> Option<String> {
    match fallback {
        Fallback::MeanOfTminTmax => Some("the mean of tmin and tmax".to_owned()),
        Fallback::HargreavesSamani => Some("Hargreaves–Samani from tmin, tmax and latitude".to_owned()),
        Fallback::DayLength => Some("the day's length by date and latitude".to_owned()),
        Fallback::Own(estimate) => Some(estimate.to_owned()),
        Fallback::Latitude => Some("latitude of the pixels' centres".to_owned()),
        Fallback::Value(v) => Some(format!("{v} everywhere")),
        Fallback::Nothing => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Project;
    use std::path::Path;

    #[test]
    fn every_template_is_a_project_file_that_states_no_default() {
        for model in seedbed_model::models() {
            let project =
                Project::from_toml(Path::new("seedbed.toml"), &template(model.spec(), model.spec().name))
                    .unwrap();
            assert_eq!(project.model.name, model.spec().name);
            assert!(project.model.set.is_empty(), "{:?}", project.model.set);
        }
    }
}
