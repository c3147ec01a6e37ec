//! One small archive for all tests, and sandboxes with a project on it.

use crate::sandbox::Sandbox;
use seedbed_fixture::{Archive, Archives, Server, ServerOptions, Spec};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// A year of Daymet, MODIS and soils, and the server in front of them.
pub struct World {
    archives: Archives,
    server: Server,
}

impl World {
    /// The one of this process. Its files stay for the next.
    pub fn get() -> &'static Self {
        static WORLD: OnceLock<World> = OnceLock::new();
        WORLD.get_or_init(|| {
            let spec = Spec {
                archives: vec![Archive::Daymet, Archive::Modis, Archive::Statics, Archive::PrismOld],
                years: 2004..=2004,
                prism_variables: vec!["ppt".to_owned()],
                prism_days: 3,
                ..Spec::default()
            };
            let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("world");
            let archives = Archives::generate(folder, &spec).unwrap();
            let server = Server::start(archives.dir(), ServerOptions::default()).unwrap();
            Self { archives, server }
        })
    }

    /// A path below the archives.
    pub fn path(&self, name: &str) -> PathBuf {
        self.archives.dir().join(name)
    }

    /// An address of the server.
    pub fn url(&self, path: &str) -> String {
        format!("{}/{path}", self.server.base_url())
    }

    /// The definition of the fixture's Daymet.
    pub fn daymet() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/definitions/daymet-drb.toml")
    }

    /// A sandbox with a catalog, a grid and a project of July 2004 on a few small tiles.
    /// Daymet is used where it lies; NDVI is copied.
    pub fn project(&self) -> Sandbox {
        let sandbox = Sandbox::new();
        self.set_up(&sandbox);
        sandbox
    }

    /// The same in a sandbox that is there.
    pub fn set_up(&self, sandbox: &Sandbox) {
        Self::crawl_daymet(sandbox, &self.path("daymet"));
        let stac = self.url("api/stac/v1/");
        let period = "2004-06-01/2004-08-31";
        sandbox
            .seedbed(["crawl", "mod13a1", "--root", &stac, "--datetime", period, "--out", "catalog"])
            .succeeds();
        sandbox.seedbed(["copy", "catalog/mod13a1", "--assets", "ndvi", "--to", "data"]).succeeds();
        Self::tile(sandbox, "-75.4,41.0,-75.0,41.3");
        sandbox.write("seedbed.toml", self.toml());
    }

    /// Crawls Daymet from a folder into the sandbox's catalog.
    pub fn crawl_daymet(sandbox: &Sandbox, from: &Path) {
        let (definition, from) = (Self::daymet().display().to_string(), from.display().to_string());
        sandbox.seedbed(["crawl", &definition, "--root", &from, "--out", "catalog"]).succeeds();
    }

    /// Tiles of 20 km over a box.
    pub fn tile(sandbox: &Sandbox, bbox: &str) {
        let bbox = format!("--bbox={bbox}");
        sandbox
            .seedbed([
                "grid",
                &bbox,
                "--crs",
                "EPSG:5070",
                "--resolution",
                "1000",
                "--tile",
                "20px",
                "--out",
                "tiles.geojson",
            ])
            .succeeds();
    }

    /// The project file.
    pub fn toml(&self) -> String {
        let mut text = "[project]\nname = \"july\"\nout = \"tiles\"\nperiod = \"2004-07\"\n\n\
                        [grid]\nfile = \"tiles.grid.json\"\n\n"
            .to_owned();
        for (name, collection, asset, more) in [
            ("ppt", "daymet-drb", "prcp", ""),
            ("tmin", "daymet-drb", "tmin", ""),
            ("tmax", "daymet-drb", "tmax", ""),
            ("ndvi", "mod13a1", "ndvi", "time = \"composite\"\n"),
        ] {
            let items = format!("catalog/{collection}/collection.json");
            writeln!(text, "[inputs.{name}]\nitems = \"{items}\"\nasset = \"{asset}\"\n{more}").unwrap();
        }
        for (name, unit) in
            [("whc", "mm"), ("field_capacity", "mm"), ("saturation", "mm"), ("interception", "%")]
        {
            let path = self.path(&format!("statics/{name}.tif"));
            writeln!(text, "[statics.{name}]\nhref = \"{}\"\nunit = \"{unit}\"\n", path.display()).unwrap();
        }
        text.push_str("[model]\nname = \"veget\"\n\n[model.set]\nbias_corr = 1.0\n");
        text
    }
}
