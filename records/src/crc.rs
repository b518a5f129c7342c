//! CRC-32C, the check of a record batch.

use crc_fast::{CrcAlgorithm, Digest, crc32_iscsi};

/// CRC-32C (Castagnoli) of `bytes`.
#[must_use]
pub fn crc32c(bytes: &[u8]) -> u32 {
    crc32_iscsi(bytes)
}

/// CRC-32C of two pieces as if they were one.
pub(crate) fn crc32c_of_two(first: &[u8], second: &[u8]) -> u32 {
    let mut digest = Digest::new(CrcAlgorithm::Crc32Iscsi);
    digest.update(first);
    digest.update(second);
    let [_, _, _, _, crc @ ..] = digest.finalize().to_be_bytes();
    u32::from_be_bytes(crc)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crc32c_gives_the_published_check_values() {
        // The check value of the algorithm, then the vectors of RFC 3720, B.4.
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
        assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa);
        assert_eq!(crc32c(&[0xff; 32]), 0x62a8_ab43);
        assert_eq!(crc32c(b""), 0);
    }

    #[test]
    fn crc32c_of_two_pieces_is_that_of_the_whole() {
        let bytes: Vec<u8> = (0..=255).cycle().take(5000).collect();
        for at in [0, 1, 40, 64, 4999, 5000] {
            let (first, second) = bytes.split_at(at);
            assert_eq!(crc32c_of_two(first, second), crc32c(&bytes), "{at}");
        }
    }
}
