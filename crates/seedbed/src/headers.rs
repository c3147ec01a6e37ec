//! The headers of remote files, held against the items that a crawl made of them.

use crate::context::Ctx;
use seedbed_catalog::Item;
use seedbed_prep::{Difference, Inspected, Inspector, one_line};
use serde::Serialize;
use std::collections::HashSet;
use std::io::{self, Write};
use std::path::Path;

/// Which headers are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Headers {
    /// The first of every asset on every grid.
    First,
    /// All.
    All,
}

/// The most differences and unread files that are listed.
const MOST: usize = 10_000;

/// What the headers say.
#[derive(Debug, Default, Serialize)]
pub struct Opened {
    /// How many headers were read.
    pub headers: u64,
    /// How many claims they contradict, and the first of them.
    pub difference_count: u64,
    pub differences: Vec<Difference>,
    /// Files whose header could not be read, each with the reason.
    pub unread: Vec<Unread>,
}

/// A file whose header could not be read.
#[derive(Debug, Serialize)]
pub struct Unread {
    pub item: String,
    pub asset: String,
    pub reason: String,
}

impl Opened {
    /// Writes it for people.
    pub fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        for d in &self.differences {
            let Difference { item, asset, field, claimed, found } = d;
            writeln!(out, "differs: {item} {asset}: {field}: the item says {claimed}; the file: {found}")?;
        }
        for u in &self.unread {
            writeln!(out, "unread: {} {}: {}", u.item, u.asset, u.reason)?;
        }
        writeln!(
            out,
            "headers: {} read, {} claims contradicted, {} could not be read",
            self.headers,
            self.difference_count,
            self.unread.len()
        )
    }
}

/// Reads headers as items come by.
pub struct Inspection<'a> {
    which: Headers,
    inspector: Inspector<'a>,
    seen: HashSet<String>,
    opened: Opened,
}

impl<'a> Inspection<'a> {
    /// Fetches files of up to `limit` bytes whole into `folder`, where their format needs that.
    pub fn new(which: Headers, limit: u64, folder: &Path, ctx: &'a Ctx) -> Self {
        let inspector = Inspector {
            stores: ctx.stores.clone(),
            runtime: tokio::runtime::Handle::current(),
            folder: folder.to_owned(),
            limit,
            projections: &ctx.projections,
            fetched: None,
        };
        Self { which, inspector, seen: HashSet::new(), opened: Opened::default() }
    }

    /// Reads the headers of an item's assets, as far as they are wanted.
    pub fn look(&mut self, item: &Item) {
        for (key, asset) in item.assets() {
            let place = ["proj:shape", "proj:transform"].map(|f| asset.field(f).map(ToString::to_string));
            let kind = format!("{key} {place:?}");
            let data = asset.roles().all(|role| matches!(role, "data"));
            if !data || self.which == Headers::First && !self.seen.insert(kind) {
                continue;
            }
            let found = tokio::task::block_in_place(|| self.inspector.inspect(item, key));
            let reason = match found {
                Ok(Inspected::Read(differences)) => {
                    self.opened.headers += 1;
                    self.opened.difference_count += differences.len() as u64;
                    let room = MOST.saturating_sub(self.opened.differences.len());
                    self.opened.differences.extend(differences.into_iter().take(room));
                    continue;
                }
                Ok(Inspected::TooLarge(bytes)) => {
                    format!(
                        "its format has to be read whole, and its {} are more than --open-limit",
                        crate::report::bytes(bytes)
                    )
                }
                Err(error) => one_line(&error),
            };
            if self.opened.unread.len() < MOST {
                self.opened.unread.push(Unread { item: item.id().to_owned(), asset: key.to_owned(), reason });
            }
        }
    }

    /// What was found.
    pub fn finish(self) -> Opened {
        self.opened
    }
}
