//! Zig-zag varints, the numbers of a record: 0 0, -1 1, 1 2, -2 3, and so on; seven bits a byte,
//! lowest first.

#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]
#![cfg_attr(not(test), deny(clippy::expect_used, clippy::panic))]

/// Most bytes of a varint.
pub(crate) const VARINT_BYTES_MAX: usize = 5;
/// Most bytes of a varlong.
pub(crate) const VARLONG_BYTES_MAX: usize = 10;

/// Why a number cannot be read.
pub(crate) const TOO_LONG: &str = "varint too long";
/// Why a number cannot be read.
pub(crate) const CUT_OFF: &str = "varint cut off";

/// Reads a number of up to 32 bits; returns it with the bytes it took.
#[inline]
pub(crate) fn read_varint(bytes: &[u8]) -> Result<(i32, usize), &'static str> {
    let (raw, used) = read_raw(bytes, VARINT_BYTES_MAX)?;
    let raw = u32::try_from(raw).map_err(|_| TOO_LONG)?;
    Ok((unzigzag_32(raw), used))
}

/// Reads a number of up to 64 bits; returns it with the bytes it took.
#[inline]
pub(crate) fn read_varlong(bytes: &[u8]) -> Result<(i64, usize), &'static str> {
    let (raw, used) = read_raw(bytes, VARLONG_BYTES_MAX)?;
    Ok((unzigzag_64(raw), used))
}

#[inline]
fn read_raw(bytes: &[u8], bytes_max: usize) -> Result<(u64, usize), &'static str> {
    let mut raw = Raw::default();
    for (used, &byte) in (1..=bytes_max).zip(bytes) {
        if raw.push(byte)? {
            return Ok((raw.value, used));
        }
    }
    Err(if bytes.len() < bytes_max { CUT_OFF } else { TOO_LONG })
}

/// A number whose bytes come one at a time.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Raw {
    /// What has come, before the zig-zag is taken off.
    pub(crate) value: u64,
    shift: u32,
}

impl Raw {
    /// Takes the next byte; says whether it was the last.
    #[inline]
    pub(crate) fn push(&mut self, byte: u8) -> Result<bool, &'static str> {
        let bits = u64::from(byte & 0x7f);
        // Of a tenth byte only the lowest bit has a place.
        if self.shift >= 64 || (self.shift == 63 && bits > 1) {
            return Err(TOO_LONG);
        }
        self.value |= bits.unbounded_shl(self.shift);
        self.shift = self.shift.saturating_add(7);
        Ok(byte < 0x80)
    }
}

#[inline]
pub(crate) const fn unzigzag_32(raw: u32) -> i32 {
    (raw >> 1).cast_signed() ^ (raw & 1).cast_signed().wrapping_neg()
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
