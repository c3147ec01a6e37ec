//! Small pictures: a field in colour with its legend, and an area with its tiles.

use anyhow::Context;
use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

/// Red, green, blue.
type Rgb = [u8; 3];

/// Background, and missing pixels.
const PAPER: Rgb = [244, 243, 238];
const INK: Rgb = [38, 44, 52];
const TILE_FILL: Rgb = [221, 230, 236];
const TILE_EDGE: Rgb = [96, 122, 140];
const AREA_EDGE: Rgb = [176, 58, 46];

/// Dry to wet: the ramp's colours at equal steps.
const RAMP: [Rgb; 7] = [
    [140, 96, 52],
    [199, 158, 92],
    [236, 219, 162],
    [170, 208, 176],
    [86, 168, 172],
    [38, 112, 158],
    [22, 56, 112],
];

/// The colour of `t` from 0 (low) to 1 (high).
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "t is clamped and colours stay within a byte"
)]
fn colour(t: f64) -> Rgb {
    let position = t.clamp(0.0, 1.0) * (RAMP.len() - 1) as f64;
    let low = (position.floor() as usize).min(RAMP.len() - 2);
    let share = position - low as f64;
    let (a, b) = (RAMP[low], RAMP[low + 1]);
    std::array::from_fn(|i| (f64::from(a[i]) * (1.0 - share) + f64::from(b[i]) * share).round() as u8)
}

/// A picture in memory.
pub struct Canvas {
    width: usize,
    height: usize,
    pixels: Vec<Rgb>,
}

impl Canvas {
    fn new(width: usize, height: usize) -> Self {
        Self { width, height, pixels: vec![PAPER; width * height] }
    }

    fn put(&mut self, x: i64, y: i64, rgb: Rgb) {
        let (Ok(x), Ok(y)) = (usize::try_from(x), usize::try_from(y)) else { return };
        if x < self.width && y < self.height {
            self.pixels[y * self.width + x] = rgb;
        }
    }

    /// Fills a rectangle: `x1` and `y1` are one past the end.
    fn fill(&mut self, (x0, y0): (i64, i64), (x1, y1): (i64, i64), rgb: Rgb) {
        for y in y0..y1 {
            for x in x0..x1 {
                self.put(x, y, rgb);
            }
        }
    }

    /// A line two pixels wide.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        reason = "picture coordinates are a few thousand at most"
    )]
    fn line(&mut self, from: (f64, f64), to: (f64, f64), rgb: Rgb) {
        let (dx, dy) = (to.0 - from.0, to.1 - from.1);
        if !(dx.is_finite() && dy.is_finite()) {
            return;
        }
        let steps = dx.abs().max(dy.abs()).ceil().clamp(1.0, 1e5) as i64;
        for step in 0..=steps {
            let t = step as f64 / steps as f64;
            let (x, y) = ((from.0 + t * dx).round() as i64, (from.1 + t * dy).round() as i64);
            self.fill((x, y), (x + 2, y + 2), rgb);
        }
    }

    /// Writes digits and signs, `size` picture pixels a dot.
    fn text(&mut self, (x, y): (i64, i64), text: &str, size: i64) {
        let mut left = x;
        for glyph in text.chars().map(glyph) {
            for (row, bits) in (0_i64..).zip(glyph) {
                for column in 0..3_i64 {
                    if bits & (0b100 >> column) != 0 {
                        let (px, py) = (left + column * size, y + row * size);
                        self.fill((px, py), (px + size, py + size), INK);
                    }
                }
            }
            left += 4 * size;
        }
    }

    /// Writes the picture as a PNG.
    pub fn save(&self, path: &Path) -> anyhow::Result<()> {
        let file = File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
        let mut encoder =
            png::Encoder::new(BufWriter::new(file), u32::try_from(self.width)?, u32::try_from(self.height)?);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        let mut writer = encoder.write_header()?;
        writer.write_image_data(self.pixels.as_flattened())?;
        writer.finish()?;
        Ok(())
    }
}

/// Three columns by five rows of dots.
fn glyph(character: char) -> [u8; 5] {
    match character {
        '0' => [0b111, 0b101, 0b101, 0b101, 0b111],
        '1' => [0b010, 0b110, 0b010, 0b010, 0b111],
        '2' => [0b111, 0b001, 0b111, 0b100, 0b111],
        '3' => [0b111, 0b001, 0b111, 0b001, 0b111],
        '4' => [0b101, 0b101, 0b111, 0b001, 0b001],
        '5' => [0b111, 0b100, 0b111, 0b001, 0b111],
        '6' => [0b111, 0b100, 0b111, 0b101, 0b111],
        '7' => [0b111, 0b001, 0b010, 0b010, 0b010],
        '8' => [0b111, 0b101, 0b111, 0b101, 0b111],
        '9' => [0b111, 0b101, 0b111, 0b001, 0b111],
        'm' => [0b000, 0b111, 0b111, 0b101, 0b101],
        'e' => [0b111, 0b101, 0b111, 0b100, 0b111],
        '.' => [0b000, 0b000, 0b000, 0b000, 0b010],
        '-' => [0b000, 0b000, 0b111, 0b000, 0b000],
        '+' => [0b000, 0b010, 0b111, 0b010, 0b000],
        _ => [0; 5],
    }
}

/// A field of values, rows from the north.
pub struct Field {
    /// Number of rows.
    pub rows: usize,
    /// Number of columns.
    pub cols: usize,
    /// Values row by row; NaN is missing.
    pub values: Vec<f64>,
}

/// The range a ramp spans: from the 2nd to the 98th percentile of the valid values.
pub fn stretch(values: &[f64]) -> Option<(f64, f64)> {
    let mut valid: Vec<f64> = values.iter().copied().filter(|v| v.is_finite()).collect();
    valid.sort_by(f64::total_cmp);
    let last = valid.len().checked_sub(1)?;
    let (low, high) = (valid[last * 2 / 100], valid[last - last * 2 / 100]);
    Some(if low < high { (low, high) } else { (low, low + 1.0) })
}

/// The longer side of a picture, at most.
const SIDE: usize = 1000;
/// Room right of a field for its legend.
const LEGEND: usize = 110;
const MARGIN: usize = 16;

/// A field in colour with a legend to its right, and the range it spans
/// (`None` where every pixel is missing).
#[expect(
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    reason = "picture coordinates are a few thousand at most"
)]
pub fn field(field: &Field) -> (Canvas, Option<(f64, f64)>) {
    let longer = field.rows.max(field.cols).max(1);
    // Whole multiples up, whole steps down: no resampling artefact.
    let (up, step) =
        if longer <= SIDE { ((SIDE / longer).clamp(1, 8), 1) } else { (1, longer.div_ceil(SIDE)) };
    let (rows, cols) = (field.rows.div_ceil(step), field.cols.div_ceil(step));
    let height = (rows * up).max(220) + 2 * MARGIN;
    let mut canvas = Canvas::new(cols * up + 2 * MARGIN + LEGEND, height);
    let range = stretch(&field.values);
    let Some((low, high)) = range else { return (canvas, None) };
    for row in 0..rows {
        for col in 0..cols {
            let value = field.values[row * step * field.cols + col * step];
            if value.is_finite() {
                let (x, y) = ((MARGIN + col * up) as i64, (MARGIN + row * up) as i64);
                let rgb = colour((value - low) / (high - low));
                canvas.fill((x, y), (x + up as i64, y + up as i64), rgb);
            }
        }
    }
    let (left, top) = ((cols * up + 2 * MARGIN) as i64, MARGIN as i64);
    let tall = (height - 2 * MARGIN) as i64;
    for y in 0..tall {
        let t = 1.0 - y as f64 / (tall - 1) as f64;
        canvas.fill((left, top + y), (left + 18, top + y + 1), colour(t));
    }
    for (share, y) in [(1.0, top), (0.5, top + tall / 2 - 5), (0.0, top + tall - 10)] {
        canvas.text((left + 26, y), &number(low + share * (high - low), high - low), 2);
    }
    (canvas, range)
}

/// A number with as many digits as its range makes sense of.
pub fn number(value: f64, range: f64) -> String {
    if !(1e-3..1e6).contains(&range) {
        format!("{value:.2e}")
    } else if range >= 20.0 {
        format!("{value:.0}")
    } else if range >= 1.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.3}")
    }
}

/// A rectangle in map coordinates.
#[derive(Debug, Clone, Copy)]
pub struct Extent {
    /// Western edge.
    pub x0: f64,
    /// Southern edge.
    pub y0: f64,
    /// Eastern edge.
    pub x1: f64,
    /// Northern edge.
    pub y1: f64,
}

impl Extent {
    fn union(self, other: Self) -> Self {
        Self {
            x0: self.x0.min(other.x0),
            y0: self.y0.min(other.y0),
            x1: self.x1.max(other.x1),
            y1: self.y1.max(other.y1),
        }
    }
}

/// Tiles filled and outlined, the area's rings in red above them; all in one CRS.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "picture coordinates are a few thousand at most"
)]
pub fn tiles(tiles: &[Extent], rings: &[Vec<(f64, f64)>]) -> Option<Canvas> {
    let points = rings.iter().flatten().filter(|(x, y)| x.is_finite() && y.is_finite());
    let area = points.map(|&(x, y)| Extent { x0: x, y0: y, x1: x, y1: y });
    let all = tiles.iter().copied().chain(area).reduce(Extent::union)?;
    let (width, height) = (all.x1 - all.x0, all.y1 - all.y0);
    let scale = 800.0 / width.max(height).max(f64::MIN_POSITIVE);
    let margin = MARGIN as f64;
    let mut canvas = Canvas::new(
        (width * scale).ceil() as usize + 2 * MARGIN + 2,
        (height * scale).ceil() as usize + 2 * MARGIN + 2,
    );
    let place = |x: f64, y: f64| (margin + (x - all.x0) * scale, margin + (all.y1 - y) * scale);
    for tile in tiles {
        let (a, b) = (place(tile.x0, tile.y1), place(tile.x1, tile.y0));
        let (left, top, right, bottom) = (a.0 as i64, a.1 as i64, b.0 as i64, b.1 as i64);
        canvas.fill((left, top), (right, bottom), TILE_FILL);
    }
    for tile in tiles {
        let corners = [
            place(tile.x0, tile.y0),
            place(tile.x1, tile.y0),
            place(tile.x1, tile.y1),
            place(tile.x0, tile.y1),
            place(tile.x0, tile.y0),
        ];
        for edge in corners.windows(2) {
            canvas.line(edge[0], edge[1], TILE_EDGE);
        }
    }
    for ring in rings {
        for edge in ring.windows(2) {
            canvas.line(place(edge[0].0, edge[0].1), place(edge[1].0, edge[1].1), AREA_EDGE);
        }
    }
    Some(canvas)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ramp_runs_from_end_to_end() {
        assert_eq!(colour(0.0), RAMP[0]);
        assert_eq!(colour(1.0), RAMP[RAMP.len() - 1]);
        assert_eq!(colour(7.0), RAMP[RAMP.len() - 1]);
    }

    #[test]
    fn missing_pixels_stay_paper_and_do_not_stretch_the_range() {
        let values = vec![1.0, f64::NAN, 3.0, 2.0];
        assert_eq!(stretch(&values), Some((1.0, 3.0)));
        let (canvas, range) = field(&Field { rows: 2, cols: 2, values });
        assert_eq!(range, Some((1.0, 3.0)));
        let at = |x: usize, y: usize| canvas.pixels[y * canvas.width + x];
        assert_eq!(at(MARGIN, MARGIN), RAMP[0]);
        assert_eq!(at(MARGIN + 8, MARGIN), PAPER);
        assert_eq!(at(MARGIN, MARGIN + 8), RAMP[RAMP.len() - 1]);
    }

    #[test]
    fn all_missing_gives_no_range() {
        assert_eq!(stretch(&[f64::NAN]), None);
        assert!(field(&Field { rows: 1, cols: 1, values: vec![f64::NAN] }).1.is_none());
    }

    #[test]
    fn the_area_is_drawn_over_its_tiles() {
        let tile = Extent { x0: 0.0, y0: 0.0, x1: 100.0, y1: 100.0 };
        let ring = vec![(10.0, 50.0), (90.0, 50.0)];
        let canvas = tiles(&[tile], &[ring]).unwrap();
        assert!(canvas.pixels.contains(&AREA_EDGE));
        assert!(canvas.pixels.contains(&TILE_EDGE));
        assert!(tiles(&[], &[]).is_none());
    }
}
