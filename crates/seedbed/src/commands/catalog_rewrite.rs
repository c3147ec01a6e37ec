//! `seedbed catalog rewrite`: a tree, whoever wrote it, in another layout.

use crate::context::{Ctx, local_path};
use crate::failure::usage;
use crate::report::{Report, Status, count};
use crate::workplace::Workplace;
use seedbed_catalog::{Hrefs, ItemLayout, Layout, RewriteOptions, Rewritten, Step, Walk, rewrite};
use seedbed_storage::Location;
use serde::Serialize;
use std::io::{self, Write};
use url::Url;

const EXAMPLES: &str = "\
Examples:
  seedbed catalog rewrite https://example.org/stac/catalog.json --out mine
  seedbed catalog rewrite catalog --out flat --item-path '${id}.json'
  seedbed catalog rewrite catalog --out site --published https://example.org/stac
  seedbed catalog rewrite s3://bucket/stac/catalog.json --out mine --by '${year}'

Catalogs and collections nest as they did, and every field and extension stays; with --by
the catalogs within a collection give way to others. Links
within the tree are relative, so that it can be moved as a folder or a bucket's prefix;
hrefs that lead out of it are absolute. The files of assets stay where they are.";

/// Write a catalog anew: other layout, other hrefs, nothing lost.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// A catalog or collection, wherever it is.
    catalog: Location,
    /// The folder of the new catalog.
    #[arg(long, value_name = "CATALOG")]
    out: Location,
    /// An item's document within the folder of its parent, such as ${id}.json.
    #[arg(long, value_name = "TEMPLATE")]
    item_path: Option<ItemLayout>,
    /// Sub-catalogs for the items of collections, such as ${region}/${year}, in the place of those they had.
    #[arg(long, value_name = "TEMPLATE")]
    by: Option<Layout>,
    /// The catalog will be served from this address: documents say so, their links stay relative.
    #[arg(long, value_name = "URL", conflicts_with = "absolute")]
    published: Option<Url>,
    /// The catalog will be served from this address, and every href is written in full.
    #[arg(long, value_name = "URL")]
    absolute: Option<Url>,
    /// Read the catalog, but write nothing.
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, Serialize)]
struct Done {
    dry_run: bool,
    items: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    rewritten: Option<Rewritten>,
    out: Location,
}

impl Report for Done {
    const COMMAND: &'static str = "catalog rewrite";

    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        let items = count(usize::try_from(self.items).unwrap_or(usize::MAX), "item");
        match &self.rewritten {
            None => writeln!(out, "{items} would be written to {}", self.out),
            Some(r) => writeln!(
                out,
                "{items} in {} and {}: {} documents written, {} as they were; {}",
                count(usize::try_from(r.collections).unwrap_or(usize::MAX), "collection"),
                count(usize::try_from(r.catalogs).unwrap_or(usize::MAX), "catalog"),
                r.written,
                r.unchanged,
                r.root
            ),
        }
    }
}

/// Runs the command.
pub async fn run(args: Args, ctx: &Ctx) -> anyhow::Result<Status> {
    if args.by.is_some() && args.absolute.is_some() {
        return Err(usage("--by and --absolute don't go together: split the tree first, then rewrite it"));
    }
    local_path(&args.out)?;
    if args.dry_run {
        let mut items = 0;
        let mut walk = Walk::new(&ctx.stores, &args.catalog);
        while let Some(step) = walk.next().await? {
            items += u64::from(matches!(step, Step::Item(_)));
        }
        ctx.emit(&Done { dry_run: true, items, rewritten: None, out: args.out })?;
        return Ok(Status::Done);
    }
    let hrefs = match (args.published, args.absolute) {
        (Some(url), _) => Hrefs::Published(url),
        (None, Some(url)) => Hrefs::Absolute(url),
        (None, None) => Hrefs::Relative,
    };
    let options = RewriteOptions { hrefs, item: args.item_path.unwrap_or_default(), by: args.by };
    let workplace = Workplace::of(&args.out, "rewrite")?;
    let rewritten = rewrite(&ctx.stores, &args.catalog, &args.out, &options, workplace.path()).await?;
    drop(workplace);
    ctx.emit(&Done { dry_run: false, items: rewritten.items, rewritten: Some(rewritten), out: args.out })?;
    Ok(Status::Done)
}
