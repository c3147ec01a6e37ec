//! HTML directory listings, as Apache and nginx make them.

use super::{Web, decode, pair_checksums};
use crate::CrawlError;
use crate::granule::{Granule, excerpt};
use crate::page::{Page, Step};
use crate::root::{Level, captures_of, folder};
use html5gum::{Error as HtmlError, Token, Tokenizer};
use regex::Regex;
use seedbed_storage::Response;
use std::collections::BTreeSet;
use std::sync::LazyLock;
use url::Url;

/// How deep folders are followed where the definition has no template for them.
const DEEPEST: usize = 12;

/// A line of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// The href as written.
    pub href: String,
    /// The size in bytes, if it is not rounded.
    pub size: Option<u64>,
    /// The date of the last change, as written.
    pub date: Option<String>,
}

/// The first folder that has to be asked for.
pub(crate) fn first(web: &Web<'_>, root: &Url) -> Result<Vec<Step>, CrawlError> {
    let start = folder(&web.start(root)?);
    let (url, depth) = descend(web, start, 0)?;
    Ok(vec![Step { depth, ..Step::at(url) }])
}

/// Goes down through the folders whose names are known.
fn descend(web: &Web<'_>, mut url: Url, mut depth: usize) -> Result<(Url, usize), CrawlError> {
    while let Some(Level::Named(name)) = web.levels.as_ref().and_then(|l| l.get(depth)) {
        url = Web::address(&url, &format!("{name}/"))?;
        depth += 1;
    }
    Ok((url, depth))
}

/// The files of a folder, or the folders below it: those that the template of folders means, or all of them.
pub(crate) fn read(web: &Web<'_>, step: &Step, response: &Response) -> Result<Page, String> {
    let level = web.levels.as_ref().map(|l| l.get(step.depth));
    let sought = if matches!(level, Some(Some(_))) { Sought::Folders } else { Sought::Anything };
    let base = base_of(&response.body).and_then(|base| response.url.join(&base).ok());
    let folder = folder_of(base.as_ref().unwrap_or(&response.url));
    let links = place(&read_page(&response.body)?, &folder).checked(sought)?;
    let mut page = Page::default();
    match level {
        Some(Some(Level::Chosen { pattern })) => {
            for url in links.folders {
                let Some(more) = captures_of(pattern, &folder_name(&url)) else { continue };
                let mut captures = step.captures.clone();
                captures.extend(more);
                if !web.may_be_under(&captures) {
                    continue;
                }
                match descend(web, url, step.depth + 1) {
                    Ok((url, depth)) => page.folders.push(Step { captures, depth, ..Step::at(url) }),
                    Err(e) => page.lose(step.at.clone(), e.to_string()),
                }
            }
        }
        // Named levels were passed without asking.
        Some(Some(Level::Named(_)) | None) => page.granules = links.files,
        None => {
            page.granules = links.files;
            for url in links.folders {
                if step.depth == DEEPEST {
                    page.lose(url.to_string(), "the folders don't end: it is too deep");
                } else {
                    page.folders.push(Step { depth: step.depth + 1, ..Step::at(url) });
                }
            }
        }
    }
    pair_checksums(&mut page.granules);
    Ok(page)
}

/// The files and folders that a listing links to.
#[derive(Default)]
struct Links {
    files: Vec<Granule>,
    folders: Vec<Url>,
    /// Whether a link leads to the folder above, as in every listing but that of a server's root.
    has_parent: bool,
}

/// What a page is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sought {
    Folders,
    Anything,
}

impl Links {
    /// Tells a listing, which may be empty, from another web page: a notice, a form.
    fn checked(self, sought: Sought) -> Result<Self, String> {
        let entries = !self.folders.is_empty() || (sought == Sought::Anything && !self.files.is_empty());
        if entries || self.has_parent {
            Ok(self)
        } else {
            Err("a web page, but no directory listing: it has no entry and no way up".to_owned())
        }
    }
}

/// The folder a listing's links count from.
fn folder_of(url: &Url) -> Url {
    url.join(".").unwrap_or_else(|_| folder(url))
}

fn folder_name(url: &Url) -> String {
    decode(url.path().trim_end_matches('/').rsplit('/').next().unwrap_or_default())
}

/// Keeps the links to what lies directly in the folder: no sort links, no way up.
fn place(entries: &[Entry], folder: &Url) -> Links {
    let mut page = Links::default();
    let mut seen = BTreeSet::new();
    let parent = folder.join("..").ok().filter(|parent| parent != folder);
    for entry in entries {
        let Ok(url) = folder.join(&entry.href) else { continue };
        page.has_parent |= parent.as_ref() == Some(&url);
        let inside = url.origin() == folder.origin() && url.query().is_none();
        let Some(rest) = url.path().strip_prefix(folder.path()).filter(|_| inside) else { continue };
        let name = rest.trim_end_matches('/');
        if name.is_empty() || name.contains('/') || !seen.insert(rest.to_owned()) {
            continue;
        }
        if rest.ends_with('/') {
            page.folders.push(url);
        } else {
            page.files.push(Granule {
                name: decode(name),
                href: url.to_string(),
                size: entry.size,
                listed_date: entry.date.clone(),
                ..Granule::default()
            });
        }
    }
    page
}

/// The address that a page's links count from, if it names one.
fn base_of(body: &[u8]) -> Option<String> {
    let html = String::from_utf8_lossy(body);
    Tokenizer::new(html.as_ref()).find_map(|token| {
        let Ok(Token::StartTag(tag)) = token else { return None };
        let href = tag.attributes.get(b"href".as_slice()).filter(|_| tag.name.as_slice() == b"base")?;
        Some(String::from_utf8_lossy(href).trim().to_owned())
    })
}

/// The links of a page with what the listing says beside them.
pub(crate) fn read_page(body: &[u8]) -> Result<Vec<Entry>, String> {
    let html = String::from_utf8_lossy(body);
    let mut entries: Vec<Entry> = Vec::new();
    let mut beside = String::new();
    let mut in_link = false;
    let mut tags = 0;
    for token in Tokenizer::new(html.as_ref()) {
        let Ok(token) = token;
        match token {
            Token::StartTag(tag) => {
                tags += 1;
                let href = tag.attributes.get(b"href".as_slice());
                match (tag.name.as_slice(), href) {
                    (b"a", Some(href)) => {
                        finish(&mut entries, &mut beside);
                        let href = String::from_utf8_lossy(href).trim().to_owned();
                        entries.push(Entry { href, size: None, date: None });
                        in_link = true;
                    }
                    (b"tr" | b"li", _) => finish(&mut entries, &mut beside),
                    (b"td", _) => beside.push(' '),
                    _ => {}
                }
            }
            Token::EndTag(tag) if tag.name.as_slice() == b"a" => in_link = false,
            Token::String(text) if !in_link => beside.push_str(&String::from_utf8_lossy(&text)),
            _ => {}
        }
    }
    finish(&mut entries, &mut beside);
    if tags == 0 {
        return Err(format!("no directory listing but {}", excerpt(body)));
    }
    Ok(entries.into_iter().filter(|e| !e.href.is_empty() && !e.href.starts_with(['?', '#'])).collect())
}

/// Whether a page ends before its end: within a tag or comment, or with neither of the closing tags of what it opened.
pub(crate) fn is_cut(body: &[u8]) -> bool {
    let html = String::from_utf8_lossy(body);
    let (mut opened, mut closed) = (false, false);
    for token in Tokenizer::new(html.as_ref()) {
        let Ok(token) = token;
        match token {
            Token::StartTag(tag) => opened |= matches!(tag.name.as_slice(), b"html" | b"body"),
            Token::EndTag(tag) => closed |= matches!(tag.name.as_slice(), b"html" | b"body"),
            Token::Error(error)
                if matches!(
                    error.value,
                    HtmlError::EofInTag | HtmlError::EofBeforeTagName | HtmlError::EofInComment
                ) =>
            {
                return true;
            }
            _ => {}
        }
    }
    opened && !closed
}

/// Reads date and size from the first line beside a link.
fn finish(entries: &mut [Entry], beside: &mut String) {
    static DATE: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(
            r"(\d{4}-\d{2}-\d{2}|\d{2}-[A-Z][a-z]{2}-\d{4})[ T](\d{2}:\d{2}(?::\d{2})?)(?:\s+([\d.]+[KMGT]?i?B?|-))?",
        )
        .ok()
    });
    let line = beside.trim_start().lines().next().unwrap_or_default();
    let found = DATE.as_ref().and_then(|d| d.captures(line));
    if let (Some(entry), Some(found)) = (entries.last_mut(), found) {
        let part = |i: usize| found.get(i).map(|m| m.as_str());
        entry.date = part(1).zip(part(2)).map(|(day, time)| format!("{day} {time}"));
        // `2.4M` is rounded; only plain digits are a size.
        entry.size = part(3).and_then(|s| s.parse().ok());
    }
    beside.clear();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(href: &str, size: Option<u64>, date: Option<&str>) -> Entry {
        Entry { href: href.to_owned(), size, date: date.map(str::to_owned) }
    }

    #[test]
    fn apache_listings_give_dates_and_no_rounded_sizes() {
        let html = r#"<html><head><title>Index of /x</title></head><body><pre>
<img src="/icons/blank.gif"> <a href="?C=N;O=D">Name</a> <a href="?C=M;O=A">Last modified</a><hr>
<img src="/icons/back.gif"> <a href="/">Parent Directory</a>      -
<img src="/icons/f.gif"> <a href="a.hdf">a.hdf</a>  2012-12-05 22:15  2.4M
<img src="/icons/f.gif"> <a href="b.hdf">b.hdf</a>  2012-12-05 22:16  382
<a href="sub%20x/">sub x/</a>  2012-12-05 22:15    -  <hr></pre></body></html>"#;
        let entries = read_page(html.as_bytes()).unwrap();
        assert_eq!(
            entries,
            [
                entry("/", None, None),
                entry("a.hdf", None, Some("2012-12-05 22:15")),
                entry("b.hdf", Some(382), Some("2012-12-05 22:16")),
                entry("sub%20x/", None, Some("2012-12-05 22:15")),
            ]
        );
        let page = place(&entries, &Url::parse("https://h/x/").unwrap());
        assert_eq!(page.files.len(), 2);
        assert!(page.has_parent);
        assert_eq!(folder_name(&page.folders[0]), "sub x");
    }

    #[test]
    fn apache_tables_and_nginx_lists_are_read_too() {
        let table = r#"<table><tr><th><a href="?C=N;O=D">Name</a></th></tr>
<tr><td><a href="a.zip"><img></a></td><td><a href="a.zip">a.zip</a></td><td align="right">2025-10-01 08:00  </td><td>1.2M</td></tr></table>"#;
        let page = place(&read_page(table.as_bytes()).unwrap(), &Url::parse("https://h/x/").unwrap());
        assert_eq!(page.files.len(), 1);
        let nginx = "<html><body><h1>Index of /x/</h1><hr><pre><a href=\"../\">../</a>\n\
            <a href=\"1981/\">1981/</a>          12-Nov-2020 10:00       -\n\
            <a href=\"a.zip\">a.zip</a>          12-Nov-2020 10:00       1018408\n</pre></body></html>";
        let entries = read_page(nginx.as_bytes()).unwrap();
        assert_eq!(entries[2], entry("a.zip", Some(1_018_408), Some("12-Nov-2020 10:00")));
        let page = place(&entries, &Url::parse("https://h/x/").unwrap());
        assert_eq!((page.files.len(), page.folders.len()), (1, 1));
    }

    #[test]
    fn links_that_lead_elsewhere_are_no_entries() {
        let html = r#"<a href="https://other/x/a.nc">a</a><a href="/x/b.nc">b</a><a href="sub/c.nc">c</a>
<a href="d.nc?download">d</a><a href="mailto:x@y">e</a><a href="">f</a><a>g</a><a href="//">h</a>"#;
        let page = place(&read_page(html.as_bytes()).unwrap(), &Url::parse("https://h/x/").unwrap());
        let names: Vec<&str> = page.files.iter().map(|f| f.name.as_str()).collect();
        assert_eq!(names, ["b.nc"]);
        assert!(page.folders.is_empty());
    }

    #[test]
    fn a_notice_is_no_listing_but_an_empty_folder_is() {
        let at =
            |html: &str| place(&read_page(html.as_bytes()).unwrap(), &Url::parse("https://h/a/x/").unwrap());
        let notice = "<h1>We'll be back soon</h1><a href=\"/\">Home</a>";
        assert!(at(notice).checked(Sought::Anything).is_err());
        assert!(at("<a href=\"login.php\">Log in</a>").checked(Sought::Folders).is_err());
        assert!(at("<pre><a href=\"../\">../</a></pre>").checked(Sought::Folders).is_ok());
        assert!(at("<a href=\"/a/\">Parent Directory</a>").checked(Sought::Folders).is_ok());
    }

    #[test]
    fn a_page_that_was_cut_is_told_from_a_whole_one() {
        let whole = "<!DOCTYPE html><html><head></head><body><pre><a href=\"../\">../</a>\n\
            <a href=\"a.nc\">a.nc</a> 12-Nov-2020 10:00 382\n</pre></body></html>\n";
        assert!(!is_cut(whole.as_bytes()));
        let end = whole.find("</body").unwrap();
        let begin = whole.find("<html>").unwrap();
        for cut in begin + "<html>".len()..end {
            assert!(is_cut(&whole.as_bytes()[..cut]), "{}", &whole[..cut]);
        }
        // Old pages open nothing, and some close one of the two.
        for text in
            ["<pre><a href=\"a.nc\">a</a></pre>", "<HTML><body><a href=x>x</a></HTML>", "<ul><li>a</ul>"]
        {
            assert!(!is_cut(text.as_bytes()), "{text}");
        }
        assert!(is_cut(b"<ul><li><a href=\"a.nc"));
    }

    #[test]
    fn a_page_may_name_the_address_that_its_links_count_from() {
        let html = "<html><head><base href=\"/elsewhere/\"></head><a href=\"a.nc\">a</a></html>";
        assert_eq!(base_of(html.as_bytes()).as_deref(), Some("/elsewhere/"));
        assert_eq!(base_of(b"<a href=\"a.nc\">a</a>"), None);
    }

    #[test]
    fn a_text_is_no_listing() {
        assert!(read_page(b"You have tried to download the file too often").is_err());
        assert!(read_page(b"").unwrap_err().contains("nothing"));
    }
}
