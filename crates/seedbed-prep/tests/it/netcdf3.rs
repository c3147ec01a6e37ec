//! A netCDF in the classic format, written by hand: `value(time, lat, lon)` in
//! 64 bits with a clock and axes in degrees, in millimetres.

use seedbed_block::{Date, date};
use seedbed_grid::GeoBox;

const DIMENSION: u32 = 10;
const VARIABLE: u32 = 11;
const ATTRIBUTE: u32 = 12;
const TEXT: u32 = 2;
const DOUBLE: u32 = 6;

struct Variable {
    name: &'static str,
    dimensions: Vec<u32>,
    attributes: Vec<(&'static str, &'static str)>,
    values: Vec<f64>,
}

/// The bytes of a file with one layer a date.
pub fn bytes(dates: &[Date], geobox: &GeoBox, layers: &[Vec<f64>]) -> Vec<u8> {
    let shape = geobox.shape;
    let centre = |n: usize| f64::from(u32::try_from(n).unwrap()) + 0.5;
    let days = |d: &Date| date(2000, 1, 1).duration_until(*d).as_secs_f64() / 86_400.0;
    let variables = [
        Variable {
            name: "time",
            dimensions: vec![0],
            attributes: vec![("units", "days since 2000-01-01"), ("calendar", "standard")],
            values: dates.iter().map(days).collect(),
        },
        Variable {
            name: "lat",
            dimensions: vec![1],
            attributes: vec![("units", "degrees_north")],
            values: (0..shape.rows).map(|row| geobox.affine.apply(0.0, centre(row)).y).collect(),
        },
        Variable {
            name: "lon",
            dimensions: vec![2],
            attributes: vec![("units", "degrees_east")],
            values: (0..shape.cols).map(|col| geobox.affine.apply(centre(col), 0.0).x).collect(),
        },
        Variable {
            name: "value",
            dimensions: vec![0, 1, 2],
            attributes: vec![("units", "mm")],
            values: layers.concat(),
        },
    ];
    let lengths = [dates.len(), shape.rows, shape.cols];
    // Offsets don't change the header's length, so a first pass measures it.
    let start = header(&lengths, &variables, 0).len();
    let mut file = header(&lengths, &variables, start);
    for variable in &variables {
        file.extend(variable.values.iter().flat_map(|v| v.to_be_bytes()));
    }
    file
}

fn header(lengths: &[usize; 3], variables: &[Variable], start: usize) -> Vec<u8> {
    let mut out = b"CDF\x01".to_vec();
    number(&mut out, 0);
    list(&mut out, DIMENSION, 3);
    for (name, length) in ["time", "lat", "lon"].iter().zip(lengths) {
        text(&mut out, name);
        number(&mut out, *length);
    }
    list(&mut out, 0, 0);
    list(&mut out, VARIABLE, variables.len());
    let mut at = start;
    for variable in variables {
        text(&mut out, variable.name);
        number(&mut out, variable.dimensions.len());
        for dimension in &variable.dimensions {
            out.extend(dimension.to_be_bytes());
        }
        list(&mut out, ATTRIBUTE, variable.attributes.len());
        for (name, value) in &variable.attributes {
            text(&mut out, name);
            out.extend(TEXT.to_be_bytes());
            text(&mut out, value);
        }
        out.extend(DOUBLE.to_be_bytes());
        number(&mut out, variable.values.len() * 8);
        number(&mut out, at);
        at += variable.values.len() * 8;
    }
    out
}

fn list(out: &mut Vec<u8>, kind: u32, length: usize) {
    out.extend(kind.to_be_bytes());
    number(out, length);
}

fn number(out: &mut Vec<u8>, value: usize) {
    out.extend(u32::try_from(value).unwrap().to_be_bytes());
}

fn text(out: &mut Vec<u8>, value: &str) {
    number(out, value.len());
    out.extend(value.as_bytes());
    out.resize(out.len().next_multiple_of(4), 0);
}
