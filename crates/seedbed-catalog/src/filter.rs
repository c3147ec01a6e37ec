//! CQL2 filters, judged here.

use crate::time::INSTANTS;
use crate::{CatalogError, Item, geometry};
use cql2::Expr;
use serde_json::Value;
use std::fmt;
use std::str::FromStr;

/// The operators that are judged here.
const KNOWN: [&str; 49] = [
    "and",
    "or",
    "not",
    "=",
    "<>",
    ">",
    ">=",
    "<",
    "<=",
    "like",
    "between",
    "in",
    "isNull",
    "casei",
    "accenti",
    "+",
    "-",
    "*",
    "/",
    "%",
    "^",
    "div",
    "s_equals",
    "s_intersects",
    "s_disjoint",
    "s_touches",
    "s_within",
    "s_overlaps",
    "s_crosses",
    "s_contains",
    "t_before",
    "t_after",
    "t_meets",
    "t_metBy",
    "t_overlaps",
    "t_overlappedBy",
    "t_starts",
    "t_startedBy",
    "t_during",
    "t_contains",
    "t_finishes",
    "t_finishedBy",
    "t_equals",
    "t_disjoint",
    "t_intersects",
    "a_equals",
    "a_contains",
    "a_containedBy",
    "a_overlaps",
];

/// A CQL2 filter, in its text or its JSON form.
///
/// A `datetime` that an item lacks stands for the time from its start to its
/// end: a comparison is true if it is of some moment in between.
///
/// ```
/// use seedbed_catalog::Filter;
/// let filter: Filter = "platform = 'terra' AND gsd <= 500".parse()?;
/// assert!("platform = = 'terra'".parse::<Filter>().is_err());
/// # Ok::<(), seedbed_catalog::CatalogError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Filter {
    text: String,
    expression: Expr,
    /// With instants compared as such.
    of_moments: Expr,
    /// With `datetime` taken for the time between start and end.
    of_intervals: Expr,
    unknown: Option<String>,
}

impl FromStr for Filter {
    type Err = CatalogError;

    fn from_str(text: &str) -> Result<Self, CatalogError> {
        let text = text.trim();
        let failed = |source| CatalogError::Filter {
            filter: text.to_owned(),
            step: "parsed".to_owned(),
            source: Box::new(source),
        };
        let expression: Expr = text.parse().map_err(failed)?;
        if has_flat_ring(&expression) {
            return Err(CatalogError::document(&format!("the filter `{text}`"), geometry::FLAT));
        }
        let of_moments = rewrite(expression.clone(), false);
        let of_intervals = rewrite(expression.clone(), true);
        let unknown = unknown(&expression);
        Ok(Self { text: text.to_owned(), expression, of_moments, of_intervals, unknown })
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Filter {
    /// Whether it is true of an item. A property that the item lacks makes it
    /// unknown, which is not true.
    ///
    /// # Errors
    /// [`CatalogError::Filter`] if it can't be evaluated on this item's values;
    /// [`CatalogError::Operator`] if it has an operator that only some API knows.
    pub fn matches(&self, item: &Item) -> Result<bool, CatalogError> {
        if let Some(operator) = &self.unknown {
            return Err(CatalogError::Operator { filter: self.text.clone(), operator: operator.clone() });
        }
        let lasting = item.property("datetime").is_none_or(Value::is_null)
            && item.property("start_datetime").is_some_and(Value::is_string);
        let expression = if lasting { &self.of_intervals } else { &self.of_moments };
        let reduced =
            expression.clone().reduce(Some(item.as_value())).map_err(|source| CatalogError::Filter {
                filter: self.text.clone(),
                step: format!("evaluated on {}", item.name()),
                source: Box::new(source),
            })?;
        if let Some(operator) = undecided(&reduced) {
            return Err(CatalogError::Operator { filter: self.text.clone(), operator: operator.to_owned() });
        }
        Ok(reduced.is_true())
    }

    /// As CQL2 JSON.
    ///
    /// # Errors
    /// [`CatalogError::Filter`] if it has no such form.
    pub fn to_json(&self) -> Result<Value, CatalogError> {
        self.expression.to_value().map_err(|source| self.no_form("JSON", source))
    }

    /// As CQL2 text.
    ///
    /// # Errors
    /// [`CatalogError::Filter`] if it has no such form.
    pub fn to_text(&self) -> Result<String, CatalogError> {
        self.expression.to_text().map_err(|source| self.no_form("text", source))
    }

    fn no_form(&self, form: &str, source: cql2::Error) -> CatalogError {
        let step = format!("written as {form}");
        CatalogError::Filter { filter: self.text.clone(), step, source: Box::new(source) }
    }
}

/// An operator of the expression that is none of CQL2's.
fn unknown(expression: &Expr) -> Option<String> {
    match expression {
        Expr::Operation { op, args } => {
            let known = KNOWN.iter().any(|known| known.eq_ignore_ascii_case(op));
            (!known).then(|| op.clone()).or_else(|| args.iter().find_map(|arg| unknown(arg)))
        }
        Expr::Array(parts) => parts.iter().find_map(|part| unknown(part)),
        _ => None,
    }
}

/// Whether a geometry in the expression has a ring that is none.
fn has_flat_ring(expression: &Expr) -> bool {
    match expression {
        Expr::Geometry(_) => {
            let parsed = serde_json::to_value(expression).ok().and_then(|v| geometry::parse(&v, "").ok());
            parsed.is_some_and(|shape| geometry::has_flat_ring(&shape))
        }
        Expr::Operation { args: parts, .. } | Expr::Array(parts) => parts.iter().any(|p| has_flat_ring(p)),
        _ => false,
    }
}

/// An operator that was left alone though all that it works on is known.
/// Comparisons of values of different types aren't meant: those aren't true.
fn undecided(reduced: &Expr) -> Option<&str> {
    let Expr::Operation { op, args } = reduced else { return None };
    let compares = matches!(
        op.as_str(),
        "=" | "<>" | "<" | "<=" | ">" | ">=" | "and" | "or" | "not" | "like" | "in" | "between"
    );
    if !compares && !args.iter().any(|arg| depends(arg)) {
        return Some(op);
    }
    args.iter().find_map(|arg| undecided(arg))
}

/// Whether an expression hangs on a property that the item lacks.
fn depends(expression: &Expr) -> bool {
    match expression {
        Expr::Property { .. } => true,
        Expr::Operation { args: parts, .. } | Expr::Array(parts) | Expr::Interval { interval: parts } => {
            parts.iter().any(|part| depends(part))
        }
        Expr::Timestamp { timestamp: inner } | Expr::Date { date: inner } => depends(inner),
        _ => false,
    }
}

fn is_operation(expression: &Expr) -> bool {
    matches!(expression, Expr::Operation { .. })
}

fn property(expression: &Expr) -> Option<&str> {
    let Expr::Property { property } = expression else { return None };
    Some(property.strip_prefix("properties.").unwrap_or(property))
}

fn named(property: &str) -> Expr {
    Expr::Property { property: property.to_owned() }
}

fn operation(op: &str, args: impl IntoIterator<Item = Expr>) -> Expr {
    Expr::Operation { op: op.to_owned(), args: args.into_iter().map(Box::new).collect() }
}

/// The expression with instants compared as such, and, if the item has a start
/// and an end only, `datetime` taken for the time between them.
fn rewrite(expression: Expr, lasting: bool) -> Expr {
    let Expr::Operation { op, args } = expression else {
        return expression;
    };
    let args: Vec<Expr> = args.into_iter().map(|arg| rewrite(*arg, lasting)).collect();
    let is_instant = |expression: &Expr| property(expression).is_some_and(|name| INSTANTS.contains(&name));
    if op.starts_with("t_") {
        let spans = args.into_iter().map(|arg| match property(&arg) {
            Some("datetime") if lasting => Expr::Interval {
                interval: vec![Box::new(named("start_datetime")), Box::new(named("end_datetime"))],
            },
            _ => arg,
        });
        return operation(&op, spans);
    }
    match (op.as_str(), &args[..]) {
        ("=" | "<>" | "<" | "<=" | ">" | ">=", [left, right]) if is_instant(left) => {
            compare(left, &op, right, lasting)
        }
        ("=" | "<>" | "<" | "<=" | ">" | ">=", [left, right]) if is_instant(right) => {
            let turned = match op.as_str() {
                "<" => ">",
                "<=" => ">=",
                ">" => "<",
                ">=" => "<=",
                same => same,
            };
            compare(right, turned, left, lasting)
        }
        // A list is searched as it is written; what is made of its parts is compared one by one.
        ("in", [value, Expr::Array(list)])
            if list.iter().any(|of| is_operation(of)) || is_operation(value) =>
        {
            operation("or", list.iter().map(|of| operation("=", [value.clone(), of.as_ref().clone()])))
        }
        ("in", [value, one]) if is_operation(one) => operation("=", [value.clone(), one.clone()]),
        ("between", [value, low, high]) if is_instant(value) => {
            operation("and", [compare(value, ">=", low, lasting), compare(value, "<=", high, lasting)])
        }
        _ => operation(&op, args),
    }
}

/// `instant op moment`; a date stands for its whole day.
fn compare(instant: &Expr, op: &str, moment: &Expr, lasting: bool) -> Expr {
    let day = |day: &str| (at(&format!("{day}T00:00:00Z")), at(&format!("{day}T23:59:59.999999999Z")));
    let (first, last) = match moment {
        Expr::Date { date } => match date.as_ref() {
            Expr::Literal(text) => day(text),
            _ => return operation(op, [instant.clone(), moment.clone()]),
        },
        Expr::Literal(text) if text.len() == "2003-01-01".len() => day(text),
        Expr::Literal(text) => (at(text), at(text)),
        other => (other.clone(), other.clone()),
    };
    let lasts = lasting && property(instant) == Some("datetime");
    let (start, end) = if lasts {
        (named("start_datetime"), named("end_datetime"))
    } else {
        (instant.clone(), instant.clone())
    };
    match op {
        ">=" => operation(">=", [end, first]),
        ">" => operation(">", [end, last]),
        "<=" => operation("<=", [start, last]),
        "<" => operation("<", [start, first]),
        _ => {
            let within = operation("and", [operation("<=", [start, last]), operation(">=", [end, first])]);
            if op == "=" { within } else { operation("not", [within]) }
        }
    }
}

fn at(text: &str) -> Expr {
    Expr::Timestamp { timestamp: Box::new(Expr::Literal(text.to_owned())) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn item() -> Item {
        let mut item = Item::new("MOD13Q1.A2003097.h12v04");
        item.set_field("collection", json!("mod13q1"));
        item.set_field(
            "geometry",
            json!({"type": "Polygon", "coordinates": [[[-80, 40], [-70, 50], [-80, 50], [-80, 40]]]}),
        );
        item.set_property("datetime", Value::Null);
        item.set_property("start_datetime", json!("2003-04-07T00:00:00Z"));
        item.set_property("end_datetime", json!("2003-04-22T23:59:59Z"));
        item.set_property("platform", json!("terra"));
        item.set_property("instruments", json!(["modis"]));
        item.set_property("eo:cloud_cover", json!(12.5));
        item.set_property("grid:code", json!("h12v04"));
        item
    }

    fn judged(text: &str, item: &Item) -> bool {
        text.parse::<Filter>().unwrap().matches(item).unwrap_or_else(|e| panic!("{text}: {e}"))
    }

    #[test]
    fn every_operator_is_judged() {
        for (text, is) in [
            ("platform LIKE 'ter%'", true),
            ("platform LIKE 'ter_'", false),
            ("CASEI(platform) = CASEI('TERRA')", true),
            ("CASEI(platform) LIKE CASEI('TER%')", true),
            ("ACCENTI(platform) = ACCENTI('térra')", true),
            ("CASEI(platform) IN (CASEI('TERRA'))", true),
            ("CASEI(platform) IN (CASEI('AQUA'), CASEI('TERRA'))", true),
            ("CASEI(platform) IN (CASEI('AQUA'))", false),
            ("CASEI(platform) NOT IN (CASEI('TERRA'), CASEI('AQUA'))", false),
            ("CASEI(platform) IN ('terra', 'aqua')", true),
            ("platform IN (CASEI('TERRA'), 'aqua')", true),
            ("ACCENTI(platform) IN (ACCENTI('térra'))", true),
            ("eo:cloud_cover IN (10 + 2.5, 3)", true),
            ("CASEI(nothing) IN (CASEI('TERRA'))", false),
            (
                r#"{"op": "in", "args": [{"op": "casei", "args": [{"property": "platform"}]},
                    [{"op": "casei", "args": ["AQUA"]}, {"op": "casei", "args": ["TERRA"]}]]}"#,
                true,
            ),
            (
                r#"{"op": "in", "args": [{"op": "accenti", "args": [{"property": "platform"}]},
                    [{"op": "accenti", "args": ["térra"]}]]}"#,
                true,
            ),
            ("NOT platform LIKE 'aqua%'", true),
            ("eo:cloud_cover BETWEEN 10 AND 13", true),
            ("eo:cloud_cover NOT BETWEEN 10 AND 13", false),
            ("eo:cloud_cover IN (1, 12.5)", true),
            ("platform NOT IN ('aqua')", true),
            ("platform IS NOT NULL AND gsd IS NULL", true),
            ("eo:cloud_cover * 2 + 1 = 26", true),
            ("eo:cloud_cover / 5 > 3", false),
            ("12 < eo:cloud_cover", true),
            ("gsd > 1 OR platform = 'terra'", true),
            ("NOT (gsd > 1)", false),
            ("S_INTERSECTS(geometry, POLYGON((-79 48, -78 48, -78 49, -79 49, -79 48)))", true),
            ("S_INTERSECTS(geometry, BBOX(-71, 40, -70, 41))", false),
            ("S_WITHIN(geometry, POLYGON((-90 30, -60 30, -60 60, -90 60, -90 30)))", true),
            ("S_CONTAINS(geometry, POINT(-79 48))", true),
            ("S_DISJOINT(geometry, POINT(-71 41))", true),
            ("A_CONTAINS(instruments, ('modis'))", true),
            (
                "T_INTERSECTS(INTERVAL(start_datetime, end_datetime), INTERVAL('2003-04-20', '2003-05-01'))",
                true,
            ),
            ("T_BEFORE(end_datetime, TIMESTAMP('2003-05-01T00:00:00Z'))", true),
            ("T_AFTER(start_datetime, DATE('2003-04-06'))", true),
            ("T_DURING(INTERVAL(start_datetime, end_datetime), INTERVAL('2003-01-01', '2003-12-31'))", true),
            ("id LIKE 'MOD13Q1%' AND collection = 'mod13q1'", true),
        ] {
            assert_eq!(judged(text, &item()), is, "{text}");
        }
    }

    #[test]
    fn a_datetime_that_is_null_stands_for_the_time_from_start_to_end() {
        for (text, is) in [
            ("datetime >= TIMESTAMP('2003-04-22T00:00:00Z')", true),
            ("datetime >= TIMESTAMP('2003-04-23T00:00:00Z')", false),
            ("datetime < '2003-04-07T00:00:01Z'", true),
            ("datetime < DATE('2003-04-07')", false),
            ("datetime <= DATE('2003-04-07')", true),
            ("datetime > DATE('2003-04-22')", false),
            ("datetime = DATE('2003-04-22')", true),
            ("datetime <> DATE('2003-04-23')", true),
            ("properties.datetime BETWEEN '2003-04-20' AND '2003-06-01'", true),
            (
                "datetime BETWEEN TIMESTAMP('2003-05-01T00:00:00Z') AND TIMESTAMP('2003-06-01T00:00:00Z')",
                false,
            ),
            ("TIMESTAMP('2003-04-10T00:00:00Z') = datetime", true),
            ("T_INTERSECTS(datetime, INTERVAL('2003-04-20', '..'))", true),
            ("T_INTERSECTS(datetime, INTERVAL('..', '2003-04-01'))", false),
            ("T_DURING(datetime, INTERVAL('2003-04-01', '2003-05-01'))", true),
            ("T_AFTER(datetime, DATE('2003-04-30'))", false),
            ("datetime IS NULL", true),
        ] {
            assert_eq!(judged(text, &item()), is, "{text}");
        }
        let mut moment = item();
        moment.set_property("datetime", json!("2003-04-10T12:00:00.5Z"));
        for (text, is) in [
            ("datetime >= '2003-04-10T12:00:00Z'", true),
            ("datetime >= DATE('2003-04-10')", true),
            ("datetime > DATE('2003-04-10')", false),
            ("datetime = DATE('2003-04-10')", true),
            ("datetime >= '2003-04-20'", false),
            ("T_INTERSECTS(datetime, INTERVAL('2003-04-10', '2003-04-11'))", true),
        ] {
            assert_eq!(judged(text, &moment), is, "{text}");
        }
    }

    #[test]
    fn a_ring_of_two_points_is_refused() {
        for text in [
            "S_INTERSECTS(geometry, POLYGON((0 0, 1 1)))",
            "platform = 'terra' AND S_WITHIN(geometry, POLYGON((0 0, 1 1, 0 0)))",
            "S_INTERSECTS(geometry, MULTIPOLYGON(((0 0, 1 1, 1 0, 0 0)), ((0 0, 1 1, 1 1))))",
        ] {
            let error = text.parse::<Filter>().unwrap_err();
            assert!(error.is_usage() && error.to_string().contains("three corners"), "{text}: {error}");
        }
        assert!("POLYGON((0 0,1 1))".parse::<crate::Area>().is_err());
        assert!("POLYGON((0 0,1 1,1 0))".parse::<crate::Area>().is_ok());
    }

    #[test]
    fn an_operator_of_someone_elses_is_named() {
        let error = "soundex(platform) = 'T600'".parse::<Filter>().unwrap().matches(&item()).unwrap_err();
        assert!(error.is_usage() && error.to_string().contains("`soundex`"), "{error}");
        let error =
            "S_INTERSECTS(grid:code, POINT(1 2))".parse::<Filter>().unwrap().matches(&item()).unwrap_err();
        assert!(error.to_string().contains("`s_intersects`"), "{error}");
        // Other types are simply not equal.
        assert!(!judged("platform > 3", &item()));
    }
}
