//! Folders as Apache lists them.

use std::fmt::Write;
use std::fs;

use hyper::StatusCode;

use super::Site;
use super::body::{Reply, redirect, whole};
use super::request::Asked;

/// How many characters of a name Apache shows; the link is whole.
const NAME_WIDTH: usize = 23;

/// What is served where.
pub(super) fn front(asked: &Asked) -> Reply {
    let prefix = asked.prefix();
    let links = [
        "/search/granules.json?short_name=Daymet_Daily_V4R1_2129",
        "/api/stac/v1/",
        "/time_series/",
        "/daily/",
        "/thredds/catalog.xml",
        "/statics/",
        "/_fixture/stats",
    ];
    let list = links.map(|link| format!("<li><a href=\"{prefix}{link}\">{link}</a></li>\n")).concat();
    let page = format!(
        "<!DOCTYPE html>\n<html><head><title>Archives</title></head><body><ul>\n{list}</ul></body></html>\n"
    );
    whole(StatusCode::OK, "text/html; charset=utf-8", page)
}

/// The listing of a folder, or the way to it; nothing where `relative` isn't a folder.
pub(super) fn listing(site: &Site, asked: &Asked, relative: &str) -> Option<Reply> {
    let folder = site.dir.join(relative.trim_start_matches('/'));
    if !folder.is_dir() {
        return None;
    }
    if !asked.path.ends_with('/') {
        return Some(redirect(StatusCode::MOVED_PERMANENTLY, &format!("{}{}/", asked.base, asked.path)));
    }
    let mut entries: Vec<(String, Option<u64>)> = Vec::new();
    for entry in fs::read_dir(&folder).ok()?.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let metadata = entry.metadata().ok()?;
        if name.starts_with('.') {
            continue;
        }
        entries.push(if metadata.is_dir() {
            (format!("{name}/"), None)
        } else {
            (name, Some(metadata.len()))
        });
    }
    entries.sort();
    if asked.query.iter().any(|(key, _)| key.contains("O=D"))
        || asked.first("C").is_some_and(|v| v.ends_with("O=D"))
    {
        entries.reverse();
    }
    Some(whole(StatusCode::OK, "text/html;charset=UTF-8", page(&asked.path, &entries)))
}

fn page(path: &str, entries: &[(String, Option<u64>)]) -> String {
    let mut page = format!(
        "<!DOCTYPE HTML PUBLIC \"-//W3C//DTD HTML 3.2 Final//EN\">\n<html>\n <head>\n  <title>Index of {path}</title>\n \
         </head>\n <body>\n<h1>Index of {path}</h1>\n<pre><img src=\"/icons/blank.gif\" alt=\"Icon \"> \
         <a href=\"?C=N;O=D\">Name</a>                    <a href=\"?C=M;O=A\">Last modified</a>      \
         <a href=\"?C=S;O=A\">Size</a>  <a href=\"?C=D;O=A\">Description</a><hr>"
    );
    let parent = path.trim_end_matches('/').rsplit_once('/').map_or("/", |(parent, _)| parent);
    let _ = writeln!(
        page,
        "<img src=\"/icons/back.gif\" alt=\"[PARENTDIR]\"> <a href=\"{}/\">Parent Directory</a>                             -   ",
        parent.trim_end_matches('/')
    );
    for (name, size) in entries {
        let (icon, alt) = if size.is_some() { ("compressed", "[   ]") } else { ("folder", "[DIR]") };
        let (shown, width) = if name.chars().count() > NAME_WIDTH {
            (format!("{}..&gt;", name.chars().take(NAME_WIDTH - 3).collect::<String>()), NAME_WIDTH)
        } else {
            (name.clone(), name.chars().count())
        };
        let pad = " ".repeat(NAME_WIDTH - width + 1);
        let size = size.map_or_else(|| "  - ".into(), rounded);
        let _ = writeln!(
            page,
            "<img src=\"/icons/{icon}.gif\" alt=\"{alt}\"> <a href=\"{name}\">{shown}</a>{pad}2020-11-30 12:00  {size:>4}  "
        );
    }
    page.push_str("<hr></pre>\n</body></html>\n");
    page
}

/// A size in Apache's four characters.
pub(super) fn rounded(bytes: u64) -> String {
    let mut value = bytes as f64;
    if bytes < 1000 {
        return bytes.to_string();
    }
    for unit in ['K', 'M', 'G', 'T'] {
        value /= 1024.0;
        if value < 9.95 {
            return format!("{value:.1}{unit}");
        }
        if value < 999.5 {
            return format!("{value:.0}{unit}");
        }
    }
    format!("{value:.0}P")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_rounded_as_apache_does() {
        assert_eq!(rounded(382), "382");
        assert_eq!(rounded(391_168), "382K");
        assert_eq!(rounded(2_516_582), "2.4M");
    }

    #[test]
    fn long_names_are_shortened_but_their_links_are_whole() {
        let page = page("/daily/", &[("prism_ppt_us_25m_20040229.zip".into(), Some(1000))]);
        assert!(page.contains("href=\"prism_ppt_us_25m_20040229.zip\">prism_ppt_us_25m_200..&gt;</a>"));
    }
}
