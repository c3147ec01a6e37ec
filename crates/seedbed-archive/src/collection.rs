//! The collection of a crawl.

use crate::definition::Definition;
use seedbed_catalog::Collection;
use serde_json::json;

const SCIENTIFIC: &str = "https://stac-extensions.github.io/scientific/v1.0.0/schema.json";

/// What the definition says of the archive; the extent is still that of no item.
pub(crate) fn collection(definition: &Definition, id: &str) -> Collection {
    let about = &definition.about;
    let providers = about.providers.iter().map(|p| json!(p)).collect();
    let mut collection = Collection::from_items(id, &about.description, &about.licence, &[])
        .with_title(&about.title)
        .with_keywords(&about.keywords)
        .with_providers(providers);
    if about.doi.is_some() || about.citation.is_some() {
        collection = collection.with_extension(SCIENTIFIC);
    }
    if let Some(doi) = &about.doi {
        collection = collection.with_field("sci:doi", json!(doi)).with_link(json!({
            "rel": "cite-as", "href": format!("https://doi.org/{doi}")
        }));
    }
    if let Some(citation) = &about.citation {
        collection = collection.with_field("sci:citation", json!(citation));
    }
    if let Some(url) = &about.licence_url {
        collection = collection.with_link(json!({"rel": "license", "href": url}));
    }
    if let Some(url) = &about.home {
        collection = collection.with_link(json!({"rel": "about", "href": url}));
    }
    collection
}
