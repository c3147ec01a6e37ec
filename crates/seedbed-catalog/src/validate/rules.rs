//! What the schemas can't say: names, times, place and addresses of one document.

use super::{Check, Problem, place};
use crate::href::resolve_href;
use crate::item::bbox_of;
use crate::{CatalogError, time};
use jiff::Timestamp;
use seedbed_storage::{Location, LocationError};
use serde_json::Value;

/// Checks one document by itself; `at` is where it was read from.
pub fn check(document: &Value, at: &Location, problems: &mut Vec<Problem>) {
    if document["id"].as_str().is_some_and(|id| id.trim().is_empty()) {
        problems.push(Problem::new(Check::Id, "/id", "the id is empty"));
    }
    extensions(&document["stac_extensions"], problems);
    for (n, link) in document["links"].as_array().into_iter().flatten().enumerate() {
        if link["rel"].as_str().is_some_and(|rel| rel.trim().is_empty()) {
            problems.push(Problem::new(Check::Link, format!("/links/{n}/rel"), "the relation is empty"));
        }
        href(link, at, || format!("/links/{n}/href"), problems);
    }
    match document["type"].as_str() {
        Some("Feature") => {
            times(&document["properties"], problems);
            place::item(document, problems);
            assets(document, at, problems);
        }
        Some("Collection") => {
            extent(&document["extent"], problems);
            assets(document, at, problems);
        }
        _ => {}
    }
}

fn extensions(named: &Value, problems: &mut Vec<Problem>) {
    for (n, name) in named.as_array().into_iter().flatten().enumerate() {
        let Some(name) = name.as_str() else { continue };
        if name.parse::<url::Url>().is_err() {
            let message = format!("`{name}` is no URL of a schema");
            problems.push(Problem::new(Check::Extension, format!("/stac_extensions/{n}"), message));
        }
    }
}

/// An href that is there must lead somewhere. Schemes that no store of ours
/// opens are fine.
fn href(holder: &Value, at: &Location, path: impl Fn() -> String, problems: &mut Vec<Problem>) {
    let Some(text) = holder["href"].as_str() else { return };
    if text.trim().is_empty() {
        problems.push(Problem::new(Check::Href, path(), "the href is empty"));
        return;
    }
    // What has neither scheme nor control characters always resolves.
    if !text.contains(':') && !text.contains(char::is_control) {
        return;
    }
    if text.contains(char::is_control) {
        problems.push(Problem::new(Check::Href, path(), "the href holds a control character"));
        return;
    }
    if let Err(CatalogError::Href { source, .. }) = resolve_href(Some(at), text)
        && !matches!(source, LocationError::Scheme { .. })
    {
        problems.push(Problem::new(Check::Href, path(), format!("the href leads nowhere: {source}")));
    }
}

fn assets(document: &Value, at: &Location, problems: &mut Vec<Problem>) {
    for (key, asset) in document["assets"].as_object().into_iter().flatten() {
        let pointer = || format!("/assets/{}", key.replace('~', "~0").replace('/', "~1"));
        href(asset, at, || format!("{}/href", pointer()), problems);
        for (name, alternate) in asset["alternate"].as_object().into_iter().flatten() {
            href(alternate, at, || format!("{}/alternate/{name}/href", pointer()), problems);
        }
        for field in ["created", "updated"] {
            instant(asset, field, &pointer, problems);
        }
    }
}

fn instant(
    fields: &Value,
    field: &str,
    path: &dyn Fn() -> String,
    problems: &mut Vec<Problem>,
) -> Option<Timestamp> {
    let text = fields.get(field).and_then(Value::as_str)?;
    let parsed = text.parse::<Timestamp>();
    if parsed.is_err() {
        let message = format!("`{text}` is no RFC 3339 date and time with an offset");
        problems.push(Problem::new(Check::Datetime, format!("{}/{field}", path()), message));
    }
    parsed.ok()
}

fn times(properties: &Value, problems: &mut Vec<Problem>) {
    let found =
        time::INSTANTS.map(|field| instant(properties, field, &|| "/properties".to_owned(), problems));
    let [datetime, start, end, ..] = found;
    if let (Some(start), Some(end)) = (start, end)
        && end < start
    {
        let message = format!("end_datetime {end} lies before start_datetime {start}");
        problems.push(Problem::new(Check::Datetime, "/properties/end_datetime", message));
    }
    if let (Some(at), Some(start), Some(end)) = (datetime, start, end)
        && !(start <= at && at <= end)
    {
        let message = format!("datetime {at} lies outside of {start}/{end}");
        problems.push(Problem::new(Check::Datetime, "/properties/datetime", message));
    }
    let unknown = properties.get("datetime").is_some_and(Value::is_null);
    if unknown && (properties["start_datetime"].is_null() || properties["end_datetime"].is_null()) {
        let message = "datetime is null, so start_datetime and end_datetime are needed";
        problems.push(Problem::new(Check::Datetime, "/properties/datetime", message));
    }
}

fn extent(extent: &Value, problems: &mut Vec<Problem>) {
    for (n, bbox) in extent["spatial"]["bbox"].as_array().into_iter().flatten().enumerate() {
        if let Some(bbox) = bbox_of(bbox) {
            place::ordered(bbox, &format!("/extent/spatial/bbox/{n}"), problems);
        }
    }
    for (n, interval) in extent["temporal"]["interval"].as_array().into_iter().flatten().enumerate() {
        let path = || format!("/extent/temporal/interval/{n}");
        let mut bound = |i: usize| {
            let text = interval[i].as_str()?;
            let parsed = time::instant(text);
            if parsed.is_none() {
                let message = format!("`{text}` is no date and time");
                problems.push(Problem::new(Check::Datetime, format!("{}/{i}", path()), message));
            }
            parsed
        };
        if let (Some(start), Some(end)) = (bound(0), bound(1))
            && end < start
        {
            problems.push(Problem::new(Check::Datetime, path(), format!("{end} lies before {start}")));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn found(document: &Value) -> Vec<String> {
        let mut problems = Vec::new();
        check(document, &"/cat/a.json".parse().unwrap(), &mut problems);
        problems.into_iter().map(|p| format!("{} {}", p.path, p.message)).collect()
    }

    #[test]
    fn times_must_be_ordered_and_complete() {
        let item = |properties: Value| json!({"type": "Feature", "id": "a", "properties": properties});
        let reversed = json!({"datetime": null, "start_datetime": "2004-01-01T00:00:00Z", "end_datetime": "2003-01-01T00:00:00Z"});
        assert!(found(&item(reversed))[0].starts_with("/properties/end_datetime"));
        assert!(found(&item(json!({"datetime": null})))[0].contains("are needed"));
        assert!(found(&item(json!({"datetime": "2003-01-01"})))[0].contains("RFC 3339"));
        assert!(found(&item(json!({"datetime": "2003-13-01T00:00:00Z"})))[0].contains("RFC 3339"));
        assert!(found(&item(json!({"datetime": "2003-01-01T00:00:00Z"}))).is_empty());
        let interval = |a: &str| {
            json!({"type": "Collection", "id": "c",
            "extent": {"temporal": {"interval": [[a, "2003-01-01T00:00:00Z"]]}}})
        };
        assert!(found(&interval("2004-01-01T00:00:00Z"))[0].contains("lies before"));
        assert!(found(&interval("then"))[0].starts_with("/extent/temporal/interval/0/0"));
    }

    #[test]
    fn hrefs_and_extensions_must_lead_somewhere() {
        let said = found(
            &json!({"type": "Feature", "id": " ", "stac_extensions": ["eo", "https://h.org/s.json"],
            "links": [{"rel": "", "href": "https://"}, {"rel": "via", "href": " "}],
            "properties": {"datetime": "2003-01-01T00:00:00Z"},
            "assets": {"a/b": {"href": ""}, "c": {"href": "gs://bucket/x", "created": "lately"}, "d": {"href": "./x y:z.tif"},
                "e": {"href": "x", "alternate": {"s3": {"href": "http://"}}}}}),
        );
        let paths: Vec<&str> = said.iter().filter_map(|s| s.split(' ').next()).collect();
        assert_eq!(
            paths,
            [
                "/id",
                "/stac_extensions/0",
                "/links/0/rel",
                "/links/0/href",
                "/links/1/href",
                "/assets/a~1b/href",
                "/assets/c/created",
                "/assets/e/alternate/s3/href",
            ],
            "{said:#?}"
        );
    }
}
