//! Zig-zag varints, the numbers of a record: 0 0, -1 1, 1 2, -2 3, and so on; seven bits a byte,
//! lowest first.

#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]
#![cfg_attr(not(test), deny(clippy::expect_used, clippy::panic))]

/// Why a number cannot be read: it has more bits than its field.
pub(crate) const TOO_LONG: &str = "varint too long";
/// Why a number cannot be read: the bytes end inside it.
pub(crate) const CUT_OFF: &str = "varint cut off";

/// Reads a number of up to 32 bits; returns it with the bytes it took.
pub(crate) fn read_varint(bytes: &[u8]) -> Result<(i32, usize), &'static str> {
    let (raw, used) = read_raw::<32>(bytes)?;
    Ok((unzigzag_32(raw), used))
}

/// Reads a number of up to 64 bits; returns it with the bytes it took.
pub(crate) fn read_varlong(bytes: &[u8]) -> Result<(i64, usize), &'static str> {
    let (raw, used) = read_raw::<64>(bytes)?;
    Ok((unzigzag_64(raw), used))
}

/// Reads a number before the zig-zag is taken off; returns it with the bytes it took.
pub(crate) fn read_raw<const BITS: u32>(bytes: &[u8]) -> Result<(u64, usize), &'static str> {
    let mut raw = Raw::<BITS>::default();
    for (used, &byte) in (1..).zip(bytes) {
        if raw.push(byte)? {
            return Ok((raw.value, used));
        }
    }
    Err(CUT_OFF)
}

/// A number of at most `BITS` bits whose bytes come one at a time.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Raw<const BITS: u32> {
    /// What has come, before the zig-zag is taken off.
    pub(crate) value: u64,
    shift: u32,
}

impl<const BITS: u32> Raw<BITS> {
    /// Takes the next byte; says whether it was the last.
    #[inline]
    pub(crate) fn push(&mut self, byte: u8) -> Result<bool, &'static str> {
        let bits = u64::from(byte & 0x7f);
        let bits_left = BITS.checked_sub(self.shift).filter(|&left| left > 0).ok_or(TOO_LONG)?;
        if bits.unbounded_shr(bits_left) != 0 {
            return Err(TOO_LONG);
        }
        self.value |= bits.unbounded_shl(self.shift);
        self.shift = self.shift.saturating_add(7);
        Ok(byte < 0x80)
    }
}

/// The number of a raw varint; of `raw` only the lower 32 bits count.
#[inline]
pub(crate) const fn unzigzag_32(raw: u64) -> i32 {
    let [_, _, _, _, low @ ..] = raw.to_be_bytes();
    let low = u32::from_be_bytes(low);
    (low >> 1).cast_signed() ^ (low & 1).cast_signed().wrapping_neg()
}

#[inline]
pub(crate) const fn unzigzag_64(raw: u64) -> i64 {
    (raw >> 1).cast_signed() ^ (raw & 1).cast_signed().wrapping_neg()
}

/// Appends a number of up to 32 bits.
pub(crate) fn write_varint(out: &mut Vec<u8>, value: i32) {
    write_varlong(out, i64::from(value));
}

/// Appends a number of up to 64 bits.
pub(crate) fn write_varlong(out: &mut Vec<u8>, value: i64) {
    let mut raw = zigzag(value);
    while raw >= 0x80 {
        out.push(low_seven(raw) | 0x80);
        raw >>= 7;
    }
    out.push(low_seven(raw));
}

/// Bytes that [`write_varlong`] takes for `value`, which is also what [`write_varint`] takes.
pub(crate) const fn varint_bytes(value: i64) -> usize {
    let bits = 64_u32.saturating_sub(zigzag(value).leading_zeros());
    if bits == 0 { 1 } else { bits.div_ceil(7) as usize }
}

const fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)).cast_unsigned()
}

const fn low_seven(raw: u64) -> u8 {
    raw.to_be_bytes()[7] & 0x7f
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(value: i64, bytes: &[u8]) {
        let mut out = Vec::new();
        write_varlong(&mut out, value);
        assert_eq!(out, bytes, "{value}");
        assert_eq!(varint_bytes(value), bytes.len(), "{value}");
        assert_eq!(read_varlong(&out), Ok((value, bytes.len())));
    }

    #[test]
    fn numbers_have_the_bytes_of_the_format() {
        check(0, &[0]);
        check(-1, &[1]);
        check(1, &[2]);
        check(-2, &[3]);
        check(63, &[0x7e]);
        check(-64, &[0x7f]);
        check(64, &[0x80, 0x01]);
        check(i64::from(i32::MAX), &[0xfe, 0xff, 0xff, 0xff, 0x0f]);
        check(i64::from(i32::MIN), &[0xff, 0xff, 0xff, 0xff, 0x0f]);
        check(i64::MAX, &[0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]);
        check(i64::MIN, &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]);
    }

    #[test]
    fn number_with_more_bits_than_its_field_is_refused() {
        assert_eq!(read_varint(&[0xff, 0xff, 0xff, 0xff, 0x10]), Err(TOO_LONG));
        assert_eq!(read_varint(&[0x80, 0x80, 0x80, 0x80, 0x80, 0x00]), Err(TOO_LONG));
        assert_eq!(read_varlong(&[0xff; 10]), Err(TOO_LONG));
        let mut eleven = [0x80; 11];
        eleven[10] = 0;
        assert_eq!(read_varlong(&eleven), Err(TOO_LONG));
    }

    #[test]
    fn number_that_ends_too_early_is_refused() {
        assert_eq!(read_varint(&[]), Err(CUT_OFF));
        assert_eq!(read_varint(&[0x80, 0x80]), Err(CUT_OFF));
    }

    proptest! {
        #[test]
        fn varint_reads_back(value: i32, after: Vec<u8>) {
            let mut out = Vec::new();
            write_varint(&mut out, value);
            let size = out.len();
            prop_assert_eq!(varint_bytes(value.into()), size);
            out.extend(after);
            prop_assert_eq!(read_varint(&out), Ok((value, size)));
        }

        #[test]
        fn varlong_reads_back(value: i64, after: Vec<u8>) {
            let mut out = Vec::new();
            write_varlong(&mut out, value);
            let size = out.len();
            prop_assert_eq!(varint_bytes(value), size);
            out.extend(after);
            prop_assert_eq!(read_varlong(&out), Ok((value, size)));
        }

        #[test]
        fn any_bytes_give_a_number_or_an_error(bytes: Vec<u8>) {
            if let Ok((_, used)) = read_varint(&bytes) {
                prop_assert!((1..=5).contains(&used));
            }
            if let Ok((_, used)) = read_varlong(&bytes) {
                prop_assert!((1..=10).contains(&used));
            }
        }
    }
}
