//! Which items: the flags that every command on items shares.

use crate::failure::Judge;
use seedbed_catalog::{Filter, Glob, Query, parse_interval};
use seedbed_grid::Bbox;

/// Which items are wanted; everything given must hold.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct QueryArgs {
    /// Only items whose id matches one of these patterns (`*`, `?`), which may be separated by commas.
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
            ids: self.ids.iter().flat_map(|text| patterns(text)).map(Glob::from).collect(),
            bbox: self.bbox,
            datetime: self.datetime.as_deref().map(parse_interval).transpose().or_usage()?,
            filter: self.filter.as_deref().map(str::parse::<Filter>).transpose().or_usage()?,
            ..Query::default()
        })
    }
}

/// The patterns of one argument: the whole, since ids may have commas, and what is between its commas.
fn patterns(text: &str) -> impl Iterator<Item = &str> {
    let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    std::iter::once(text).chain(parts.filter(move |part| *part != text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use seedbed_catalog::Item;

    #[test]
    fn patterns_stand_between_commas_and_ids_may_have_some() {
        let args = QueryArgs { ids: vec!["a*, b?".into(), "x,y".into()], ..QueryArgs::default() };
        let query = args.query().unwrap();
        for (id, wanted) in [("abc", true), ("b1", true), ("b12", false), ("x,y", true), ("x", true)] {
            assert_eq!(query.matches(&Item::new(id)).unwrap(), wanted, "{id}");
        }
        assert_eq!(patterns("one").collect::<Vec<_>>(), ["one"]);
        assert_eq!(patterns("a,").collect::<Vec<_>>(), ["a,", "a"]);
    }
}
