//! PRISM's web service: grids by name, and when they were released.

use hyper::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use hyper::{Method, StatusCode};
use serde_json::{Value, json};

use super::Site;
use super::body::{Reply, plain, set, whole};
use super::fault::{Kind, struck};
use super::files;
use super::listed::Listed;
use super::request::Asked;
use super::route::refusal;
use crate::listing::prism::{self, When};
use crate::listing::shelf;

/// How often a grid may be had unless the server's options say otherwise.
const ALLOWANCE: u32 = 2;

/// A path under `/prism/data/get/`.
pub(super) fn serve(site: &Site, listed: &Listed, asked: &Asked, rest: &str, fault: Option<Kind>) -> Reply {
    let parts: Vec<&str> = rest.split('/').filter(|part| !part.is_empty()).collect();
    match parts[..] {
        ["releaseDate", "us", resolution, element, from] if prism::code(resolution).is_some() => {
            release_dates(listed, asked, (resolution, element), from, from, fault)
        }
        ["releaseDate", "us", resolution, element, from, to] if prism::code(resolution).is_some() => {
            release_dates(listed, asked, (resolution, element), from, to, fault)
        }
        ["us", resolution, element, date] if prism::code(resolution).is_some() => {
            grid(site, listed, asked, (resolution, element), date, fault)
        }
        _ => wrong("The request isn't one of this service."),
    }
}

/// Errors come as text, with status 200.
fn wrong(message: &str) -> Reply {
    plain(StatusCode::OK, format!("{message}\n"))
}

/// Rows of data date, release date, element, update count and address; a single date's row comes
/// flat, without the list around it.
fn release_dates(
    listed: &Listed,
    asked: &Asked,
    (resolution, element): (&str, &str),
    from: &str,
    to: &str,
    fault: Option<Kind>,
) -> Reply {
    let (Some(first), Some(last)) = (When::parse(from), When::parse(to)) else {
        return wrong(&format!("Invalid date: {from} {to}"));
    };
    let same = |a: When, b: When| std::mem::discriminant(&a) == std::mem::discriminant(&b);
    if !same(first, last) || last < first || !prism::ELEMENTS.contains(&element) {
        return wrong("Invalid request: check the element and the dates.");
    }
    let mut rows: Vec<[Value; 5]> = Vec::new();
    let mut when = first;
    while when <= last {
        if listed.has(element, when) {
            let (count, released) = listed.version(element, when);
            let grid = format!("{}/prism/data/get/us/{resolution}/{element}/{}", asked.base, when.compact());
            rows.push([
                when.dashed().into(),
                released.to_string().into(),
                element.into(),
                count.into(),
                grid.into(),
            ]);
        }
        when = when.next();
    }
    let mut spoilt = Vec::with_capacity(rows.len());
    for (k, mut row) in (0..).zip(rows) {
        match fault.filter(|_| struck(k)) {
            Some(Kind::Duplicates) => spoilt.push(row.clone()),
            Some(Kind::Dates) => row[1] = "2024-02-30".into(),
            Some(Kind::Names) => row[0] = "README".into(),
            _ => {}
        }
        spoilt.push(row);
    }
    let cell = |value: &Value| value.as_str().map_or_else(|| value.to_string(), String::from);
    if asked.first("json") == Some("true") {
        let value = if from == to && spoilt.len() == 1 { json!(spoilt[0]) } else { json!(spoilt) };
        return whole(StatusCode::OK, "application/json", value.to_string());
    }
    let lines = spoilt.iter().map(|row| row.iter().map(cell).collect::<Vec<_>>().join(" ") + "\n");
    plain(StatusCode::OK, lines.collect::<String>())
}

/// A grid in a zip; after it was had too often, a refusal in words.
fn grid(
    site: &Site,
    listed: &Listed,
    asked: &Asked,
    (resolution, element): (&str, &str),
    date: &str,
    fault: Option<Kind>,
) -> Reply {
    let Some(when) = When::parse(date) else { return wrong(&format!("Invalid date: {date}")) };
    let (Some(name), true) = (prism::file(element, resolution, when), listed.has(element, when)) else {
        return wrong(&format!("No data for {element} on {date}."));
    };
    let format = asked.first("format").unwrap_or("cog");
    let name = match format {
        "cog" => name,
        "bil" | "nc" | "asc" | "grib2" => name.replace(".zip", &format!("_{format}.zip")),
        _ => return wrong(&format!("Invalid format: {format}")),
    };
    let allowance = site.options.prism_allowance.unwrap_or(ALLOWANCE) as usize;
    if asked.method == Method::GET && site.log.count(asked) >= allowance {
        let mut reply = plain(StatusCode::OK, refusal(&name));
        set(&mut reply, CONTENT_DISPOSITION, "attachment; filename=\"error_msg.txt\"");
        return reply;
    }
    let (count, _) = listed.version(element, when);
    let release = count - prism::count(listed.spec(), when);
    let bytes = shelf::body(&name, release);
    let mut reply = files::memory(site, asked, &name, bytes, None, fault);
    set(&mut reply, CONTENT_DISPOSITION, &format!("attachment; filename=\"{name}\""));
    set(&mut reply, CONTENT_TYPE, "application/zip");
    reply
}
