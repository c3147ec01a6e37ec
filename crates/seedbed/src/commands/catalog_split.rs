//! `seedbed catalog split`: a tree's items sorted into sub-catalogs.

use crate::context::{Ctx, local_path};
use crate::report::{Report, Status, count};
use crate::workplace::Workplace;
use seedbed_catalog::{Layout, Split, Step, Walk, split, splittable};
use seedbed_storage::Location;
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::{self, Write};

const EXAMPLES: &str = "\
Examples:
  seedbed catalog split catalog --by '${region}/${year}'
  seedbed catalog split catalog --by '${year}/${month}' --dry-run
  seedbed catalog split catalog/mod13q1/collection.json --by '${tile:-none}'

${year}, ${month}, ${day} and ${date} are those of an item's datetime, else of its
start; ${id} and ${collection} are its own; other names are properties, and after `:-`
is what stands for one that an item lacks. The catalog is changed where it is: files of
assets stay, and hrefs go on leading to them. Running it again changes nothing; a run
that was interrupted is finished by the next. What is split already is sorted by another
template only into a new catalog: seedbed catalog rewrite CATALOG --out NEW --by TEMPLATE.";

/// Sort a catalog's items into sub-catalogs, in place.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// A catalog or collection on this machine.
    catalog: Location,
    /// The sub-catalogs, one within the other, as a template.
    #[arg(long, value_name = "TEMPLATE")]
    by: Layout,
    /// Say which sub-catalogs there would be, and change nothing.
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, Serialize)]
struct Done {
    dry_run: bool,
    #[serde(flatten)]
    split: Split,
}

impl Report for Done {
    const COMMAND: &'static str = "catalog split";

    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        let s = &self.split;
        writeln!(
            out,
            "{} moved into {}, {} where they belong; {}",
            count(usize::try_from(s.moved).unwrap_or(usize::MAX), "item"),
            count(usize::try_from(s.catalogs).unwrap_or(usize::MAX), "new sub-catalog"),
            s.unchanged,
            s.root
        )
    }
}

#[derive(Debug, Serialize)]
struct Planned {
    dry_run: bool,
    /// How many items each sub-catalog would have.
    sub_catalogs: BTreeMap<String, u64>,
}

impl Report for Planned {
    const COMMAND: &'static str = "catalog split";

    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        for (name, items) in &self.sub_catalogs {
            writeln!(out, "{name}: {}", count(usize::try_from(*items).unwrap_or(usize::MAX), "item"))?;
        }
        Ok(())
    }
}

/// Runs the command.
pub async fn run(args: Args, ctx: &Ctx) -> anyhow::Result<Status> {
    let path = local_path(&args.catalog)?;
    std::fs::metadata(&path)
        .map_err(|e| anyhow::Error::new(e).context(format!("cannot read {}", args.catalog)))?;
    if args.dry_run {
        splittable(&ctx.stores, &args.catalog, &args.by).await?;
        let mut sub_catalogs = BTreeMap::new();
        let mut walk = Walk::new(&ctx.stores, &args.catalog);
        while let Some(step) = walk.next().await? {
            if let Step::Item(leaf) = step {
                let item = leaf.item()?;
                let names = args.by.fill(&item)?.join("/");
                let name = item.collection().map_or(names.clone(), |c| format!("{c}: {names}"));
                *sub_catalogs.entry(name).or_insert(0) += 1;
            }
        }
        ctx.emit(&Planned { dry_run: true, sub_catalogs })?;
        return Ok(Status::Done);
    }
    let workplace = Workplace::of(&args.catalog, "split")?;
    let split = split(&ctx.stores, &args.catalog, &args.by, workplace.path()).await?;
    drop(workplace);
    ctx.emit(&Done { dry_run: false, split })?;
    Ok(Status::Done)
}
