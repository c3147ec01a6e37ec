//! What a command line says over a project file, the same for all commands that take one.

use crate::selection::pair;
use seedbed_block::Period;
use seedbed_run::{InputSource, Overrides};
use seedbed_storage::Location;

/// What of a project file is otherwise this time.
#[derive(Debug, Clone, clap::Args)]
pub struct Over {
    /// Other items for an input.
    #[arg(long, value_name = "NAME=ITEMS", value_parser = pair)]
    items: Vec<(String, String)>,
    /// Another place for the outputs.
    #[arg(long, value_name = "LOCATION")]
    out: Option<Location>,
    /// The days that are asked for: A/B, a year or a month.
    ///
    /// A part of the project's period is run from the project's first day on, or from a checkpoint, so that its products
    /// are those of the whole. Other days that don't begin with the project's are another run: it is refused the place
    /// of the project's products, and needs another --out.
    #[arg(long, value_name = "A/B")]
    period: Option<Period>,
}

impl Over {
    /// As the runner takes it.
    pub fn overrides(self) -> anyhow::Result<Overrides> {
        let items = self.items.into_iter().map(|(name, items)| {
            // A plan may be taken up from another folder.
            let items = items.parse::<Location>()?.absolute()?.to_string();
            anyhow::Ok(InputSource { name, items })
        });
        Ok(Overrides {
            out: self.out.map(|out| out.to_string()),
            period: self.period,
            items: items.collect::<Result<_, _>>()?,
            ..Overrides::default()
        })
    }

    /// The first flag that was given, if any was.
    pub fn given(&self) -> Option<&'static str> {
        let Self { items, out, period } = self;
        let given =
            [(!items.is_empty(), "--items"), (out.is_some(), "--out"), (period.is_some(), "--period")];
        given.into_iter().find_map(|(given, flag)| given.then_some(flag))
    }
}
