//! How far a third-party copy is, and how it ended: the answer to COPY, as dCache and others write it.
//!
//! The status only says that the copy has begun. Markers follow while it runs, and the last line tells the end.

use std::collections::HashMap;

/// A longer line is none of a marker's.
const LONGEST_LINE: usize = 16 << 10;

/// What was read of the answer so far.
#[derive(Default)]
pub(super) struct Markers {
    rest: Vec<u8>,
    stripe: String,
    /// How many bytes each stripe has brought.
    bytes: HashMap<String, u64>,
    last: Option<String>,
}

/// How a copy ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Nothing was said at all.
    Silence,
    Success,
    /// With what the server said of it.
    Failure(String),
    /// The answer ended before it told.
    Unknown,
}

impl Markers {
    /// Takes in a piece of the answer; how many bytes have been copied by now. None if this is no such answer.
    pub(super) fn read(&mut self, piece: &[u8]) -> Option<u64> {
        self.rest.extend_from_slice(piece);
        while let Some(end) = self.rest.iter().position(|b| *b == b'\n') {
            let line: Vec<u8> = self.rest.drain(..=end).collect();
            self.line(&String::from_utf8_lossy(&line));
        }
        (self.rest.len() <= LONGEST_LINE).then(|| self.bytes.values().sum())
    }

    /// What the last line says.
    pub(super) fn end(mut self) -> End {
        let rest = std::mem::take(&mut self.rest);
        self.line(&String::from_utf8_lossy(&rest));
        let Some(last) = self.last else { return End::Silence };
        match last.split_once(':').map(|(word, said)| (word.to_ascii_lowercase(), said.trim())) {
            Some((word, _)) if word == "success" => End::Success,
            Some((word, said)) if word == "failure" => End::Failure(said.to_owned()),
            _ => End::Unknown,
        }
    }

    fn line(&mut self, line: &str) {
        let line = line.trim();
        if line.is_empty() {
            return;
        }
        match line.split_once(':').map(|(name, value)| (name.trim(), value.trim())) {
            Some(("Stripe Index", index)) => index.clone_into(&mut self.stripe),
            Some(("Stripe Bytes Transferred", bytes)) => {
                if let Ok(bytes) = bytes.parse() {
                    self.bytes.insert(self.stripe.clone(), bytes);
                }
            }
            _ => {}
        }
        self.last = Some(line.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MARKER: &str = "Perf Marker\n    Timestamp: 1360578938\n    Stripe Index: 0\n    \
        Stripe Bytes Transferred: 49397760\n    Total Stripe Count: 2\nEnd\n";

    fn ended(text: &str) -> End {
        let mut markers = Markers::default();
        markers.read(text.as_bytes()).unwrap();
        markers.end()
    }

    #[test]
    fn counts_the_bytes_of_all_stripes_however_the_answer_is_cut() {
        let second = MARKER.replace("Index: 0", "Index: 1").replace("49397760", "3");
        let later = MARKER.replace("49397760", "50000000");
        let text = format!("{MARKER}{second}{later}success: Created\n");
        let mut markers = Markers::default();
        let counts: Vec<u64> = text.as_bytes().chunks(7).map(|piece| markers.read(piece).unwrap()).collect();
        assert!(counts.is_sorted() && counts.contains(&49_397_763));
        assert_eq!((counts.last(), markers.end()), (Some(&50_000_003), End::Success));
    }

    #[test]
    fn only_the_last_line_tells_the_end() {
        assert_eq!(ended(&format!("{MARKER}success: Created\n")), End::Success);
        assert_eq!(
            ended("failure: rejected GET: 403 Forbidden"),
            End::Failure("rejected GET: 403 Forbidden".into())
        );
        assert_eq!(ended(&format!("success: Created\n{MARKER}failure: x\n")), End::Failure("x".into()));
        assert_eq!((ended(MARKER), ended("succ"), ended("")), (End::Unknown, End::Unknown, End::Silence));
        assert_eq!(Markers::default().read(&vec![b'x'; 20 << 10]), None);
    }
}
