//! Physical values to stored numbers.

#![expect(clippy::inline_always, reason = "only what is inlined has the level's instructions")]

use super::CogOptions;
use super::sample::Sample;
use crate::{DType, RasterError};
use seedbed_block::simd::{Level, Work};
use seedbed_block::{Real, Shape2d};
use std::path::Path;

/// A value this near below the middle between two steps lies on it: decimal scales such as
/// 0.0001 have no exact binary form, so that the mean of 4500 and 4501 steps comes out some
/// 1e-12 steps off.
const TIE: f64 = 1e-6;

/// stored = round((value − offset) / scale), NaN to the missing value. In floating types what is infinite stays so.
#[derive(Debug, Clone, Copy)]
pub struct Quantiser<'a> {
    path: &'a Path,
    cols: usize,
    options: &'a CogOptions,
    /// Whether values are stored as they are.
    plain: bool,
    /// What steps are moved by, away from zero: halves of decimal steps are then halves.
    tie: f64,
    /// One over the scale, where multiplying by it is as good as dividing: a product is some 1e-11 of a step off at
    /// most, far less than what decides on halves.
    inverse: Option<f64>,
    min: f64,
    max: f64,
    /// In the stored precision; NaN, which equals nothing, where there is none.
    nodata: f64,
    missing: Option<f64>,
    /// Whether infinite values are stored as such.
    infinite: bool,
}

impl<'a> Quantiser<'a> {
    /// For an image of this shape; `path` is for errors.
    pub fn new(path: &'a Path, shape: Shape2d, options: &'a CogOptions) -> Self {
        let (min, max) = options.dtype.range();
        let single = options.dtype == DType::Float32;
        let nodata = options.nodata.map(|n| if single { f32::rounded(n) } else { n });
        Self {
            path,
            cols: shape.cols,
            options,
            plain: options.scale == 1.0 && options.offset == 0.0,
            tie: if options.dtype.is_integer() { TIE } else { 0.0 },
            inverse: (options.dtype.is_integer() && max <= f64::from(u16::MAX))
                .then(|| options.scale.recip()),
            min,
            max,
            nodata: nodata.unwrap_or(f64::NAN),
            missing: nodata.or((!options.dtype.is_integer()).then_some(f64::NAN)),
            infinite: !options.dtype.is_integer() && !options.compress.is_lerc(),
        }
    }

    /// The stored number of a missing pixel.
    pub fn missing<S: Sample>(&self) -> Option<S> {
        self.missing.map(S::narrow)
    }

    /// What is stored of `values`, whose first is the image's pixel number `first`.
    ///
    /// # Errors
    /// [`RasterError::Range`] for the first value that can't be stored.
    pub fn stored<T: Real, S: Sample>(&self, values: &[T], first: usize) -> Result<Vec<S>, RasterError> {
        let mut out = Vec::with_capacity(values.len());
        let level = Level::best();
        for (row, line) in values.chunks(self.cols).enumerate() {
            let mut fits = false;
            level.run(Row { quantiser: self, line, out: &mut out, fits: &mut fits });
            if !fits {
                return Err(self.refusal::<T, S>(line, first + row * self.cols));
            }
        }
        Ok(out)
    }

    /// A value as a number of steps, not rounded yet.
    #[inline(always)]
    fn steps(&self, value: f64) -> f64 {
        let CogOptions { scale, offset, .. } = *self.options;
        let steps = match self.inverse {
            Some(inverse) => (value - offset) * inverse,
            None => (value - offset) / scale,
        };
        steps + self.tie.copysign(steps)
    }

    /// Whether every value could be stored. In short steps without branches, so that the compiler
    /// may take several values at a time.
    #[expect(clippy::needless_bitwise_bool, reason = "a lazy operator is a branch")]
    #[inline(always)]
    fn line<T: Real, S: Sample>(&self, line: &[T], out: &mut Vec<S>, scaled: impl Fn(f64) -> f64) -> bool {
        const STEP: usize = 256;
        let (missing, may_miss) = (self.missing.unwrap_or(0.0), self.missing.is_some());
        let mut room = [0.0; STEP];
        let (mut fits, infinite) = (true, self.infinite);
        for values in line.chunks(STEP) {
            let stored = &mut room[..values.len()];
            let (mut outside, mut nans) = (false, false);
            for (value, stored) in values.iter().zip(stored.iter_mut()) {
                let value = value.to_f64();
                let is_missing = value.is_nan();
                let rounded = S::rounded(scaled(value));
                outside |= !(is_missing
                    | (infinite & value.is_infinite())
                    | ((rounded >= self.min) & (rounded <= self.max) & (rounded != self.nodata)));
                nans |= is_missing;
                *stored = if is_missing { missing } else { rounded };
            }
            fits &= !outside & (may_miss | !nans);
            out.extend(stored.iter().map(|v| S::narrow(*v)));
        }
        fits
    }

    /// Names the first value of a line that doesn't fit, which there is.
    fn refusal<T: Real, S: Sample>(&self, line: &[T], first: usize) -> RasterError {
        let (mut i, mut value, mut stored) = (first, f64::NAN, f64::NAN);
        for (col, v) in line.iter().enumerate() {
            let v = v.to_f64();
            let scaled = if self.plain { v } else { self.steps(v) };
            // Plain rounding for the message: beyond the range the quick one isn't exact.
            let s = if self.options.dtype.is_integer() { scaled.round() } else { S::rounded(scaled) };
            let inside = (self.min..=self.max).contains(&s) && s != self.nodata;
            let inside = inside || (self.infinite && v.is_infinite());
            if if v.is_nan() { self.missing.is_none() } else { !inside } {
                (i, value, stored) = (first + col, v, s);
                break;
            }
        }
        let (path, dtype, row, col) =
            (self.path.to_owned(), self.options.dtype, i / self.cols, i % self.cols);
        if value.is_infinite() {
            return RasterError::Infinite { path, value, dtype, row, col };
        }
        RasterError::Range {
            path,
            value,
            stored,
            dtype,
            row,
            col,
            min: self.min,
            max: self.max,
            nodata: self.options.nodata,
            spread: [f64::NAN; 2],
        }
    }
}

/// A line, and whether every value of it could be stored.
struct Row<'a, T, S> {
    quantiser: &'a Quantiser<'a>,
    line: &'a [T],
    out: &'a mut Vec<S>,
    fits: &'a mut bool,
}

impl<T: Real, S: Sample> Work for Row<'_, T, S> {
    #[inline(always)]
    fn run(self) {
        let Self { quantiser, line, out, fits } = self;
        *fits = if quantiser.plain {
            quantiser.line(line, out, |v| v)
        } else {
            quantiser.line(line, out, |v| quantiser.steps(v))
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cog::Compress;

    fn stored<S: Sample>(values: &[f64], options: &CogOptions) -> Result<Vec<S>, RasterError> {
        let shape = Shape2d { rows: 1, cols: values.len() };
        Quantiser::new(Path::new("out.tif"), shape, options).stored(values, 0)
    }

    #[test]
    fn halves_of_a_decimal_step_go_away_from_zero() {
        let options = CogOptions {
            dtype: DType::Int16,
            scale: 0.0001,
            nodata: Some(-32_768.0),
            ..CogOptions::default()
        };
        let steps = |stored: i16| f64::from(stored) * 0.0001;
        let firsts: Vec<i16> = (-10_000..10_000).collect();
        let values: Vec<f64> = firsts.iter().map(|n| (steps(*n) + steps(n + 1)) * 0.5).collect();
        let wanted: Vec<i16> = firsts.iter().map(|n| if *n < 0 { *n } else { n + 1 }).collect();
        assert_eq!(stored::<i16>(&values, &options).unwrap(), wanted);
    }

    #[test]
    fn halves_round_away_from_zero_and_nan_becomes_nodata() {
        let options = CogOptions {
            dtype: DType::Int16,
            scale: 0.5,
            offset: 0.0,
            nodata: Some(-32_768.0),
            ..CogOptions::default()
        };
        let v = stored::<i16>(&[0.25, -0.25, 0.24, f64::NAN, 10.0], &options).unwrap();
        assert_eq!(v, [1, -1, 0, -32_768, 20]);
    }

    #[test]
    fn values_that_dont_fit_are_named() {
        let options = CogOptions { dtype: DType::UInt8, nodata: Some(255.0), ..CogOptions::default() };
        let error = stored::<u8>(&[1.0, 300.2, 999.0], &options).unwrap_err().to_string();
        assert!(error.contains("300.2") && error.contains("column 1"), "{error}");
        assert!(stored::<u8>(&[255.0], &options).is_err(), "would be read back as missing");
        assert!(stored::<u8>(&[-0.4], &options).is_ok());
        let without = CogOptions { nodata: None, ..options };
        assert!(stored::<u8>(&[f64::NAN], &without).is_err());
        assert!(stored::<f32>(&[1e300], &CogOptions::default()).is_err());
        for huge in [1e16, 1e300, -1e300, f64::INFINITY] {
            assert!(stored::<u8>(&[huge], &without).is_err(), "{huge}");
        }
    }

    #[test]
    fn what_is_infinite_stays_so_in_floating_types_and_is_refused_by_name_elsewhere() {
        let both = [f64::NEG_INFINITY, 1.5, f64::NAN, f64::INFINITY];
        let v = stored::<f32>(&both, &CogOptions::default()).unwrap();
        assert!(v[0] == f32::NEG_INFINITY && v[2].is_nan() && v[3] == f32::INFINITY, "{v:?}");
        let double = CogOptions { dtype: DType::Float64, scale: -0.5, offset: 3.0, ..CogOptions::default() };
        let v = stored::<f64>(&both, &double).unwrap();
        assert!(v[0] == f64::INFINITY && v[3] == f64::NEG_INFINITY, "{v:?}");
        let lerc = CogOptions { compress: Compress::Lerc, ..CogOptions::default() };
        assert!(matches!(stored::<f32>(&both, &lerc), Err(RasterError::Infinite { .. })));
        let whole = CogOptions { dtype: DType::Int16, nodata: Some(-32_768.0), ..CogOptions::default() };
        let error = stored::<i16>(&both[1..], &whole).unwrap_err();
        assert!(
            !error.is_usage()
                && error.to_string().ends_with("inf at row 0, column 2: int16 has no infinite numbers")
        );
    }

    #[test]
    fn an_error_names_row_and_column_of_the_whole_image() {
        let options = CogOptions { dtype: DType::UInt8, nodata: Some(255.0), ..CogOptions::default() };
        let q = Quantiser::new(Path::new("out.tif"), Shape2d { rows: 9, cols: 2 }, &options);
        let error = q.stored::<f32, u8>(&[1.0, 2.0, 3.0, -7.0], 4).unwrap_err().to_string();
        assert!(error.contains("-7 at row 3, column 1"), "{error}");
    }

    #[test]
    fn every_nan_becomes_the_same_bits() {
        let odd = f64::from_bits(0x7ff8_0000_dead_beef);
        let v = stored::<f32>(&[odd, -odd], &CogOptions::default()).unwrap();
        assert!(v.iter().all(|v| v.to_bits() == f32::NAN.to_bits()));
        let double = CogOptions { dtype: DType::Float64, ..CogOptions::default() };
        let v = stored::<f64>(&[odd, -odd], &double).unwrap();
        assert!(v.iter().all(|v| v.to_bits() == f64::NAN.to_bits()));
    }
}
