//! Folders that are only listed, as LP DAAC's and other Apaches and nginx show them.

use std::cmp::Reverse;
use std::fmt::Write;

use hyper::StatusCode;

use super::Site;
use super::body::{Reply, not_found, plain, redirect, whole};
use super::fault::{Kind, struck};
use super::files;
use super::index::rounded;
use super::listed::Listed;
use super::request::Asked;
use super::route::refusal;
use crate::listing::shelf::Entry;

/// How a server lists a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// Apache's lines with whole names, as LP DAAC's.
    Lines,
    /// Apache's lines with names cut to 23 characters.
    Cut,
    /// Apache's table.
    Table,
    /// Python's list: names alone.
    Plain,
    /// nginx's lines: exact sizes, names cut to 50 characters, other dates.
    Nginx,
}

/// Roots of the trees that lie where their sites have them.
const ROOTS: [(&str, Style); 7] = [
    ("MOLT", Style::Lines),
    ("MOLA", Style::Lines),
    ("time_series", Style::Cut),
    ("normals", Style::Cut),
    ("daily", Style::Cut),
    ("monthly", Style::Cut),
    ("normals_bil", Style::Cut),
];

/// The place on the shelf that a path means, and how its folders are shown.
fn place(path: &str) -> Option<(&str, Style)> {
    let path = path.strip_prefix('/')?;
    let root = path.split('/').next().unwrap_or(path);
    match root {
        "apache" => Some((path.strip_prefix("apache")?, Style::Table)),
        "plain" => Some((path.strip_prefix("plain")?, Style::Plain)),
        "nginx" => Some((path.strip_prefix("nginx")?, Style::Nginx)),
        "daacdata" => Some((path.strip_prefix("daacdata")?, Style::Lines)),
        _ => ROOTS.iter().find(|(name, _)| *name == root).map(|(_, style)| (path, *style)),
    }
    .map(|(path, style)| (path.trim_start_matches('/'), style))
}

/// A folder or a file of a tree; nothing where the path leads to none of them.
pub(super) fn serve(site: &Site, listed: &Listed, asked: &Asked, fault: Option<Kind>) -> Option<Reply> {
    let (place, style) = place(&asked.path)?;
    if let Some(reply) = file(site, listed, asked, place, fault) {
        return Some(reply);
    }
    let folder = place.trim_end_matches('/');
    let entries = entries(listed, folder, fault);
    let Some(entries) = entries else { return Some(not_found("file of this name")) };
    if !asked.path.ends_with('/') {
        return Some(redirect(StatusCode::MOVED_PERMANENTLY, &format!("{}{}/", asked.base, asked.path)));
    }
    let entries = sorted(entries, asked);
    Some(whole(StatusCode::OK, "text/html;charset=UTF-8", page(&asked.path, &entries, style)))
}

/// The entries of a folder, with what its fault does to them.
fn entries(listed: &Listed, folder: &str, fault: Option<Kind>) -> Option<Vec<Entry>> {
    let nested = |name: &str| Entry { name: name.into(), size: None, modified: listed.changed() };
    let real = match fault {
        // A folder that contains itself.
        Some(Kind::Loop) => folder.split('/').filter(|part| *part != "again").collect::<Vec<_>>().join("/"),
        Some(Kind::Endless) if folder.split('/').any(|part| part == "more") => {
            return Some(vec![nested("more")]);
        }
        _ => folder.to_owned(),
    };
    let mut entries = Vec::new();
    for (k, mut entry) in (0..).zip(listed.shelf().folder(&real)?) {
        match fault.filter(|_| struck(k) && entry.size.is_some()) {
            Some(Kind::Duplicates) => entries.push(entry.clone()),
            Some(Kind::Names) => {
                let extension = entry.name.rsplit('.').next().unwrap_or_default();
                entry.name = format!("unnamed_{k}.{extension}");
            }
            Some(Kind::Dates) => entry.name = undated(&entry.name),
            _ => {}
        }
        entries.push(entry);
    }
    match fault {
        Some(Kind::Loop) => entries.insert(0, nested("again")),
        Some(Kind::Endless) => entries.insert(0, nested("more")),
        _ => {}
    }
    Some(entries)
}

/// A name whose date doesn't exist: the 400th day of a year, or 30 February.
fn undated(name: &str) -> String {
    let mut name = name.to_owned();
    if let Some(at) = name.find(".A").filter(|at| name.len() > at + 9) {
        name.replace_range(at + 6..at + 9, "400");
        return name;
    }
    let digits = |at: usize| name.as_bytes()[at..at + 8].iter().all(u8::is_ascii_digit);
    if let Some(at) = (0..name.len().saturating_sub(7)).find(|&at| digits(at)) {
        name.replace_range(at + 4..at + 8, "0230");
    }
    name
}

/// In the order that the links in a page's head ask for.
fn sorted(mut entries: Vec<Entry>, asked: &Asked) -> Vec<Entry> {
    // `?C=S;O=D` is one pair to a reader of queries.
    let asks = |what: &str| asked.query.iter().any(|(key, value)| format!("{key}={value}").contains(what));
    if asks("C=M") {
        entries.sort_by_key(|entry| entry.modified);
    } else if asks("C=S") {
        entries.sort_by_key(|entry| entry.size);
    }
    // Folders come first, as both servers can be told to.
    if asks("O=D") {
        entries.reverse();
        entries.sort_by_key(|entry| Reverse(entry.size.is_none()));
    }
    entries
}

/// A file of the shelf, if there is one at a place.
pub(super) fn file(
    site: &Site,
    listed: &Listed,
    asked: &Asked,
    place: &str,
    fault: Option<Kind>,
) -> Option<Reply> {
    let (known, bytes) = {
        let shelf = listed.shelf();
        (shelf.known(place)?, shelf.body(place)?)
    };
    let name = place.rsplit('/').next().unwrap_or(place);
    if let Some(allowance) = site.options.prism_allowance
        && name.to_lowercase().starts_with("prism_")
        && asked.method == hyper::Method::GET
        && site.log.count(asked) >= allowance as usize
    {
        return Some(plain(StatusCode::OK, refusal(name)));
    }
    let modified = known.modified.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    Some(files::memory(site, asked, name, bytes, Some(modified), fault))
}

fn page(path: &str, entries: &[Entry], style: Style) -> String {
    match style {
        Style::Lines => lines(path, entries, usize::MAX),
        Style::Cut => lines(path, entries, 23),
        Style::Table => table(path, entries),
        Style::Plain => plain_list(path, entries),
        Style::Nginx => nginx(path, entries),
    }
}

/// The name as it is linked, with a slash after a folder's.
fn linked(entry: &Entry) -> String {
    if entry.size.is_some() { entry.name.clone() } else { format!("{}/", entry.name) }
}

fn parent(path: &str) -> String {
    let parent = path.trim_end_matches('/').rsplit_once('/').map_or("", |(parent, _)| parent);
    format!("{parent}/")
}

const DOCTYPE: &str = "<!DOCTYPE HTML PUBLIC \"-//W3C//DTD HTML 3.2 Final//EN\">\n";

fn lines(path: &str, entries: &[Entry], width: usize) -> String {
    let title = path.trim_end_matches('/');
    let mut page = format!(
        "{DOCTYPE}<html>\n <head>\n  <title>Index of {title}</title>\n </head>\n <body>\n<h1>Index of {title}</h1>\n\
         <pre><img src=\"/icons/blank.gif\" alt=\"Icon \"> <a href=\"?C=N;O=D\">Name</a>                    \
         <a href=\"?C=M;O=A\">Last modified</a>      <a href=\"?C=S;O=A\">Size</a>  \
         <a href=\"?C=D;O=A\">Description</a><hr>\
         <img src=\"/icons/back.gif\" alt=\"[DIR]\"> <a href=\"{}\">Parent Directory</a>                             -   \n",
        parent(path)
    );
    let widest = entries.iter().map(|entry| linked(entry).len()).max().unwrap_or(0).min(width);
    for entry in entries {
        let name = linked(entry);
        let (icon, alt) = if entry.size.is_some() { ("unknown", "[   ]") } else { ("folder", "[DIR]") };
        let shown = if name.len() > width { format!("{}..&gt;", &name[..width - 3]) } else { name.clone() };
        let pad = " ".repeat((widest + 1).saturating_sub(name.len().min(width)));
        let size = entry.size.map_or_else(|| "  - ".into(), rounded);
        let _ = writeln!(
            page,
            "<img src=\"/icons/{icon}.gif\" alt=\"{alt}\"> <a href=\"{name}\">{shown}</a>{pad}{}  {size:>4}  ",
            entry.modified.strftime("%Y-%m-%d %H:%M")
        );
    }
    page.push_str("<hr></pre>\n</body></html>\n");
    page
}

fn table(path: &str, entries: &[Entry]) -> String {
    let title = path.trim_end_matches('/');
    let mut page = format!(
        "{DOCTYPE}<html>\n <head>\n  <title>Index of {title}</title>\n </head>\n <body>\n<h1>Index of {title}</h1>\n  \
         <table>\n   <tr><th valign=\"top\"><img src=\"/icons/blank.gif\" alt=\"[ICO]\"></th>\
         <th><a href=\"?C=N;O=D\">Name</a></th><th><a href=\"?C=M;O=A\">Last modified</a></th>\
         <th><a href=\"?C=S;O=A\">Size</a></th><th><a href=\"?C=D;O=A\">Description</a></th></tr>\n   \
         <tr><th colspan=\"5\"><hr></th></tr>\n\
         <tr><td valign=\"top\"><img src=\"/icons/back.gif\" alt=\"[PARENTDIR]\"></td>\
         <td><a href=\"{}\">Parent Directory</a></td><td>&nbsp;</td><td align=\"right\">  - </td><td>&nbsp;</td></tr>\n",
        parent(path)
    );
    for entry in entries {
        let name = linked(entry);
        let (icon, alt) = if entry.size.is_some() { ("compressed", "[   ]") } else { ("folder", "[DIR]") };
        let size = entry.size.map_or_else(|| "  - ".into(), rounded);
        let _ = writeln!(
            page,
            "<tr><td valign=\"top\"><img src=\"/icons/{icon}.gif\" alt=\"{alt}\"></td><td><a href=\"{name}\">{name}</a>\
             </td><td align=\"right\">{}  </td><td align=\"right\">{size:>4}</td><td>&nbsp;</td></tr>",
            entry.modified.strftime("%Y-%m-%d %H:%M")
        );
    }
    page.push_str("   <tr><th colspan=\"5\"><hr></th></tr>\n</table>\n</body></html>\n");
    page
}

fn plain_list(path: &str, entries: &[Entry]) -> String {
    let mut page = format!(
        "<!DOCTYPE HTML>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>Directory listing for {path}\
         </title>\n</head>\n<body>\n<h1>Directory listing for {path}</h1>\n<hr>\n<ul>\n"
    );
    for name in entries.iter().map(linked) {
        let _ = writeln!(page, "<li><a href=\"{name}\">{name}</a></li>");
    }
    page.push_str("</ul>\n<hr>\n</body>\n</html>\n");
    page
}

fn nginx(path: &str, entries: &[Entry]) -> String {
    let mut page = format!(
        "<html>\n<head><title>Index of {path}</title></head>\n<body>\n<h1>Index of {path}</h1><hr><pre>\
         <a href=\"../\">../</a>\n"
    );
    for entry in entries {
        let name = linked(entry);
        let shown = if name.len() > 50 { format!("{}..&gt;", &name[..47]) } else { name.clone() };
        let pad = " ".repeat(51 - name.len().min(50));
        let size = entry.size.map_or_else(|| "-".into(), |size| size.to_string());
        let _ = writeln!(
            page,
            "<a href=\"{name}\">{shown}</a>{pad}{} {size:>19}",
            entry.modified.strftime("%d-%b-%Y %H:%M")
        );
    }
    page.push_str("</pre><hr></body>\n</html>\n");
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_that_are_spoilt_do_not_exist() {
        assert_eq!(undated("prism_ppt_us_25m_20240228.zip"), "prism_ppt_us_25m_20240230.zip");
        assert_eq!(
            undated("MOD13Q1.A2003001.h12v04.061.2020100000000.hdf"),
            "MOD13Q1.A2003400.h12v04.061.2020100000000.hdf"
        );
        assert_eq!(undated("daymet_v4_daily_na_tmax_1980.nc"), "daymet_v4_daily_na_tmax_1980.nc");
    }

    #[test]
    fn every_style_links_whole_names() {
        let name = "macav2metdata_tasmax_CCSM4_r6i1p1_historical_1950_1954_CONUS_daily.nc";
        let modified = jiff::civil::date(2016, 5, 12).at(1, 2, 0, 0);
        let entries = [
            Entry { name: "MIROC5".into(), size: None, modified },
            Entry { name: name.into(), size: Some(2_516_582), modified },
        ];
        for style in [Style::Lines, Style::Cut, Style::Table, Style::Plain, Style::Nginx] {
            let page = page("/x/", &entries, style);
            assert!(
                page.contains(&format!("href=\"{name}\"")) && page.contains("href=\"MIROC5/\""),
                "{page}"
            );
        }
        assert!(page("/x/", &entries, Style::Nginx).contains("12-May-2016 01:02             2516582"));
        assert!(page("/x/", &entries, Style::Lines).contains("</a> 2016-05-12 01:02  2.4M  "));
    }
}
