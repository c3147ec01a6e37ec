//! Which rasters: the flags of commands that read a product's values.

use crate::context::Ctx;
use seedbed_catalog::ItemCollection;
use seedbed_prep::{Spool, Stack, Wanted};
use seedbed_storage::Location;

/// A product, or items whose rasters lie on one grid.
#[derive(Debug, Clone, clap::Args)]
pub struct StackArgs {
    /// A product of run, prep, composite or mosaic; or a catalog or items file of rasters on
    /// one grid.
    catalog: Location,
    /// Only these variables: asset keys.
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    variables: Vec<String>,
    /// Only these periods, by their names; 2003 also stands for its months and days.
    #[arg(long, value_name = "PERIOD,…", value_delimiter = ',')]
    periods: Vec<String>,
}

impl StackArgs {
    /// Plans what is to be read.
    pub async fn open(&self, ctx: &Ctx, spool: &Spool) -> anyhow::Result<Stack> {
        let wanted = Wanted { variables: self.variables.clone(), periods: self.periods.clone() };
        let product = self.catalog.as_path().filter(|path| {
            let root = if path.is_dir() { Some(*path) } else { path.parent() };
            let is_catalog = path.is_dir() || path.file_name().is_some_and(|name| name == "catalog.json");
            is_catalog && root.is_some_and(|root| root.join("expected.json").exists())
        });
        if let Some(path) = product {
            let open = || Stack::of_product(path, &wanted, spool, &ctx.projections);
            return Ok(tokio::task::block_in_place(open)?);
        }
        let items = ItemCollection::read(&ctx.stores, &self.catalog).await?.items;
        let what = self.catalog.to_string();
        let open = || Stack::of_items(&items, &what, &wanted, spool, &ctx.projections);
        Ok(tokio::task::block_in_place(open)?)
    }
}
