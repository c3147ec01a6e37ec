//! From a definition to the specification that every model has.

use crate::Definition;
use crate::definition::{FromGrid, Input};
use seedbed_model::{Fallback, InputSpec, ModelSpec, OutputSpec, ParameterSpec, SwitchSpec, VariantSpec};

/// A specification made from a definition. A process knows a handful of models, which
/// live as long as it does: so do their texts.
pub(crate) fn of(definition: &Definition) -> ModelSpec {
    let d = definition;
    let variant = |name, doc| VariantSpec { name, doc, lenient: false, sums_first_day: true };
    let variants: Vec<VariantSpec> = match &d.variants[..] {
        [] => vec![variant("default", "the only one")],
        some => some.iter().map(|v| variant(text(&v.name), text(&v.doc))).collect(),
    };
    ModelSpec {
        name: text(&d.name),
        title: text(&d.title),
        revision: d.revision,
        cadence: d.cadence,
        stores: d.states.len(),
        variants: variants.leak(),
        inputs: d.inputs.iter().map(input).collect(),
        statics: d.statics.iter().map(input).collect(),
        orders: &[],
        parameters: d
            .parameters
            .iter()
            .map(|p| ParameterSpec {
                name: text(&p.name),
                default: p.default,
                range: (p.range[0], p.range[1]),
                unit: text(&p.unit),
                calibrated_for: None,
                doc: text(&p.doc),
            })
            .collect(),
        switches: d
            .switches
            .iter()
            .map(|s| SwitchSpec { name: text(&s.name), on_in: texts(&s.on_in), doc: text(&s.doc) })
            .collect(),
        outputs: d
            .outputs
            .iter()
            .map(|o| OutputSpec {
                name: text(&o.name),
                unit: o.unit,
                whole: false,
                aggregation: o.aggregation,
                monthly: o.usual,
                yearly: o.usual,
                absent_in: texts(&o.absent_in),
                doc: text(&o.doc),
            })
            .collect(),
        references: texts(&d.references),
    }
}

fn input(i: &Input) -> InputSpec {
    let fallback = match (i.from_grid, i.value) {
        (Some(FromGrid::Latitude), _) => Fallback::Latitude,
        (None, Some(value)) => Fallback::Value(value),
        (None, None) => Fallback::Nothing,
    };
    InputSpec {
        name: text(&i.name),
        aliases: texts(&i.aliases),
        unit: i.unit,
        range: (i.range[0], i.range[1]),
        mask: false,
        required: !i.optional && fallback == Fallback::Nothing,
        fallback,
        used_in: texts(&i.used_in),
        doc: text(&i.doc),
    }
}

fn text(text: &str) -> &'static str {
    text.to_owned().leak()
}

fn texts(list: &[String]) -> &'static [&'static str] {
    list.iter().map(|t| text(t)).collect::<Vec<_>>().leak()
}
