//! A project of years: twelve layers that recur, so that any period has few files.

use crate::support::{Sandbox, asset, item};
use seedbed_block::date;

/// The project; `PERIOD` is to be replaced.
const PROJECT: &str = r#"
[project]
name = "years"
out = "out"
period = "PERIOD"

[grid]
file = "tiles.grid.json"

[inputs.ppt]
items = "climate.json"
asset = "ppt"
time = "climatology"

[inputs.tmin]
items = "climate.json"
asset = "tmin"
time = "climatology"

[inputs.tmax]
items = "climate.json"
asset = "tmax"
time = "climatology"

[inputs.ndvi]
items = "climate.json"
asset = "ndvi"
time = "climatology"

[statics.whc]
href = "data/whc.tif"

[statics.field_capacity]
value = 220

[statics.saturation]
value = 400

[statics.interception]
value = 10

[model]
name = "veget"

[model.set]
bias_corr = 1.0

[output]
periods = ["monthly", "yearly"]
variables = ["etasw", "swf", "dd"]
"#;

/// The project file for a period.
pub fn project(period: &str) -> String {
    PROJECT.replace("PERIOD", period)
}

/// A sandbox with the layers and the project of a period.
pub fn sandbox(period: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    let mut items = Vec::new();
    for month in 1..=12_i8 {
        let day = date(2001, month, 15);
        // From −1 in winter to 1 in summer.
        let season = 1.0 - f64::from((month - 7).abs()) / 3.0;
        let mut assets = serde_json::Map::new();
        for (name, base, swing, unit) in [
            ("ppt", 3.0, 1.0, "mm"),
            ("tmin", 2.0, 12.0, "degC"),
            ("tmax", 11.0, 14.0, "degC"),
            ("ndvi", 0.4, 0.2, "1"),
        ] {
            let file = format!("data/{name}-{month:02}.tif");
            sandbox.raster(&file, unit, |i| base + swing * season + f64::from(i) * 0.001);
            assets.insert(name.to_owned(), asset(&file, unit));
        }
        items.push(item(&format!("climate-{month:02}"), day, day, &assets.into()));
    }
    sandbox.items("climate.json", &items);
    sandbox.write_project(&project(period));
    sandbox
}
