//! PRISM's web service of release dates: which files there are, and in which version.

use super::Web;
use crate::CrawlError;
use crate::granule::{Granule, excerpt};
use crate::page::{Page, Step};
use crate::template::Captures;
use jiff::civil::Date;
use seedbed_storage::Response;
use serde_json::Value;
use url::Url;

/// One request for each combination of values and each year.
pub(crate) fn first(web: &Web<'_>, root: &Url) -> Result<Vec<Step>, CrawlError> {
    let mut steps = Vec::new();
    for (captures, (first, last)) in super::template::years(web) {
        let mut captures = captures;
        for (key, day) in [("start", first), ("end", last)] {
            captures.insert(key.to_owned(), day.strftime("%Y%m%d").to_string());
        }
        let mut url = Web::address(root, &web.source.address.render(&captures))?;
        if !web.source.parameters.is_empty() {
            let mut pairs = url.query_pairs_mut();
            for (name, value) in &web.source.parameters {
                pairs.append_pair(name, &value.render(&captures));
            }
        }
        for key in ["start", "end", "year"] {
            captures.remove(key);
        }
        steps.push(Step { captures, ..Step::at(url) });
    }
    Ok(steps)
}

/// The files that the service tells of.
pub(crate) fn read(web: &Web<'_>, step: &Step, response: &Response) -> Result<Page, String> {
    let mut page = Page::default();
    for (i, row) in read_rows(&response.body)?.into_iter().enumerate() {
        match row {
            Ok(row) => page.granules.push(granule(web, step, row)),
            Err(reason) => page.reject(format!("{} (row {})", step.at, i + 1), reason),
        }
    }
    Ok(page)
}

/// A row of the service's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    /// The date of the data, digits only: YYYYMMDD, YYYYMM or YYYY.
    pub date: String,
    /// The day of its release.
    pub release: Date,
    /// The variable.
    pub element: String,
    /// How often it was updated.
    pub update: String,
    /// Where it is.
    pub href: String,
}

fn granule(web: &Web<'_>, step: &Step, row: Row) -> Granule {
    let mut captures: Captures = step.captures.clone();
    captures.insert("date".to_owned(), row.date);
    captures.insert("variable".to_owned(), row.element);
    let label = web.source.label.as_ref().map(|l| l.render(&captures));
    let name = label.unwrap_or_else(|| super::file_name(&row.href));
    let told = [("release", row.release.to_string()), ("update", row.update)];
    let captures = told.map(|(k, v)| (k.to_owned(), v)).into();
    Granule { name, href: row.href, captures, ..Granule::default() }
}

/// Reads an answer: a list of rows, each of which is a list; a single row may stand alone.
pub(crate) fn read_rows(body: &[u8]) -> Result<Vec<Result<Row, String>>, String> {
    let answer: Value =
        serde_json::from_slice(body).map_err(|e| format!("no JSON but {} ({e})", excerpt(body)))?;
    let Some(rows) = answer.as_array() else { return Err("JSON, but no list of rows".to_owned()) };
    if rows.first().is_some_and(|cell| !cell.is_array()) {
        return Ok(vec![read_row(&answer)]);
    }
    Ok(rows.iter().map(read_row).collect())
}

fn read_row(row: &Value) -> Result<Row, String> {
    let cell = |i: usize, what: &str| {
        let text = match &row[i] {
            Value::String(text) => Some(text.trim().to_owned()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        };
        text.filter(|t| !t.is_empty()).ok_or_else(|| format!("its {what} is missing"))
    };
    let date: String = cell(0, "date")?.chars().filter(|c| *c != '-').collect();
    if !date.chars().all(|c| c.is_ascii_digit()) || !matches!(date.len(), 4 | 6 | 8) {
        return Err(format!("`{date}` is no date"));
    }
    let release = cell(1, "release date")?;
    let release = release
        .get(..10)
        .unwrap_or(&release)
        .parse()
        .map_err(|_| format!("`{release}` is no release date"))?;
    let href = cell(4, "address")?;
    let is_web = Url::parse(&href).is_ok_and(|u| matches!(u.scheme(), "http" | "https"));
    if !is_web {
        return Err(format!("`{href}` is no address"));
    }
    Ok(Row { date, release, element: cell(2, "element")?, update: cell(3, "update count")?, href })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_read_also_where_one_stands_alone() {
        let row = r#"["2003-01-01", "2019-06-20", "ppt", 8, "https://h/get/us/4km/ppt/20030101"]"#;
        let rows = read_rows(
            format!("[{row}, [\"2003-01\", \"2019-06-20 10:00\", \"ppt\", \"7\", \"http://h/x\"]]")
                .as_bytes(),
        )
        .unwrap();
        let first = rows[0].as_ref().unwrap();
        assert_eq!((first.date.as_str(), first.update.as_str()), ("20030101", "8"));
        assert_eq!(rows[1].as_ref().unwrap().date, "200301");
        assert_eq!(read_rows(row.as_bytes()).unwrap(), rows[..1]);
        assert!(read_rows(b"[]").unwrap().is_empty());
    }

    #[test]
    fn rows_that_make_no_sense_have_a_reason() {
        let bad = br#"[["x", "2019-06-20", "ppt", 8, "https://h/x"], ["2003-01-01", "soon", "ppt", 8, "https://h/x"],
            ["2003-01-01", "2019-06-20", "ppt", null, "https://h/x"], ["2003-01-01", "2019-06-20", "ppt", 8, "file:///etc/x"], []]"#;
        assert!(read_rows(bad).unwrap().iter().all(Result::is_err));
        assert!(read_rows(b"You have asked too often").unwrap_err().contains("no JSON but"));
        assert!(read_rows(b"{}").is_err());
    }
}
