//! A static page of pictures and facts.

use crate::quicklook::Canvas;
use anyhow::Context;
use std::fmt::{self, Write};
use std::path::Path;

/// A picture with what to say about it.
pub struct Picture {
    /// Its file's name.
    pub file: String,
    /// A title of a few words.
    pub title: String,
    /// What the colours mean.
    pub legend: String,
    /// The picture.
    pub canvas: Canvas,
}

/// A page. It carries no clock and no absolute path, so the same product gives the same page.
pub struct Page {
    title: String,
    facts: Vec<(String, String)>,
    /// Its pictures, in their order.
    pub pictures: Vec<Picture>,
}

const STYLE: &str = "\
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:72rem;padding:0 1rem;color:#262c34;background:#fff}
h1{font-size:1.5rem;margin:0 0 1rem}dl{display:grid;grid-template-columns:max-content 1fr;gap:.2rem 1.5rem}
dt{color:#60707c}dd{margin:0}main{display:flex;flex-wrap:wrap;gap:2rem}figure{margin:0}
img{max-width:100%;height:auto;border:1px solid #d8d6cd}figcaption b{display:block}";

impl Page {
    /// A page with a title.
    pub fn new(title: &str) -> Self {
        Self { title: title.to_owned(), facts: Vec::new(), pictures: Vec::new() }
    }

    /// Adds a fact.
    pub fn fact(&mut self, name: &str, value: impl fmt::Display) {
        self.facts.push((name.to_owned(), value.to_string()));
    }

    /// Writes the pictures, then `index.html`.
    pub fn save(&mut self, folder: &Path) -> anyhow::Result<()> {
        for picture in &self.pictures {
            picture.canvas.save(&folder.join(&picture.file))?;
        }
        let path = folder.join("index.html");
        std::fs::write(&path, self.html()?).with_context(|| format!("cannot write {}", path.display()))
    }

    fn html(&self) -> Result<String, fmt::Error> {
        let mut html = String::new();
        let title = escape(&self.title);
        writeln!(html, "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">")?;
        writeln!(html, "<meta name=\"viewport\" content=\"width=device-width\">")?;
        writeln!(
            html,
            "<title>{title}</title>\n<style>\n{STYLE}\n</style>\n</head>\n<body>\n<h1>{title}</h1>"
        )?;
        writeln!(html, "<dl>")?;
        for (name, value) in &self.facts {
            writeln!(html, "<dt>{}</dt><dd>{}</dd>", escape(name), escape(value))?;
        }
        writeln!(html, "</dl>\n<main>")?;
        for p in &self.pictures {
            let (file, title, legend) = (escape(&p.file), escape(&p.title), escape(&p.legend));
            writeln!(
                html,
                "<figure><img src=\"{file}\" alt=\"{title}\"><figcaption><b>{title}</b>{legend}</figcaption></figure>"
            )?;
        }
        writeln!(html, "</main>\n</body>\n</html>")?;
        Ok(html)
    }
}

/// Text that can stand in an element or a quoted attribute.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_from_a_catalog_cannot_become_markup() {
        let mut page = Page::new("<script>alert(1)</script>");
        page.fact("a\"b", "x & y");
        let html = page.html().unwrap();
        assert!(!html.contains("<script>"));
        assert!(html.contains("<dt>a&quot;b</dt><dd>x &amp; y</dd>"));
    }
}
