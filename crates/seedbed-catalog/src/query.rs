//! Which items are wanted.

use crate::time::DateInterval;
use crate::{CatalogError, Filter, Glob, Item, geometry};
use seedbed_grid::Bbox;
use serde_json::Value;
use std::str::FromStr;

/// A selection of items; every condition that is given must hold, and an empty
/// query selects everything.
///
/// ```
/// use seedbed_catalog::{Item, Query};
/// let query = Query { ids: vec!["*-2003".into()], ..Query::default() };
/// assert!(query.matches(&Item::new("daymet-2003"))?);
/// # Ok::<(), seedbed_catalog::CatalogError>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Query {
    /// The id matches one of these patterns.
    pub ids: Vec<Glob>,
    /// The collection is one of these.
    pub collections: Vec<String>,
    /// The footprint meets this box in WGS 84 (west > east: across the antimeridian).
    pub bbox: Option<Bbox>,
    /// The footprint meets this area.
    pub intersects: Option<Area>,
    /// The item's time, from its first to its last day, meets this interval.
    pub datetime: Option<DateInterval>,
    /// A CQL2 filter is true; where a property is absent it isn't.
    pub filter: Option<Filter>,
    /// At most so many items, the first ones.
    pub limit: Option<usize>,
}

/// A geometry in WGS 84, as GeoJSON and as shapes.
#[derive(Debug, Clone)]
pub struct Area {
    geojson: geojson::Geometry,
    shape: geo::Geometry,
}

impl FromStr for Area {
    type Err = CatalogError;

    fn from_str(text: &str) -> Result<Self, CatalogError> {
        Self::from_text(text, "the area")
    }
}

impl Area {
    /// Takes a GeoJSON geometry, feature or feature collection; `at` names its
    /// file in errors.
    ///
    /// # Errors
    /// [`CatalogError::Geometry`] or [`CatalogError::Document`].
    pub fn from_value(value: &Value, at: &str) -> Result<Self, CatalogError> {
        let shape = geometry::parse(value, at)?;
        if geometry::has_flat_ring(&shape) {
            return Err(CatalogError::document(at, geometry::FLAT));
        }
        Ok(Self { geojson: geojson::Geometry::from(&shape), shape })
    }

    /// Takes WKT or the text of a GeoJSON geometry, feature or feature collection;
    /// `at` names its source in errors.
    ///
    /// # Errors
    /// As [`Area::from_value`].
    pub fn from_text(text: &str, at: &str) -> Result<Self, CatalogError> {
        let text = text.trim();
        if text.starts_with('{') {
            let value: Value = serde_json::from_str(text).map_err(|source| CatalogError::Json {
                at: at.to_owned(),
                line: None,
                source,
            })?;
            return Self::from_value(&value, at);
        }
        // CQL2 has a reader of WKT.
        let geometry: Result<cql2::Expr, _> = text.parse();
        match geometry.map(serde_json::to_value) {
            Ok(Ok(value)) if value["type"].is_string() => Self::from_value(&value, at),
            _ => Err(CatalogError::document(at, "this is neither GeoJSON nor WKT")),
        }
    }

    /// As a GeoJSON geometry.
    #[must_use]
    pub fn geojson(&self) -> &geojson::Geometry {
        &self.geojson
    }
}

impl Query {
    /// Whether an item meets every condition (the limit aside).
    ///
    /// # Errors
    /// [`CatalogError::Geometry`] if the item's geometry is needed and
    /// malformed; [`CatalogError::Filter`].
    pub fn matches(&self, item: &Item) -> Result<bool, CatalogError> {
        let id_fits = self.ids.is_empty() || self.ids.iter().any(|glob| glob.matches(item.id()));
        let collection_fits = self.collections.is_empty()
            || item.collection().is_some_and(|c| self.collections.iter().any(|wanted| wanted == c));
        if !(id_fits && collection_fits && self.meets_time(item) && self.meets_place(item)?) {
            return Ok(false);
        }
        self.filter.as_ref().map_or(Ok(true), |filter| filter.matches(item))
    }

    /// The items that match, in their order, up to the limit.
    ///
    /// # Errors
    /// As [`Query::matches`].
    pub fn select<'a>(&self, items: &'a [Item]) -> Result<Vec<&'a Item>, CatalogError> {
        let matching = items.iter().filter_map(|item| match self.matches(item) {
            Ok(false) => None,
            Ok(true) => Some(Ok(item)),
            Err(error) => Some(Err(error)),
        });
        matching.take(self.limit.unwrap_or(usize::MAX)).collect()
    }

    fn meets_time(&self, item: &Item) -> bool {
        let Some((from, to)) = self.datetime else { return true };
        let (Some(start), Some(end)) = (item.start(), item.end()) else { return false };
        from.is_none_or(|from| end >= from) && to.is_none_or(|to| start <= to)
    }

    fn meets_place(&self, item: &Item) -> Result<bool, CatalogError> {
        if self.bbox.is_none() && self.intersects.is_none() {
            return Ok(true);
        }
        let Some(footprint) = geometry::footprint(item)? else { return Ok(false) };
        Ok(self.bbox.is_none_or(|bbox| geometry::intersects(&geometry::of_bbox(bbox), &footprint))
            && self.intersects.as_ref().is_none_or(|area| geometry::intersects(&area.shape, &footprint)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse_interval;
    use serde_json::json;

    fn item() -> Item {
        let mut item = Item::new("MOD13Q1.A2003097.h12v04");
        item.set_field("collection", json!("mod13q1"));
        item.set_field("bbox", json!([-80, 40, -70, 50]));
        // A triangle: its box's south-east corner is not covered.
        item.set_field(
            "geometry",
            json!({"type": "Polygon", "coordinates": [[[-80, 40], [-70, 50], [-80, 50], [-80, 40]]]}),
        );
        item.set_property("datetime", Value::Null);
        item.set_property("start_datetime", json!("2003-04-07T00:00:00Z"));
        item.set_property("end_datetime", json!("2003-04-22T23:59:59Z"));
        item.set_property("platform", json!("terra"));
        item.set_property("eo:cloud_cover", json!(12.5));
        item.set_property("modis:tile", json!({"h": 12, "v": 4}));
        item
    }

    #[test]
    fn every_condition_must_hold() {
        let none = Query::default();
        assert!(none.matches(&item()).unwrap());
        for (query, is) in [
            (Query { ids: vec!["*h12v04".into(), "nothing".into()], ..none.clone() }, true),
            (Query { ids: vec!["*h12v05".into()], ..none.clone() }, false),
            (Query { collections: vec!["mod13q1".into()], ..none.clone() }, true),
            (Query { collections: vec!["mod13a1".into()], ..none.clone() }, false),
            (Query { bbox: Some("-79,48,-78,49".parse().unwrap()), ..none.clone() }, true),
            (Query { bbox: Some("-71,40,-70,41".parse().unwrap()), ..none.clone() }, false),
            (Query { ids: vec!["MOD*".into()], collections: vec!["x".into()], ..none.clone() }, false),
        ] {
            assert_eq!(query.matches(&item()).unwrap(), is, "{query:?}");
        }
    }

    #[test]
    fn times_overlap_by_whole_days() {
        for (interval, is) in [
            ("2003-04-22", true),
            ("2003-04-23", false),
            ("../2003-04-07", true),
            ("../2003-04-06", false),
            ("2003", true),
            ("2003-04-10/..", true),
            ("2004/..", false),
        ] {
            let query = Query { datetime: Some(parse_interval(interval).unwrap()), ..Query::default() };
            assert_eq!(query.matches(&item()).unwrap(), is, "{interval}");
        }
        let timeless = Item::new("static");
        let query = Query { datetime: Some(parse_interval("2003").unwrap()), ..Query::default() };
        assert!(!query.matches(&timeless).unwrap());
    }

    #[test]
    fn areas_meet_footprints_not_boxes() {
        let area = |lon: f64, lat: f64| {
            let value = json!({"type": "Feature", "properties": {}, "geometry":
                {"type": "Polygon", "coordinates": [[[lon, lat], [lon + 0.5, lat], [lon, lat + 0.5], [lon, lat]]]}});
            Query { intersects: Some(Area::from_value(&value, "aoi").unwrap()), ..Query::default() }
        };
        assert!(area(-79.0, 48.0).matches(&item()).unwrap());
        assert!(!area(-71.0, 40.5).matches(&item()).unwrap());
    }

    #[test]
    fn boxes_across_the_antimeridian_find_both_sides() {
        let fiji = Query { bbox: Some("177,-20,-178,-12".parse().unwrap()), ..Query::default() };
        let near = |bbox: Value| {
            let mut item = Item::new("i");
            item.set_field("bbox", bbox);
            fiji.matches(&item).unwrap()
        };
        assert!(near(json!([178, -16, 179, -15])) && near(json!([-179, -16, -178.5, -15])));
        assert!(near(json!([179, -16, -179, -15])) && near(json!([-180, -90, 180, 90])));
        assert!(!near(json!([-177, -16, 176, -15])) && !near(json!([178, 0, 179, 1])));
    }

    #[test]
    fn cql2_filters_look_at_properties_and_fields() {
        for (text, is) in [
            ("platform = 'terra'", true),
            ("platform = 'aqua'", false),
            ("eo:cloud_cover < 20 AND platform IN ('terra', 'aqua')", true),
            ("id LIKE 'MOD13Q1%'", true),
            ("collection = 'mod13q1' AND NOT eo:cloud_cover > 20", true),
            ("start_datetime >= TIMESTAMP('2003-04-01T00:00:00Z')", true),
            ("start_datetime >= TIMESTAMP('2003-05-01T00:00:00Z')", false),
            ("S_INTERSECTS(geometry, POINT(-79 48))", true),
            ("S_INTERSECTS(geometry, POINT(-71 41))", false),
            ("nothing_like_it = 1", false),
            ("nothing_like_it IS NULL", true),
            (r#"{"op": "=", "args": [{"property": "platform"}, "terra"]}"#, true),
        ] {
            let query = Query { filter: Some(text.parse().unwrap()), ..Query::default() };
            assert_eq!(query.matches(&item()).unwrap(), is, "{text}");
        }
    }

    #[test]
    fn a_filter_that_cannot_be_evaluated_names_the_item() {
        let query = Query { filter: Some("modis:tile = 3".parse().unwrap()), ..Query::default() };
        let error = query.matches(&item()).unwrap_err();
        assert!(error.to_string().contains("MOD13Q1.A2003097"), "{error}");
        assert!("platform = = 3".parse::<Filter>().unwrap_err().is_usage());
    }

    #[test]
    fn the_limit_takes_the_first() {
        let items = [Item::new("a"), Item::new("b"), Item::new("c")];
        let query = Query { limit: Some(2), ..Query::default() };
        let ids: Vec<&str> = query.select(&items).unwrap().iter().map(|i| i.id()).collect();
        assert_eq!(ids, ["a", "b"]);
    }
}
