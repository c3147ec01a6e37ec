//! Where a catalog's documents go and how they point at one another: flags of
//! every command that writes a tree.

use crate::failure::{Judge, usage};
use seedbed_catalog::{Hrefs, ItemLayout, Layout, WriteOptions};
use seedbed_storage::Location;
use url::Url;

/// Layout and hrefs.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct PlacingArgs {
    /// Sub-catalogs of the collection, such as ${region}/${year}; ${year}, ${month}, ${day}, ${collection} or a property; ${tile:-none} for items without it.
    #[arg(long, value_name = "TEMPLATE")]
    by: Option<Layout>,
    /// Catalogs between the root and the collection, such as climate/daymet.
    #[arg(long, value_name = "NAME[/NAME]")]
    under: Option<String>,
    /// An item's document within the folder of its parent: ${id}/${id}.json if not given.
    #[arg(long, value_name = "TEMPLATE")]
    item_path: Option<ItemLayout>,
    /// The catalog will be served from this address: documents say so, their links stay relative.
    #[arg(long, value_name = "URL", conflicts_with = "absolute")]
    published: Option<Url>,
    /// The catalog will be served from this address, and every href is written in full.
    #[arg(long, value_name = "URL")]
    absolute: Option<Url>,
}

impl PlacingArgs {
    /// As options for a catalog at `out`, a new root being named after its folder.
    pub fn options(&self, out: &Location) -> anyhow::Result<WriteOptions> {
        let absolute = out.absolute().or_usage()?;
        let folder =
            if absolute.file_name() == Some("catalog.json") { absolute.parent() } else { Some(absolute) };
        let name = folder.as_ref().and_then(Location::file_name).unwrap_or("catalog").to_owned();
        let under: Vec<String> =
            self.under.iter().flat_map(|path| path.split('/')).map(str::to_owned).collect();
        if under.iter().any(|name| name.trim().is_empty()) {
            return Err(usage("--under has an empty name: write climate/daymet"));
        }
        let hrefs = match (&self.published, &self.absolute) {
            (Some(url), _) => Hrefs::Published(url.clone()),
            (None, Some(url)) => Hrefs::Absolute(url.clone()),
            (None, None) => Hrefs::Relative,
        };
        Ok(WriteOptions {
            id: name,
            under,
            by: self.by.clone(),
            item: self.item_path.clone().unwrap_or_default(),
            hrefs,
            ..WriteOptions::default()
        })
    }
}
