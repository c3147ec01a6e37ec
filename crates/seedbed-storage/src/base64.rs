//! Bytes as text of RFC 4648.

use ::base64::Engine;
use ::base64::alphabet::STANDARD;
use ::base64::engine::DecodePaddingMode;
use ::base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, URL_SAFE_NO_PAD};

/// Writes padding; reads with or without it.
const PLAIN: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

pub(crate) fn encode(bytes: &[u8]) -> String {
    PLAIN.encode(bytes)
}

/// None if the text is no such one.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    PLAIN.decode(text).ok()
}

/// The same in the alphabet of section 5, without padding.
pub(crate) fn decode_url(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodes_and_decodes_as_rfc_4648() {
        let cases = ["", "f", "fo", "foo", "foob", "fooba", "foobar"];
        let encoded = ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"];
        assert_eq!(cases.map(|c| encode(c.as_bytes())), encoded);
        for (case, text) in cases.iter().zip(encoded) {
            assert_eq!(decode(text).unwrap(), case.as_bytes());
            assert_eq!(decode(text.trim_end_matches('=')).unwrap(), case.as_bytes());
            assert_eq!(decode_url(text.trim_end_matches('=')).unwrap(), case.as_bytes());
        }
        assert_eq!((decode("Z*=="), decode_url("+/8")), (None, None));
    }
}
