//! The Northwest Knowledge Network's server with all of MACA and gridMET, and the liberties that
//! THREDDS catalogs take.

use std::fmt::Write;

use hyper::StatusCode;

use super::{HEAD, top_link, xml};
use crate::listing::shelf::Entry;
use crate::serve::Site;
use crate::serve::body::{Reply, not_found, redirect};
use crate::serve::fault::{Kind, struck};
use crate::serve::folders;
use crate::serve::listed::Listed;
use crate::serve::request::Asked;

/// Roots on the server: the folder, and the name shown.
const ROOTS: [(&str, &str); 2] = [("MACAV2", "MACAv2-METDATA"), ("MET", "METDATA")];

/// A path under `/thredds/`.
pub(in crate::serve) fn serve(
    site: &Site,
    listed: &Listed,
    asked: &Asked,
    rest: &str,
    fault: Option<Kind>,
) -> Reply {
    if let Some(path) = rest.strip_prefix("fileServer/") {
        let known = ROOTS.iter().any(|(root, _)| path.starts_with(&format!("{root}/")));
        let file = if known { folders::file(site, listed, asked, path, fault) } else { None };
        return file.unwrap_or_else(|| not_found("file of this name"));
    }
    if rest == "catalog.xml" {
        return redirect(StatusCode::FOUND, &format!("{}/thredds/catalog/catalog.xml", asked.base));
    }
    let Some(folder) = rest.strip_prefix("catalog/").and_then(|rest| rest.strip_suffix("catalog.xml")) else {
        return not_found("catalog of this name");
    };
    let folder = folder.trim_end_matches('/');
    if folder.is_empty() {
        return top();
    }
    if fault == Some(Kind::Endless) && folder.split('/').any(|part| part == "more") {
        return xml(format!(
            "{HEAD}name=\"more\" version=\"1.0.1\">\n  <catalogRef xlink:href=\"more/catalog.xml\" \
             xlink:title=\"more\" name=\"\" />\n</catalog>\n"
        ));
    }
    let Some((root, title)) = ROOTS.iter().find(|(root, _)| folder.split('/').next() == Some(root)) else {
        return not_found("catalog of this name");
    };
    let entries = listed.shelf().folder(folder);
    match entries {
        Some(entries) if folder == *root => refs(asked, root, title, &entries, fault),
        Some(entries) => datasets(asked, root, folder, &entries, fault),
        None => not_found("catalog of this name"),
    }
}

fn top() -> Reply {
    let mut text =
        format!("{HEAD}name=\"THREDDS Server\" version=\"1.0.1\">\n  <dataset name=\"Climate\">\n");
    for (root, title) in ROOTS {
        text.push_str(&top_link(root, title));
    }
    text.push_str("  </dataset>\n</catalog>\n");
    xml(text)
}

/// References to the folders' catalogs: by a relative address, or by one from the server's root.
fn refs(asked: &Asked, root: &str, title: &str, entries: &[Entry], fault: Option<Kind>) -> Reply {
    let mut text = format!(
        "{HEAD}name=\"{title}\" version=\"1.0.1\">\n  <dataset name=\"{title}\" ID=\"{root}\">\n    \
         <metadata inherited=\"true\">\n      <serviceName>VirtualServices</serviceName>\n    </metadata>\n"
    );
    let mut link = |href: &str, name: &str| {
        let _ = writeln!(
            text,
            "    <catalogRef xlink:href=\"{href}\" xlink:title=\"{name}\" ID=\"{root}/{name}\" name=\"\" />"
        );
    };
    for (k, Entry { name, .. }) in (0..).zip(entries) {
        if k % 2 == 0 {
            link(&format!("{name}/catalog.xml"), name);
        } else {
            link(&format!("{}/thredds/catalog/{root}/{name}/catalog.xml", asked.prefix()), name);
        }
    }
    match fault {
        Some(Kind::Loop) => link("catalog.xml", "again"),
        Some(Kind::Endless) => link("more/catalog.xml", "more"),
        _ => {}
    }
    text.push_str("  </dataset>\n</catalog>\n");
    xml(text)
}

/// How a catalog tells the service of its datasets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tells {
    /// In metadata that the datasets inherit.
    Inherited,
    /// By an attribute of each.
    Attribute,
    /// By an element in each.
    Element,
}

/// The services: a compound with another in it, types in one case or another, and some that serve
/// no files.
fn services(prefix: &str, shouting: bool) -> String {
    let (compound, opendap, http) =
        if shouting { ("compound", "OPENDAP", "HTTPServer") } else { ("Compound", "OpenDAP", "httpserver") };
    format!(
        "  <service name=\"latest\" serviceType=\"Resolver\" base=\"\" />\n  \
         <service name=\"VirtualServices\" serviceType=\"{compound}\" base=\"\">\n    \
         <service name=\"access\" serviceType=\"{compound}\" base=\"\">\n      \
         <service name=\"odap\" serviceType=\"{opendap}\" base=\"{prefix}/thredds/dodsC/\" />\n      \
         <service name=\"http\" serviceType=\"{http}\" base=\"{prefix}/thredds/fileServer/\" />\n    \
         </service>\n    \
         <service name=\"wms\" serviceType=\"WMS\" base=\"{prefix}/thredds/wms/\" />\n    \
         <service name=\"ncss\" serviceType=\"NetcdfSubset\" base=\"{prefix}/thredds/ncss/\" />\n  </service>\n"
    )
}

fn datasets(asked: &Asked, root: &str, folder: &str, entries: &[Entry], fault: Option<Kind>) -> Reply {
    let name = folder.rsplit('/').next().unwrap_or(folder);
    let kind = crate::listing::content::hash(name);
    let tells = [Tells::Inherited, Tells::Attribute, Tells::Element][usize::try_from(kind % 3).unwrap_or(0)];
    let mut text =
        format!("{HEAD}name=\"{name}\" version=\"1.0.1\">\n{}", services(asked.prefix(), kind & 8 == 0));
    let _ = writeln!(text, "  <dataset name=\"{name}\" ID=\"{folder}\">");
    if tells == Tells::Inherited {
        text.push_str(
            "    <metadata inherited=\"true\">\n      <serviceName>VirtualServices</serviceName>\n      \
             <dataType>GRID</dataType>\n    </metadata>\n",
        );
    }
    // MACA's datasets lie a level deeper than gridMET's.
    let nested = root == "MACAV2";
    if nested {
        let _ = writeln!(text, "    <dataset name=\"{name} files\" ID=\"{folder}/files\">");
    }
    for (k, entry) in (0..).zip(entries) {
        let mut shown = entry.name.clone();
        let mut times = 1;
        match fault.filter(|_| struck(k)) {
            Some(Kind::Duplicates) => times = 2,
            Some(Kind::Names) => shown = format!("unnamed_{k}.nc"),
            Some(Kind::Dates) => shown = impossible(&shown),
            _ => {}
        }
        for _ in 0..times {
            dataset(&mut text, folder, &shown, entry, tells);
        }
    }
    if nested {
        text.push_str("    </dataset>\n");
    }
    text.push_str("  </dataset>\n");
    if fault == Some(Kind::Loop) {
        text.push_str("  <catalogRef xlink:href=\"../catalog.xml\" xlink:title=\"up\" name=\"\" />\n");
    }
    text.push_str("</catalog>\n");
    xml(text)
}

/// A name whose years run backwards, or whose year isn't one.
fn impossible(name: &str) -> String {
    let mut parts: Vec<&str> = name.split('_').collect();
    match parts.iter().rposition(|part| *part == "CONUS") {
        Some(at) if at >= 2 => parts.swap(at - 2, at - 1),
        _ => return name.replacen("_20", "_00", 1).replacen("_19", "_00", 1),
    }
    parts.join("_")
}

fn dataset(text: &mut String, folder: &str, name: &str, entry: &Entry, tells: Tells) {
    let (attribute, element) = match tells {
        Tells::Inherited => ("", ""),
        Tells::Attribute => (" serviceName=\"VirtualServices\"", ""),
        Tells::Element => ("", "      <serviceName>VirtualServices</serviceName>\n"),
    };
    let bytes = entry.size.unwrap_or_default();
    let _ = write!(
        text,
        "    <dataset name=\"{name}\" ID=\"{folder}/{name}\"{attribute} urlPath=\"{folder}/{name}\">\n{element}      \
         <dataSize units=\"bytes\">{bytes}</dataSize>\n      <date type=\"modified\">{}</date>\n    </dataset>\n",
        entry.modified.strftime("%Y-%m-%dT%H:%M:%SZ")
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn years_that_are_spoilt_do_not_go_on() {
        assert_eq!(
            impossible("macav2metdata_pr_CCSM4_r6i1p1_rcp45_2006_2010_CONUS_daily.nc"),
            "macav2metdata_pr_CCSM4_r6i1p1_rcp45_2010_2006_CONUS_daily.nc"
        );
        assert_eq!(impossible("pr_1985.nc"), "pr_0085.nc");
    }
}
