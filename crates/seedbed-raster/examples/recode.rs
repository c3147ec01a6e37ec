//! The least that a run can take: decodes every raster of one list once, and writes those of
//! another list once more, with the threads there are. What `benches/run.sh` measures
//! `seedbed run` by.
//!
//! Usage: `recode INPUTS.txt OUTPUTS.txt FOLDER`

#![allow(clippy::print_stderr, reason = "a measuring stick")]

use rayon::prelude::*;
use seedbed_grid::{GeoBox, PixelRange};
use seedbed_raster::cog::{self, BandMeta, CogOptions, Compress};
use seedbed_raster::{Raster, RasterError, RasterSource};
use std::path::{Path, PathBuf};

fn read(path: &Path) -> Result<(GeoBox, Vec<f32>), RasterError> {
    let raster = Raster::open(&RasterSource::new(path))?;
    let values = raster.read(0, PixelRange::of_shape(raster.geobox().shape))?;
    Ok((raster.geobox().clone(), values))
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [inputs, outputs, folder] = &arguments[..] else {
        return Err("usage: recode INPUTS.txt OUTPUTS.txt FOLDER".into());
    };
    let list = |path: &Path| -> std::io::Result<Vec<PathBuf>> {
        Ok(std::fs::read_to_string(path)?.lines().map(PathBuf::from).collect())
    };
    let (inputs, outputs) = (list(inputs)?, list(outputs)?);
    let read_ones = outputs.iter().map(|path| read(path)).collect::<Result<Vec<_>, _>>()?;
    std::fs::create_dir_all(folder)?;
    let values: usize =
        inputs.par_iter().map(|path| Ok(read(path)?.1.len())).sum::<Result<usize, RasterError>>()?;
    let options = CogOptions { nodata: Some(f64::NAN), compress: Compress::Deflate, ..CogOptions::default() };
    read_ones.par_iter().enumerate().try_for_each(|(n, (geobox, values))| {
        let band = BandMeta { name: "value".to_owned(), unit: None };
        cog::write(&folder.join(format!("{n}.tif")), geobox, values, &band, &options)
    })?;
    eprintln!("{values} values read, {} files written", read_ones.len());
    Ok(())
}
