//! Addresses made of listed values and dates. They may lead nowhere, so each is asked for by HEAD.

use super::{Fetched, Web};
use crate::CrawlError;
use crate::granule::Granule;
use crate::page::{Page, Step, Validators};
use crate::template::Captures;
use jiff::ToSpan;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use seedbed_storage::Location;
use url::Url;

/// A step for each combination of values and each year.
pub(crate) fn first(web: &Web<'_>, root: &Url) -> Result<Vec<Step>, CrawlError> {
    let step = |(mut captures, (first, last)): (Captures, (Date, Date))| {
        captures.insert("start".to_owned(), first.to_string());
        captures.insert("end".to_owned(), last.to_string());
        // All have the same root: the values and days tell them apart.
        let cursor = Some(captures.values().map(String::as_str).collect::<Vec<_>>().join(" "));
        Ok(Step { captures, cursor, ..Step::at(Web::address(root, "")?) })
    };
    years(web).into_iter().map(step).collect()
}

/// The wanted combinations of the listed values, with each year's first and last day.
pub(super) fn years(web: &Web<'_>) -> Vec<(Captures, (Date, Date))> {
    let source = &web.source;
    let mut choices = vec![web.given()];
    for (key, values) in &source.values {
        let wanted = values.iter().filter(|v| web.wanted.takes(key, v));
        choices = wanted
            .flat_map(|v| {
                choices.iter().map(move |c| {
                    let mut c = c.clone();
                    c.insert(key.clone(), v.clone());
                    c
                })
            })
            .collect();
    }
    let today = jiff::Timestamp::now().to_zoned(TimeZone::UTC).date();
    let from = source.from.into_iter().chain(web.wanted.from).max().unwrap_or(today);
    let to = web.wanted.to.into_iter().chain([source.to.unwrap_or(today)]).min().unwrap_or(today);
    let mut years = Vec::new();
    for year in from.year()..=to.year() {
        let (Ok(first), Ok(last)) = (Date::new(year, 1, 1), Date::new(year, 12, 31)) else { continue };
        if from <= to {
            years.push((first.max(from), last.min(to)));
        }
    }
    choices
        .iter()
        .flat_map(|c| {
            years.iter().map(|days| {
                let mut c = c.clone();
                c.insert("year".to_owned(), format!("{:04}", days.0.year()));
                (c, *days)
            })
        })
        .collect()
}

/// Asks for every address of a year: those that are there become granules, the others are counted.
pub(crate) async fn fetch(web: &Web<'_>, step: &Step) -> Result<Fetched, CrawlError> {
    let day = |key: &str| step.captures.get(key).and_then(|d| d.parse::<Date>().ok());
    let (Some(first), Some(last), Ok(root)) = (day("start"), day("end"), Url::parse(&step.at)) else {
        return Ok(Fetched::Unusable("it is no year of addresses".to_owned()));
    };
    let mut urls: Vec<Url> = Vec::new();
    let mut at = Some(first);
    while let Some(day) = at.filter(|d| *d <= last) {
        let url = Web::address(&root, &web.source.address.render(&with_day(&step.captures, day)))?;
        if urls.last() != Some(&url) {
            urls.push(url);
        }
        at = day.checked_add(1.day()).ok();
    }
    let asked = web
        .each(urls, |url| async move {
            web.pause().await;
            let found = web.stores.head(&Location::Http(url.clone())).await;
            (url, found)
        })
        .await;
    let mut page = Page::default();
    for (url, found) in asked {
        match found {
            Ok(meta) => page.granules.push(Granule {
                name: super::file_name(url.as_str()),
                href: url.to_string(),
                size: meta.size,
                ..Granule::default()
            }),
            Err(error) if error.is_not_found() => page.missing += 1,
            Err(error) if error.retryable() => return Ok(Fetched::Failed(error)),
            Err(error) => page.reject(url.to_string(), error.to_string()),
        }
    }
    Ok(Fetched::Page(Box::new(page), Validators::default()))
}

/// The captures of a day, beside those there are.
fn with_day(captures: &Captures, day: Date) -> Captures {
    let mut captures = captures.clone();
    for (key, format) in [("date", "%Y%m%d"), ("year", "%Y"), ("month", "%m"), ("day", "%d"), ("doy", "%j")] {
        captures.insert(key.to_owned(), day.strftime(format).to_string());
    }
    captures
}
