//! Which items: the flags that every command on items shares.

use crate::failure::Judge;
use seedbed_catalog::{Filter, Glob, Query, parse_interval};
use seedbed_grid::Bbox;

/// Which items are wanted; everything given must hold.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct QueryArgs {
    /// Only items whose id matches one of these patterns (`*`, `?`).
    #[arg(long, value_name = "GLOB", num_args = 1..)]
    ids: Vec<String>,
    /// Only items whose footprint meets this box, in degrees.
    #[arg(long, value_name = "W,S,E,N", allow_hyphen_values = true)]
    bbox: Option<Bbox>,
    /// Only items whose time meets A/B, A/.., ../B, a year, a month or a day.
    #[arg(long, value_name = "A/B")]
    datetime: Option<String>,
    /// Only items of which this CQL2 expression is true.
    #[arg(long, value_name = "CQL2")]
    filter: Option<String>,
}

impl QueryArgs {
    /// As a query.
    pub fn query(&self) -> anyhow::Result<Query> {
        Ok(Query {
            ids: self.ids.iter().map(|glob| Glob::from(glob.as_str())).collect(),
            bbox: self.bbox,
            datetime: self.datetime.as_deref().map(parse_interval).transpose().or_usage()?,
            filter: self.filter.as_deref().map(str::parse::<Filter>).transpose().or_usage()?,
            ..Query::default()
        })
    }
}
