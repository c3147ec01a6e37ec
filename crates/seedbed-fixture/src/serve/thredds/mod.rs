//! A THREDDS data server with MACA on it.

pub(super) mod listed;

use std::fmt::Write;
use std::fs;

use hyper::StatusCode;

use super::Site;
use super::body::{Reply, not_found, redirect, whole};
use super::fault::Kind;
use super::files;
use super::request::Asked;

const HEAD: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<catalog \
xmlns=\"http://www.unidata.ucar.edu/namespaces/thredds/InvCatalog/v1.0\" \
xmlns:xlink=\"http://www.w3.org/1999/xlink\" ";

/// A path under `/thredds/`.
pub(super) async fn serve(site: &Site, asked: &Asked, rest: &str, fault: Option<Kind>) -> Reply {
    if let Some(path) = rest.strip_prefix("fileServer/MACAV2/") {
        return files::serve(site, asked, &format!("maca/{path}"), fault).await;
    }
    match rest {
        "catalog.xml" => redirect(StatusCode::FOUND, &format!("{}/thredds/catalog/catalog.xml", asked.base)),
        "catalog/catalog.xml" => top(),
        "catalog/MACAV2/catalog.xml" => models(site),
        _ => rest
            .strip_prefix("catalog/MACAV2/")
            .and_then(|rest| rest.strip_suffix("/catalog.xml"))
            .and_then(|model| model_files(site, asked, model))
            .unwrap_or_else(|| not_found("catalog of this name")),
    }
}

fn xml(text: String) -> Reply {
    whole(StatusCode::OK, "application/xml;charset=UTF-8", text)
}

fn top() -> Reply {
    xml(format!(
        "{HEAD}name=\"THREDDS Server\" version=\"1.0.1\">\n  <dataset name=\"THREDDS Server\">\n{}  \
         </dataset>\n</catalog>\n",
        top_link("MACAV2", "MACAv2-METDATA")
    ))
}

/// A reference to a root's catalog.
fn top_link(root: &str, title: &str) -> String {
    format!("    <catalogRef xlink:href=\"{root}/catalog.xml\" xlink:title=\"{title}\" name=\"\" />\n")
}

/// The names in a folder, in order.
fn names(site: &Site, folder: &str, folders: bool) -> Vec<(String, u64)> {
    let entries = fs::read_dir(site.dir.join(folder)).into_iter().flatten().flatten();
    let mut names: Vec<(String, u64)> = entries
        .filter_map(|entry| {
            let metadata = entry.metadata().ok()?;
            let name = entry.file_name().to_string_lossy().into_owned();
            (metadata.is_dir() == folders && !name.starts_with('.')).then_some((name, metadata.len()))
        })
        .collect();
    names.sort();
    names
}

fn models(site: &Site) -> Reply {
    let mut text = format!(
        "{HEAD}name=\"MACAV2\" version=\"1.0.1\">\n  <dataset name=\"MACAV2\" ID=\"MACAV2\">\n    \
         <metadata inherited=\"true\">\n      <serviceName>all</serviceName>\n    </metadata>\n"
    );
    for (model, _) in names(site, "maca", true) {
        let _ = writeln!(
            text,
            "    <catalogRef xlink:href=\"{model}/catalog.xml\" xlink:title=\"{model}\" ID=\"MACAV2/{model}\" name=\"\" />"
        );
    }
    text.push_str("  </dataset>\n</catalog>\n");
    xml(text)
}

fn model_files(site: &Site, asked: &Asked, model: &str) -> Option<Reply> {
    let files = names(site, &format!("maca/{model}"), false);
    if files.is_empty() || model.contains('/') {
        return None;
    }
    let prefix = asked.prefix();
    // One model names its service in the metadata that its datasets inherit, the others on each.
    let inherits = files.iter().any(|(name, _)| name.contains("_r1i1p1_"));
    let mut text = format!(
        "{HEAD}name=\"{model}\" version=\"1.0.1\">\n  <service name=\"all\" serviceType=\"Compound\" base=\"\">\n    \
         <service name=\"odap\" serviceType=\"OpenDAP\" base=\"{prefix}/thredds/dodsC/\" />\n    \
         <service name=\"http\" serviceType=\"HTTPServer\" base=\"{prefix}/thredds/fileServer/\" />\n    \
         <service name=\"wms\" serviceType=\"WMS\" base=\"{prefix}/thredds/wms/\" />\n  </service>\n  \
         <dataset name=\"{model}\" ID=\"MACAV2/{model}\">\n"
    );
    if inherits {
        text.push_str(
            "    <metadata inherited=\"true\">\n      <serviceName>all</serviceName>\n      \
             <dataType>GRID</dataType>\n    </metadata>\n",
        );
    }
    for (name, size) in files {
        let service = if inherits { "" } else { " serviceName=\"all\"" };
        let _ = write!(
            text,
            "    <dataset name=\"{name}\" ID=\"MACAV2/{model}/{name}\"{service} urlPath=\"MACAV2/{model}/{name}\">\n      \
             <dataSize units=\"Mbytes\">{:.1}</dataSize>\n      \
             <date type=\"modified\">2020-11-30T12:00:00Z</date>\n    </dataset>\n",
            size as f64 / 1e6
        );
    }
    text.push_str("  </dataset>\n</catalog>\n");
    Some(xml(text))
}
