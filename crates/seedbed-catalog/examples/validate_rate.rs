//! How long validation takes a document: `validate_rate CATALOG [SCHEMAS]`.

use seedbed_catalog::validate::Validator;
use seedbed_storage::{Location, Settings, Stores};
use std::path::PathBuf;
use std::time::Instant;

#[tokio::main(flavor = "current_thread")]
#[expect(clippy::print_stdout, reason = "this is what it is for")]
#[expect(clippy::cast_precision_loss, reason = "shown with one digit")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let at: Location = args.next().ok_or("name a catalog")?.parse()?;
    let schemas = args.next().map(PathBuf::from);
    let stores = Stores::new(Settings::default())?;
    let begun = Instant::now();
    let mut validator = Validator::new(schemas.as_deref())?;
    validator.add(&stores, &at).await;
    let report = validator.finish();
    let documents = report.valid + report.invalid;
    let each = begun.elapsed().as_secs_f64() * 1e3 / documents.max(1) as f64;
    println!("{documents} documents, {} invalid; unchecked: {:?}", report.invalid, report.unchecked);
    for document in report.documents.iter().take(3) {
        println!("{}: {:?}", document.location, document.problems.first());
    }
    println!("{each:.3} ms a document");
    Ok(())
}
