//! `robots.txt` (RFC 9309), for HTML indexes.

use super::Web;
use crate::CrawlError;
use seedbed_storage::Request;
use std::collections::HashMap;
use std::sync::Arc;
use tokio::sync::Mutex;
use url::Url;

/// What robots are told to call themselves.
const PRODUCT: &str = "seedbed";
/// What is read of a file: RFC 9309 asks for at least 500 KiB.
const LONGEST: usize = 512 * 1024;

/// The rules of each site, asked for once.
#[derive(Debug, Default)]
pub(crate) struct Robots(Mutex<HashMap<String, Arc<Rules>>>);

impl Robots {
    /// Whether an address may be asked for. A site without rules allows everything.
    ///
    /// # Errors
    /// If the rules can't be had now: then nothing may be asked for.
    pub(crate) async fn allow(&self, web: &Web<'_>, url: &Url) -> Result<bool, CrawlError> {
        let origin = url.origin().ascii_serialization();
        let mut known = self.0.lock().await;
        let rules = if let Some(rules) = known.get(&origin) {
            Arc::clone(rules)
        } else {
            let rules = Arc::new(fetch(web, url).await?);
            known.insert(origin, Arc::clone(&rules));
            rules
        };
        drop(known);
        Ok(rules.allow(&url[url::Position::BeforePath..url::Position::AfterQuery]))
    }
}

async fn fetch(web: &Web<'_>, url: &Url) -> Result<Rules, CrawlError> {
    let Ok(at) = url.join("/robots.txt") else { return Ok(Rules::default()) };
    web.pause().await;
    match web.stores.request(Request::get(at.clone())).await {
        Ok(response) => Ok(Rules::read(&response.body, PRODUCT)),
        // 4xx: there are no rules. Others: they may be there.
        Err(error) if !error.retryable() => Ok(Rules::default()),
        Err(source) => Err(CrawlError::Storage { at: at.to_string(), source }),
    }
}

/// The rules for one robot.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Rules(Vec<Rule>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Rule {
    allow: bool,
    /// With `*` for any text and `$` for the end.
    path: String,
}

impl Rules {
    /// The rules of the groups for `product`; of those for `*`, if there is none.
    pub(crate) fn read(body: &[u8], product: &str) -> Self {
        let text = String::from_utf8_lossy(&body[..body.len().min(LONGEST)]);
        let (mut ours, mut any) = (Vec::new(), Vec::new());
        let mut has_ours = false;
        // Whom the present group is for, and whether its rules have begun.
        let (mut is_ours, mut is_any, mut begun) = (false, false, false);
        for line in text.trim_start_matches('\u{feff}').lines() {
            let line = line.split('#').next().unwrap_or_default();
            let Some((key, value)) = line.split_once(':') else { continue };
            let value = value.trim();
            match key.trim().to_ascii_lowercase().as_str() {
                "user-agent" => {
                    if begun {
                        (is_ours, is_any, begun) = (false, false, false);
                    }
                    let name: String =
                        value.chars().take_while(|c| c.is_ascii_alphabetic() || "-_".contains(*c)).collect();
                    is_ours |= name.eq_ignore_ascii_case(product);
                    is_any |= value == "*";
                    has_ours |= is_ours;
                }
                key @ ("allow" | "disallow") => {
                    begun = true;
                    if value.is_empty() {
                        continue;
                    }
                    let rule = Rule { allow: key == "allow", path: normal(value) };
                    if is_ours {
                        ours.push(rule.clone());
                    }
                    if is_any {
                        any.push(rule);
                    }
                }
                _ => {}
            }
        }
        Self(if has_ours { ours } else { any })
    }

    /// Whether a path (with its query) is allowed: the longest rule that matches it decides, `allow` in a tie.
    pub(crate) fn allow(&self, path: &str) -> bool {
        let path = normal(path);
        let matching = self.0.iter().filter(|rule| matches(&rule.path, &path));
        matching.max_by_key(|rule| (rule.path.len(), rule.allow)).is_none_or(|rule| rule.allow)
    }
}

/// A path with percent signs decoded, but for those that mean something.
fn normal(path: &str) -> String {
    let decoded =
        super::decode(&path.replace("%2F", "%252F").replace("%2f", "%252F").replace("%2A", "%252A"));
    if decoded.starts_with(['/', '*']) { decoded } else { format!("/{decoded}") }
}

/// Whether a rule's path matches the beginning of `path`.
fn matches(rule: &str, path: &str) -> bool {
    let (rule, whole) = match rule.strip_suffix('$') {
        Some(rule) => (rule, true),
        None => (rule, false),
    };
    let mut pieces = rule.split('*');
    let Some(mut rest) = pieces.next().and_then(|first| path.strip_prefix(first)) else { return false };
    let mut pieces: Vec<&str> = pieces.collect();
    // Without a star all of it has been compared already.
    let Some(last) = pieces.pop() else { return !whole || rest.is_empty() };
    for piece in pieces {
        match rest.find(piece) {
            Some(at) => rest = &rest[at + piece.len()..],
            None => return false,
        }
    }
    if whole { rest.ends_with(last) } else { rest.contains(last) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(text: &str, path: &str) -> bool {
        Rules::read(text.as_bytes(), "seedbed").allow(path)
    }

    #[test]
    fn the_longest_rule_that_matches_decides() {
        let text = "User-agent: *\nDisallow: /data/\nAllow: /data/open/ # these\nDisallow: /*.zip$\nAllow: /page\nDisallow: /*.htm\n";
        assert!(!allows(text, "/data/x"));
        assert!(allows(text, "/data/open/x"));
        assert!(allows(text, "/other/"));
        assert!(!allows(text, "/other/a.zip"));
        assert!(allows(text, "/other/a.zip?x"));
        // RFC 9309, 5.2: `/*.htm` is longer than `/page`.
        assert!(!allows(text, "/page.htm"));
        assert!(allows("User-agent: *\nAllow: /p\nDisallow: /p", "/p"));
        assert!(allows("User-agent: *\nDisallow:", "/p"));
    }

    #[test]
    fn our_own_group_counts_before_the_one_for_all() {
        let text = "User-agent: *\nDisallow: /\n\nUser-agent: other\nUser-agent: SeedBed/1.0\nDisallow: /private\n\nuser-agent: seedbed\nDisallow: /more";
        assert!(allows(text, "/public/"));
        assert!(!allows(text, "/private/x"));
        assert!(!allows(text, "/more"));
        assert!(!allows("User-agent: *\nDisallow: /", "/x"));
        assert!(allows("User-agent: other\nDisallow: /", "/x"));
        assert!(allows("<html><body>Not found: here</body></html>", "/x"));
        assert!(allows("", "/x"));
    }

    #[test]
    fn percent_signs_and_stars_are_read() {
        assert!(!allows("User-agent: *\nDisallow: /a b/", "/a%20b/c"));
        assert!(!allows("User-agent: *\nDisallow: /a/*/c$", "/a/b/b/c"));
        assert!(allows("User-agent: *\nDisallow: /a/*/c$", "/a/b/c/d"));
        assert!(!allows("User-agent: *\nDisallow: *", "/x"));
    }
}
