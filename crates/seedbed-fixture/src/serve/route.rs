//! From a path to the archive that answers.

use hyper::body::Incoming;
use hyper::header::RETRY_AFTER;
use hyper::{Method, Request, StatusCode};

use http_body_util::BodyExt;

use super::body::{self, Reply, not_found, plain, set, whole};
use super::fault::Kind;
use super::request::Asked;
use super::{Role, Site, cmr, files, index, protected, stac, thredds};

/// The body of a real refusal, with the file's name in it.
fn refusal(name: &str) -> String {
    format!(
        "You have tried to download the file {name} more than twice in one day (Pacific local time).  Note \
         that repeated offenses may result in your IP address being blocked."
    )
}

/// Answers a request and notes it.
pub(super) async fn answer(site: &Site, role: Role, request: Request<Incoming>) -> Reply {
    let (head, incoming) = request.into_parts();
    let Ok(collected) = incoming.collect().await else {
        return plain(StatusCode::BAD_REQUEST, "The request's body broke off.\n");
    };
    let asked = match Asked::new(head.method, &head.uri, head.headers, collected.to_bytes()) {
        Ok(asked) => asked,
        Err(error) => return plain(StatusCode::BAD_REQUEST, format!("{error:#}\n")),
    };
    let fault =
        asked.fault.filter(|&fault| site.faults.strikes(fault, &asked.path, files::is_data(&asked.path)));
    let kind = fault.map(|fault| fault.kind);
    let reply = match kind {
        Some(Kind::Status(code)) => broken(code),
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
    site.log.request(asked.logged(reply.status().as_u16()));
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
        return stac::serve(site, asked, rest);
    }
    if let Some(rest) = path.strip_prefix("/search/") {
        return cmr::serve(site, asked, rest);
    }
    if asked.method != Method::GET && asked.method != Method::HEAD {
        return plain(StatusCode::METHOD_NOT_ALLOWED, "Only GET and HEAD.\n");
    }
    if let Some(rest) = path.strip_prefix("/modis-061-cogs/") {
        return files::serve(site, asked, &format!("modis/{rest}"), fault).await;
    }
    if path.starts_with("/protected/") || path.starts_with("/public/") {
        return protected::serve(site, asked, fault).await;
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
