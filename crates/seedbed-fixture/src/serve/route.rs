//! From a path to the archive that answers.

use std::net::TcpStream;
use std::sync::Arc;

use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::header::{ETAG, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED, RETRY_AFTER};
use hyper::{Method, Request, StatusCode};

use super::body::{self, Reply, not_found, plain, set, whole};
use super::fault::Kind;
use super::listed::Listed;
use super::request::Asked;
use super::{Role, Site, cmr, files, folders, index, protected, service, stac, thredds};
use crate::listing::modis::Named;
use crate::listing::prism::When;
use crate::listing::{content, shelf};

/// The body of a real refusal, with the file's name in it.
pub(super) fn refusal(name: &str) -> String {
    format!(
        "You have tried to download the file {name} more than twice in one day (Pacific local time).  Note \
         that repeated offenses may result in your IP address being blocked."
    )
}

/// Answers a request and notes it.
pub(super) async fn answer(
    site: &Site,
    role: Role,
    socket: Option<Arc<TcpStream>>,
    request: Request<Incoming>,
) -> Reply {
    let _busy = site.busy().await;
    let (head, incoming) = request.into_parts();
    let Ok(collected) = incoming.collect().await else {
        return plain(StatusCode::BAD_REQUEST, "The request's body broke off.\n");
    };
    let asked = match Asked::new(head.method, &head.uri, head.headers, collected.to_bytes()) {
        Ok(mut asked) => {
            asked.socket = socket;
            asked
        }
        Err(error) => return plain(StatusCode::BAD_REQUEST, format!("{error:#}\n")),
    };
    let fault =
        asked.fault.filter(|&fault| site.faults.strikes(fault, &asked.path, files::is_data(&asked.path)));
    let kind = fault.map(|fault| fault.kind);
    let reply = match kind {
        _ if !site.is_patient() => broken(503),
        Some(Kind::Status(code)) => broken(code),
        Some(Kind::Later) => later(),
        Some(Kind::Html) => whole(
            StatusCode::OK,
            "text/html; charset=utf-8",
            "<!DOCTYPE html>\n<html><head><title>Maintenance</title></head>\
             <body><h1>We'll be back soon</h1></body></html>\n",
        ),
        _ => match role {
            Role::Archives => archives(site, &asked, kind).await,
            Role::ObjectStore => protected::object_store(site, &asked, kind).await,
            Role::Login => protected::login(site, &asked),
        },
    };
    let reply = conditional(site, &asked, reply, kind).await;
    let reply = files::spoilt(&asked, reply, kind).await;
    site.log.request(asked.logged(reply.status().as_u16()));
    reply
}

/// 429 that tells a time rather than a number of seconds.
fn later() -> Reply {
    let mut reply = broken(429);
    let soon = jiff::Timestamp::now().saturating_add(jiff::Span::new().seconds(1));
    let date = soon.map(|soon| soon.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()).unwrap_or_default();
    set(&mut reply, RETRY_AFTER, &date);
    reply
}

/// A listing with its validators, or the news that it hasn't changed. The repository and the web
/// service of PRISM have none.
async fn conditional(site: &Site, asked: &Asked, reply: Reply, fault: Option<Kind>) -> Reply {
    let Some(listed) = site.listed().filter(|_| site.options.validators) else { return reply };
    let bare = ["/search/", "/prism/data/", "/_fixture/"].iter().any(|prefix| asked.path.starts_with(prefix));
    let reads = asked.method == Method::GET || asked.method == Method::HEAD;
    if bare || !reads || reply.status() != StatusCode::OK || reply.headers().contains_key(ETAG) {
        return reply;
    }
    let (head, body) = reply.into_parts();
    let bytes = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let mut tag = format!("\"{}\"", &content::sha256(&bytes)[..32]);
    if fault == Some(Kind::Etag) {
        tag = format!("\"{}\"", site.log.count(asked));
    }
    let changed = listed.changed();
    let modified = changed.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    let known = match asked.header(IF_NONE_MATCH) {
        Some(tags) => tags.split(',').any(|known| known.trim().trim_start_matches("W/") == tag),
        None => asked.header(IF_MODIFIED_SINCE).is_some_and(|since| {
            jiff::fmt::rfc2822::parse(since).is_ok_and(|since| since.datetime() >= changed)
        }),
    };
    let mut reply = if known {
        plain(StatusCode::NOT_MODIFIED, "")
    } else {
        let mut reply = whole(head.status, "text/html", bytes);
        *reply.headers_mut() = head.headers;
        reply
    };
    set(&mut reply, ETAG, &tag);
    set(&mut reply, LAST_MODIFIED, &modified);
    reply
}

fn broken(code: u16) -> Reply {
    let status = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut reply = plain(status, format!("{status}, on purpose.\n"));
    if code == 429 || code == 503 {
        set(&mut reply, RETRY_AFTER, "1");
    }
    reply
}

async fn archives(site: &Site, asked: &Asked, fault: Option<Kind>) -> Reply {
    let path = asked.path.as_str();
    if let Some(rest) = path.strip_prefix("/api/stac/v1") {
        return stac::serve(site, asked, rest, fault);
    }
    if let Some(rest) = path.strip_prefix("/search/") {
        return cmr::serve(site, asked, rest, fault);
    }
    if let (Some(listed), "/_fixture/release") = (site.listed(), path) {
        return release(&listed, asked);
    }
    if asked.method != Method::GET && asked.method != Method::HEAD {
        return plain(StatusCode::METHOD_NOT_ALLOWED, "Only GET and HEAD.\n");
    }
    if path == "/robots.txt"
        && let Some(robots) = &site.options.robots
    {
        return plain(StatusCode::OK, robots.clone());
    }
    let protected = ["/protected/", "/public/", "/lp-prod-protected/", "/lp-prod-public/"];
    if protected.iter().any(|prefix| path.starts_with(prefix)) {
        return protected::serve(site, asked, fault).await;
    }
    if let Some(listed) = site.listed()
        && let Some(reply) = only_listed(site, &listed, asked, fault)
    {
        return reply;
    }
    if site.listed.is_some() || site.synthetic.is_some() {
        if let Some(reply) = layer(site, asked, fault) {
            return reply;
        }
    } else if let Some(rest) = path.strip_prefix("/modis-061-cogs/") {
        return files::serve(site, asked, &format!("modis/{rest}"), fault).await;
    }
    if let Some(rest) = path.strip_prefix("/thredds/") {
        return thredds::serve(site, asked, rest, fault).await;
    }
    match path {
        "/" => return index::front(asked),
        "/_fixture/stats" => {
            let stats = serde_json::json!({
                "requests": site.log.requests(),
                "violations": site.log.violations(),
            });
            return body::json("application/json", &stats);
        }
        _ => {}
    }
    for (prefix, folder) in [("/time_series", "prism"), ("/daily", "prism-old"), ("/statics", "")] {
        if path == prefix || path.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('/')) {
            return tree(site, asked, folder, fault).await;
        }
    }
    not_found("archive at this path")
}

/// What only a server of listings has.
fn only_listed(site: &Site, listed: &Listed, asked: &Asked, fault: Option<Kind>) -> Option<Reply> {
    if let Some(rest) = asked.path.strip_prefix("/prism/data/get/") {
        return Some(service::serve(site, listed, asked, rest, fault));
    }
    if let Some(rest) = asked.path.strip_prefix("/thredds/") {
        return Some(thredds::listed::serve(site, listed, asked, rest, fault));
    }
    folders::serve(site, listed, asked, fault)
}

/// A file of the Planetary Computer's that an item tells of: a layer, the granule or its record.
fn layer(site: &Site, asked: &Asked, fault: Option<Kind>) -> Option<Reply> {
    let rest =
        asked.path.strip_prefix("/modis-061-cogs/").or_else(|| asked.path.strip_prefix("/modis-061/"))?;
    let name = rest.rsplit('/').next()?;
    let granule = name.split_once('_').map_or(name, |(granule, _)| granule);
    let granule = granule.trim_end_matches(".xml").trim_end_matches(".hdf");
    if Named::parse(granule).is_none() {
        return Some(not_found("blob of this name"));
    }
    Some(files::memory(site, asked, name, shelf::body(name, 0), Some(BLOBS.into()), fault))
}

/// When the Planetary Computer's blobs were last changed.
const BLOBS: &str = "Thu, 30 Nov 2023 12:00:00 GMT";

/// A test lets a grid of PRISM be released again: `/_fixture/release?element=ppt&date=20240301`.
fn release(listed: &Listed, asked: &Asked) -> Reply {
    let (element, date) =
        (asked.first("element").unwrap_or_default(), asked.first("date").unwrap_or_default());
    match When::parse(date) {
        Some(when) if listed.release(element, when) => {
            let (count, released) = listed.version(element, when);
            body::json(
                "application/json",
                &serde_json::json!({ "count": count, "released": released.to_string() }),
            )
        }
        _ => not_found("grid of this element and date"),
    }
}

/// A folder tree behind an HTML index.
async fn tree(site: &Site, asked: &Asked, folder: &str, fault: Option<Kind>) -> Reply {
    let relative = format!("{folder}{}", asked.path);
    if let Some(listing) = index::listing(site, asked, &relative) {
        return listing;
    }
    if let Some(allowance) = site.options.prism_allowance
        && folder.starts_with("prism")
        && asked.method == Method::GET
        && site.log.count(asked) >= allowance as usize
    {
        let name = asked.path.rsplit('/').next().unwrap_or_default();
        return plain(StatusCode::OK, refusal(name));
    }
    files::serve(site, asked, &relative, fault).await
}
