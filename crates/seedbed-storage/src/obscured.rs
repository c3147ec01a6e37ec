//! Passwords as rclone writes them into its configuration: obscured with a key that is known to all, against
//! onlookers only (<https://github.com/rclone/rclone/blob/master/fs/config/obscure/obscure.go>).

use crate::base64;
use aes::Aes256;
use aes::cipher::{KeyIvInit, StreamCipher};
use ctr::Ctr128BE;

/// The key.
const KEY: [u8; 32] = [
    0x9c, 0x93, 0x5b, 0x48, 0x73, 0x0a, 0x55, 0x4d, 0x6b, 0xfd, 0x7c, 0x63, 0xc8, 0x86, 0xa9, 0x2b, 0xd3,
    0x90, 0x19, 0x8e, 0xb8, 0x12, 0x8a, 0xfb, 0xf4, 0xde, 0x16, 0x2b, 0x8b, 0x95, 0xf6, 0x38,
];

/// How long the initial vector is that the text begins with.
const VECTOR: usize = 16;

/// The password; none if the text is not an obscured one.
pub(crate) fn reveal(text: &str) -> Option<String> {
    let mut bytes = base64::decode_url(text)?;
    let (vector, password) = bytes.split_at_mut_checked(VECTOR)?;
    Ctr128BE::<Aes256>::new_from_slices(&KEY, vector).ok()?.apply_keystream(password);
    String::from_utf8(password.to_vec()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reveals_what_rclone_obscured_and_nothing_else() {
        // By `rclone obscure`, with vectors of their own.
        for (text, password) in [
            ("snN7NBmys9K4Uu6Fd2eLA9Dy7xNUXA", "potato"),
            ("t4rQ8hWaKt7Zuq19qrJFlaszI-C7YiZm1A", "p ä/+:\"x"),
            (
                "13KcVlS0rtMQXiWQ6jAogjHkIjnxDWUy_S8SDgYqReoJGkbePqewR1qpoGjjCW7VuXtUu1aAD1wzOgxOrt3W17jdUTMGKFmXs3k4CKXs",
                "a password of more than thirty-two bytes, that is three blocks",
            ),
            ("snNfrpkyIYY9SUbw-Z0eHw", ""),
        ] {
            assert_eq!(reveal(text).as_deref(), Some(password));
        }
        for text in ["", "A", "abc", "s3cret password", "YmJi*", "////////////////////////"] {
            assert_eq!(reveal(text), None, "{text}");
        }
    }
}
