//! Which rasters: the flags of commands that read a product's values.

use crate::context::Ctx;
use seedbed_catalog::ItemCollection;
use seedbed_prep::{Expected, PrepError, Root, Spool, Stack, Wanted};
use seedbed_storage::Location;
use std::path::Path;

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
        if let Some(product) = tokio::task::block_in_place(|| product_at(&self.catalog, spool))? {
            let open = || Stack::of_product(&product, &wanted, spool, &ctx.projections);
            return Ok(tokio::task::block_in_place(open)?);
        }
        let items = ItemCollection::read(&ctx.stores, &self.catalog).await?.items;
        let what = self.catalog.to_string();
        let open = || Stack::of_items(&items, &what, &wanted, spool, &ctx.projections);
        Ok(tokio::task::block_in_place(open)?)
    }
}

/// The product that is named by its folder or its catalog; nothing where it is another catalog.
pub fn product_at(catalog: &Location, spool: &Spool) -> Result<Option<Root>, PrepError> {
    let is_document =
        |name: &str| Path::new(name).extension().is_some_and(|e| DOCUMENTS.iter().any(|d| e == *d));
    let root = match (catalog.as_path(), catalog.file_name()) {
        (Some(path), _) if path.is_dir() => Root::at(catalog, spool),
        (_, Some("catalog.json")) => {
            catalog.parent().map_or_else(Root::default, |root| Root::at(&root, spool))
        }
        (Some(_), _) => return Ok(None),
        (None, name) if name.is_some_and(is_document) => return Ok(None),
        (None, _) => Root::at(catalog, spool),
    };
    Ok(Expected::is_at(&root)?.then_some(root))
}

/// Endings of files that are no folders of a store.
const DOCUMENTS: [&str; 4] = ["json", "ndjson", "geojson", "parquet"];
