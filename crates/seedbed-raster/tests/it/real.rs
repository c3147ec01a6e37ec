//! Real files of the archives, against GDAL's own programs.

use crate::support::{DAYMET, MODIS, crs, has, real_data, run};
use seedbed_block::{PixelRange, date};
use seedbed_grid::GeoBox;
use seedbed_raster::{DType, Raster, RasterError, RasterSource, same_crs};
use std::path::Path;

fn open(path: &Path, variable: Option<&str>, claimed: Option<GeoBox>) -> Raster {
    let claimed = claimed.map(Into::into).unwrap_or_default();
    Raster::open(&RasterSource { path: path.to_owned(), variable: variable.map(str::to_owned), claimed })
        .unwrap()
}

fn all(raster: &Raster, layer: usize) -> Vec<f64> {
    raster.read(layer, PixelRange::of_shape(raster.geobox().shape)).unwrap()
}

/// 20 values of a layer against gdallocationinfo's, which doesn't scale and
/// shows netCDF with north up.
fn spot_check(raster: &Raster, layer: usize, gdal_name: &str, band: usize) {
    spot_check_as(raster, layer, gdal_name, band, raster.geobox().affine.e > 0.0);
}

/// As `spot_check`, for a file whose rows GDAL turns round or doesn't.
fn spot_check_as(raster: &Raster, layer: usize, gdal_name: &str, band: usize, flipped: bool) {
    if !has("gdallocationinfo") {
        return;
    }
    let shape = raster.geobox().shape;
    let values = all(raster, layer);
    let mut valid = 0;
    for k in 0..20 {
        let (row, col) = ((k * 7919 + 3) % shape.rows, (k * 104_729 + 11) % shape.cols);
        let gdal_row = if flipped { shape.rows - 1 - row } else { row };
        let arguments =
            ["-valonly", "-b", &band.to_string(), gdal_name, &col.to_string(), &gdal_row.to_string()];
        let stored: f64 = run("gdallocationinfo", &arguments).trim().parse().unwrap_or(f64::NAN);
        let value = values[row * shape.cols + col];
        let missing = stored.is_nan() || raster.nodata() == Some(stored);
        let expected = if missing { f64::NAN } else { stored * raster.scale() + raster.offset() };
        valid += usize::from(!missing);
        assert!(
            value.is_nan() && missing || (value - expected).abs() <= 1e-6 * expected.abs().max(1e-3),
            "{gdal_name} at {row}, {col}: {value} for {expected}"
        );
    }
    println!("{gdal_name}: {valid} of 20 spot values valid, all equal");
    assert!(valid > 0);
}

/// The affine as gdalinfo sees it, north up.
fn spot_affine(raster: &Raster, gdal_name: &str) {
    if !has("gdalinfo") {
        return;
    }
    let info: serde_json::Value = serde_json::from_str(&run("gdalinfo", &["-json", gdal_name])).unwrap();
    // GDAL finds some 32-bit axes too uneven to have one.
    let Some(gdal) = info["geoTransform"].as_array() else { return };
    let gdal: Vec<f64> = gdal.iter().map(|n| n.as_f64().unwrap()).collect();
    let mut t = raster.geobox().affine;
    if t.e > 0.0 {
        t.f += t.e * raster.geobox().shape.rows as f64;
        t.e = -t.e;
    }
    for (a, b) in t.to_gdal().iter().zip(&gdal) {
        assert!((a - b).abs() < 1e-7 * t.a.abs() * 1e3, "{gdal_name}: {t:?} for {gdal:?}");
    }
}

fn share(raster: &Raster, layer: usize) -> f64 {
    let values = all(raster, layer);
    values.iter().filter(|v| !v.is_nan()).count() as f64 / values.len() as f64
}

#[test]
fn real_daymet_daily_has_its_grid_clock_and_values() {
    let Some(data) = real_data() else { return };
    let path = data.join("daymet/daymet_v4_daily_na_subset_2019_prcp_dayl.nc");
    let error = Raster::open(&RasterSource {
        path: path.clone(),
        variable: None,
        claimed: seedbed_grid::Claim::default(),
    })
    .err()
    .unwrap();
    assert!(error.to_string().contains("dayl, prcp"), "{error}");
    let prcp = open(&path, Some("prcp"), None);
    assert_eq!(prcp.geobox().crs, crs(DAYMET));
    assert_eq!(<[f64; 6]>::from(prcp.geobox().affine), [1000.0, 0.0, 1_742_250.0, 0.0, -1000.0, -566_500.0]);
    assert_eq!(prcp.unit(), Some("mm/day"));
    assert_eq!((prcp.data_type(), prcp.nodata()), (DType::Float32, Some(-9999.0)));
    let dates: Vec<_> = prcp.layers().iter().map(|l| l.date.unwrap()).collect();
    assert_eq!((dates.len(), dates[0], dates[364]), (365, date(2019, 1, 1), date(2019, 12, 31)));
    let gdal = format!("NETCDF:\"{}\":prcp", path.display());
    for layer in [0, 100, 364] {
        spot_check(&prcp, layer, &gdal, layer + 1);
    }
    let window = PixelRange { row0: 3, col0: 7, rows: 5, cols: 9 };
    let many: Vec<f64> = prcp.read_layers(10..20, window).unwrap();
    for layer in 10..20 {
        let one: Vec<f64> = prcp.read(layer, window).unwrap();
        assert_eq!(many[(layer - 10) * 45..(layer - 9) * 45], one);
        let whole = all(&prcp, layer);
        assert_eq!(one[0].to_bits(), whole[3 * 40 + 7].to_bits());
    }
    let start = std::time::Instant::now();
    let windows = 200;
    for _ in 0..windows {
        let values: Vec<f32> = prcp.read_layers(0..365, window).unwrap();
        assert_eq!(values.len(), 365 * 45);
    }
    println!("365 layers of a window: {:.2} ms", start.elapsed().as_secs_f64() * 1e3 / f64::from(windows));
}

#[test]
fn real_daymet_axes_in_kilometres_become_metres() {
    let Some(data) = real_data() else { return };
    for (name, variable, corner, first, layers) in [
        ("daymet_v3_daily_prcp_19990913_17_ncss.nc", "prcp", [1_782_250.0, -286_500.0], date(1999, 9, 13), 5),
        (
            "daymet_v4r1_monthly_na_tmax_monavg_2000_ncss.nc",
            "tmax",
            [1_094_250.0, -158_500.0],
            date(2000, 1, 16),
            12,
        ),
        ("tmax_monavg_1980_ncss_daymetr.nc", "tmax", [1_593_250.0, -725_500.0], date(1980, 1, 16), 12),
    ] {
        let path = data.join("daymet").join(name);
        let raster = open(&path, None, None);
        assert_eq!(raster.variable(), Some(variable));
        assert_eq!(raster.geobox().crs, crs(DAYMET), "{name}");
        let expected = [1000.0, 0.0, corner[0], 0.0, -1000.0, corner[1]];
        assert_eq!(<[f64; 6]>::from(raster.geobox().affine), expected, "{name}");
        assert_eq!((raster.layers().len(), raster.layers()[0].date), (layers, Some(first)));
        // Its axes without standard names make GDAL take V3 for south-up.
        let flipped = name.contains("_v3_");
        spot_check_as(&raster, 1, &format!("NETCDF:\"{}\":{variable}", path.display()), 2, flipped);
        println!("{name}: {:.3} valid", share(&raster, 0));
    }
}

#[test]
fn real_gridmet_is_scaled_and_in_kelvin() {
    let Some(data) = real_data() else { return };
    for (name, unit) in [("pr", "mm"), ("tmmn", "K"), ("tmmx", "K")] {
        let path = data.join(format!("gridmet/oregon_{name}_2000_subset.nc"));
        let raster = open(&path, None, None);
        assert_eq!(raster.unit(), Some(unit));
        assert_eq!(raster.geobox().crs.code.as_deref(), Some("EPSG:4326"));
        assert_eq!((raster.geobox().shape.rows, raster.geobox().shape.cols), (96, 108));
        assert_eq!(raster.layers().len(), 366);
        assert_eq!(raster.layers()[59].date, Some(date(2000, 2, 29)));
        assert_eq!(raster.layers()[365].date, Some(date(2000, 12, 31)));
        let gdal = path.to_str().unwrap();
        spot_affine(&raster, gdal);
        spot_check(&raster, 200, gdal, 201);
        if unit == "K" {
            let values = all(&raster, 200);
            assert!(values.iter().filter(|v| !v.is_nan()).all(|v| (260.0..330.0).contains(v)));
        }
    }
}

#[test]
fn real_prism_zips_open_whatever_their_layout() {
    let Some(data) = real_data() else { return };
    let folder = data.join("prism");
    for (name, member, variable) in [
        ("PRISM_ppt_stable_4kmD2_19810101_bil", "", None),
        ("PRISM_tmin_stable_4kmD1_19810101_bil", "PRISM_tmin_stable_4kmD1_19810101_bil/", Some("tmin")),
        ("PRISM_ppt_30yr_normal_4kmD1_0301_bil", "", None),
        ("PRISM_tdmean_stable_4kmM3_200511_bil", "", None),
    ] {
        let path = folder.join(format!("{name}.zip"));
        let raster = open(&path, variable, None);
        let place = raster.geobox();
        assert_eq!(place.crs.code.as_deref(), Some("EPSG:4269"));
        assert_eq!((place.shape.rows, place.shape.cols), (621, 1405));
        let t = place.affine;
        assert!(
            (t.c + 125.020_833_3).abs() < 1e-6
                && (t.f - 49.9375).abs() < 1e-6
                && (t.a - 1.0 / 24.0).abs() < 1e-9
        );
        assert_eq!(
            (raster.layers().len(), raster.data_type(), raster.nodata()),
            (1, DType::Float32, Some(-9999.0))
        );
        spot_check(&raster, 0, &format!("/vsizip/{}/{member}{name}.bil", path.display()), 1);
        let share = share(&raster, 0);
        println!("{name}: {share:.4} valid");
        assert!((share - 0.5516).abs() < 0.02, "{share}");
    }
    let bulk = folder.join("PRISM_ppt_stable_4kmD2_20170101_20170131_bil.zip");
    assert_eq!(Raster::variables(&bulk).unwrap().len(), 3);
    let Some(RasterError::Variable { available, .. }) = Raster::open(&RasterSource {
        path: bulk.clone(),
        variable: Some("ppt".to_owned()),
        claimed: seedbed_grid::Claim::default(),
    })
    .err() else {
        panic!("three members, and none of that name");
    };
    let values = available.iter().map(|name| all(&open(&bulk, Some(name), None), 0)).collect::<Vec<_>>();
    let single = all(&open(&folder.join("PRISM_ppt_stable_4kmD2_20170101_bil.zip"), None, None), 0);
    let same = |a: &[f64], b: &[f64]| {
        a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan())
    };
    assert!(same(&values[0], &single), "{available:?}");
    assert!(!same(&values[1], &single));
    // Without a name it is a series by the dates in its members' names.
    let series = open(&bulk, None, None);
    let days: Vec<String> = series.layers().iter().filter_map(|l| l.date).map(|d| d.to_string()).collect();
    assert_eq!(days, ["2017-01-01", "2017-01-02", "2017-01-31"]);
    assert!((0..3).all(|layer| same(&all(&series, layer), &values[layer])));
}

#[test]
fn real_mod13a2_fields_open_by_name() {
    let Some(data) = real_data() else { return };
    let path = data.join("modis/MOD13A2.A2021225.h11v06.061.2021320163717.hdf");
    let names = Raster::variables(&path).unwrap();
    assert_eq!(names.len(), 12);
    let ndvi = open(&path, Some("1 km 16 days NDVI"), None);
    assert_eq!(ndvi.geobox().crs, crs(MODIS));
    assert_eq!((ndvi.geobox().shape.rows, ndvi.geobox().shape.cols), (1200, 1200));
    assert!((ndvi.geobox().affine.c + 20_015_109.354 - 11.0 * 1_111_950.519_666_7).abs() < 0.01);
    assert_eq!(
        (ndvi.data_type(), ndvi.nodata(), ndvi.scale(), ndvi.offset()),
        (DType::Int16, Some(-3000.0), 1e-4, 0.0)
    );
    let values = all(&ndvi, 0);
    let valid: Vec<f64> = values.iter().copied().filter(|v| !v.is_nan()).collect();
    assert!(!valid.is_empty() && valid.iter().all(|v| (-0.2..=1.0).contains(v)));
    println!("{} of {} NDVI pixels valid", valid.len(), values.len());
    if has("gdallocationinfo") {
        let gdal =
            format!("HDF4_EOS:EOS_GRID:\"{}\":MODIS_Grid_16DAY_1km_VI:1 km 16 days NDVI", path.display());
        let at: Vec<usize> =
            (0..values.len()).filter(|i| !values[*i].is_nan()).step_by(valid.len() / 20).collect();
        for i in at {
            let (col, row) = ((i % 1200).to_string(), (i / 1200).to_string());
            let stored: f64 =
                run("gdallocationinfo", &["-valonly", &gdal, &col, &row]).trim().parse().unwrap();
            assert!((values[i] - stored * 1e-4).abs() < 1e-12);
        }
    }
    let reliability = open(&path, Some("1 km 16 days pixel reliability"), None);
    assert!((reliability.scale() - 1.0).abs() < 1e-15);
    assert!(all(&reliability, 0).iter().all(|v| v.is_nan() || (0.0..=3.0).contains(v)));
}

#[test]
fn real_modis_tiffs_in_a_zip_are_chosen_by_name() {
    let Some(data) = real_data() else { return };
    let path = data.join("modis/MOD13A1_NDVI_2016_23dates.zip");
    assert_eq!(Raster::variables(&path).unwrap().len(), 23);
    let mut raster = open(&path, Some("MOD13A1_NDVI_2016_193"), None);
    assert!(same_crs(&raster.geobox().crs, &crs(MODIS)), "{}", raster.geobox().crs);
    assert_eq!(raster.nodata(), Some(32_767.0));
    spot_check(&raster, 0, &format!("/vsizip/{}/NDVI/MOD13A1_NDVI_2016_193.tif", path.display()), 1);
    let before = all(&raster, 0);
    raster.set_scaling(1e-4, 0.0);
    for (a, b) in all(&raster, 0).iter().zip(&before) {
        assert!(a.is_nan() && b.is_nan() || (a - b * 1e-4).abs() < 1e-12);
    }
}

#[test]
fn real_maca_runs_northwards_and_its_clock_is_read_literally() {
    let Some(data) = real_data() else { return };
    let path = data.join("maca/macav2metdata_CanESM2_rcp45_2006-01-01_california.nc");
    let name = "Maximum daily temperature near surface";
    assert_eq!(Raster::variables(&path).unwrap().len(), 7);
    let raster = open(&path, Some(name), None);
    assert!(raster.geobox().affine.e > 0.0);
    assert_eq!(raster.unit(), Some("K"));
    // A re-export whose days count from 1900 under a header that says 2006.
    assert_eq!(raster.layers()[0].date, Some(date(2112, 1, 2)));
    let gdal = format!("NETCDF:\"{}\":{name}", path.display());
    spot_affine(&raster, &gdal);
    spot_check(&raster, 0, &gdal, 1);
    // A claim from a definition: north up and 0 to 360 degrees, as MACA's own files are.
    let mut claim = raster.geobox().clone();
    claim.affine.c += 360.0;
    claim.affine.f += claim.affine.e * claim.shape.rows as f64;
    claim.affine.e = -claim.affine.e;
    assert_eq!(open(&path, Some(name), Some(claim.clone())).geobox(), raster.geobox());
    claim.affine.c += claim.affine.a / 2.0;
    let source = RasterSource { path, variable: Some(name.to_owned()), claimed: claim.into() };
    assert!(matches!(Raster::open(&source).err(), Some(RasterError::Claim { .. })));
    let series = data
        .join("maca/tasmin_wind_cave_national_park_MRI-CGCM3_r1i1p1_rcp45_macav2metdata_1980_2050_daily.nc");
    let raster = open(&series, None, None);
    assert_eq!((raster.layers().len(), raster.layers()[0].date), (25_933, None), "its time axis has no unit");
    let values: Vec<f32> =
        raster.read_layers(0..25_933, PixelRange { row0: 1, col0: 2, rows: 1, cols: 1 }).unwrap();
    assert!(values.iter().all(|v| (200.0..330.0).contains(v)));
}

#[test]
fn real_soil_grids_and_jpeg_2000_open() {
    let Some(data) = real_data() else { return };
    let path = data.join("veget/oregon_available_water_capacity.asc");
    let awc = open(&path, None, None);
    println!("{}", awc.geobox().crs);
    assert!(same_crs(&awc.geobox().crs, &crs("EPSG:5070")));
    spot_affine(&awc, path.to_str().unwrap());
    spot_check(&awc, 0, path.to_str().unwrap(), 1);
    let missing = all(&awc, 0).iter().filter(|v| v.is_nan()).count();
    assert_eq!(missing, 27_037);
    for (name, rows) in [("awc_nclimgrid_conus.nc", 596), ("awc_prism_4km_conus.nc", 621)] {
        let path = data.join("veget").join(name);
        let raster = open(&path, None, None);
        assert_eq!(raster.geobox().shape.rows, rows);
        assert!(raster.geobox().affine.e > 0.0);
        spot_affine(&raster, path.to_str().unwrap());
        spot_check(&raster, 0, path.to_str().unwrap(), 1);
    }
    let path = data.join("prism/prism_monthly_ppt_cida_subset.nc");
    let ppt = open(&path, None, None);
    assert_eq!((ppt.data_type(), ppt.scale(), ppt.layers().len()), (DType::Int32, 0.01, 12));
    assert_eq!(ppt.layers()[0].date, Some(date(1999, 1, 1)));
    spot_check(&ppt, 3, path.to_str().unwrap(), 4);
    let path = data.join("modis/mod13q1_sinop/TERRA_MODIS_012010_NDVI_2013-11-17.jp2");
    let ndvi = open(&path, None, None);
    assert_eq!(ndvi.geobox().crs, crs(MODIS));
    spot_affine(&ndvi, path.to_str().unwrap());
    spot_check(&ndvi, 0, path.to_str().unwrap(), 1);
}
