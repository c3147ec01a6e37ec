//! A TIFF without its pixels: what a library needs to say what they mean.

use super::tags::{Order, Tags, tag};
use crate::chunks::fault::Fault;
use crate::ranges::ReadAt;

/// A file of the first image's tags alone; where its pixels would be stands nothing.
///
/// # Errors
/// [`Fault`] if it is no TIFF, its tags lie outside the file, or can't be had.
pub fn skeleton(file: &dyn ReadAt) -> Result<Vec<u8>, Fault> {
    let tags = Tags::read(file)?;
    let order = tags.order;
    let kept: Vec<_> = tags.fields.iter().filter(|(tag, _)| !tag::IMAGES.contains(tag)).collect();
    let (counting, wide) = order.widths();
    let each = 4 + 2 * wide;
    let table = header(order).len() + counting;
    // The table, and that no other image follows.
    let mut apart = table + kept.len() * each + wide;
    let (mut entries, mut values) = (Vec::new(), Vec::new());
    for (tag, field) in kept {
        entries.extend(bytes(order, u64::from(*tag), 2));
        entries.extend(bytes(order, u64::from(field.kind), 2));
        entries.extend(bytes(order, field.count, wide));
        let places = [tag::STRIP_AT, tag::STRIP_SIZES, tag::TILE_AT, tag::TILE_SIZES];
        let content = if places.contains(tag) {
            let length = field.length().filter(|length| *length <= file.size());
            let length =
                length.ok_or_else(|| Fault::Damaged(format!("its tag {tag} has {} values", field.count)))?;
            vec![0; usize::try_from(length).unwrap_or(0)]
        } else {
            tags.values(field)?
        };
        if field.is_apart() {
            entries.extend(bytes(order, apart as u64, wide));
            // Offsets are even.
            apart += content.len() + content.len() % 2;
            let odd = content.len() % 2;
            values.extend(content);
            values.resize(values.len() + odd, 0);
        } else {
            let rest = wide - content.len();
            entries.extend(content);
            entries.resize(entries.len() + rest, 0);
        }
    }
    let mut made = header(order);
    made.extend(bytes(order, (entries.len() / each) as u64, counting));
    made.extend(entries);
    made.extend(bytes(order, 0, wide));
    made.extend(values);
    Ok(made)
}

/// A number in a file's order, in so many bytes.
fn bytes(order: Order, number: u64, width: usize) -> Vec<u8> {
    if order.big_endian {
        number.to_be_bytes()[8 - width..].to_vec()
    } else {
        number.to_le_bytes()[..width].to_vec()
    }
}

/// A file's first bytes: its tags follow.
fn header(order: Order) -> Vec<u8> {
    let mut header = if order.big_endian { b"MM".to_vec() } else { b"II".to_vec() };
    if order.is_big_tiff {
        header.extend([43, 8, 0].map(|n| bytes(order, n, 2)).concat());
        header.extend(bytes(order, 16, 8));
    } else {
        header.extend(bytes(order, 42, 2));
        header.extend(bytes(order, 8, 4));
    }
    header
}
