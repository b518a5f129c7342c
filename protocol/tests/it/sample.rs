//! Arbitrary values out of a seed, for the generated constructors in `samples.rs`.

use bytes::Bytes;
use highwater_protocol::{AnyRequest, AnyResponse, ApiKey, Records, Str};
use highwater_records::{ErrorCode, Uuid};

use crate::samples;

/// Every API with messages, with every version of it.
pub(crate) fn apis() -> impl Iterator<Item = (ApiKey, i16)> {
    ApiKey::ALL.iter().flat_map(|key| key.versions().map(|version| (*key, version)))
}

/// An arbitrary request; equal seeds give equal ones.
pub(crate) fn request(key: ApiKey, version: i16, seed: u64) -> AnyRequest {
    samples::request(key, &mut Samples::new(version, seed)).unwrap()
}

/// An arbitrary response; equal seeds give equal ones.
pub(crate) fn response(key: ApiKey, version: i16, seed: u64) -> AnyResponse {
    samples::response(key, &mut Samples::new(version, seed)).unwrap()
}

/// A type that has arbitrary values.
pub(crate) trait Sample: Sized {
    fn sample(s: &mut Samples) -> Self;
}

/// A source of arbitrary values (SplitMix64).
pub(crate) struct Samples {
    state: u64,
    version: i16,
    depth: u64,
}

impl Samples {
    pub(crate) fn new(version: i16, seed: u64) -> Self {
        let state = seed ^ (u64::from(version.cast_unsigned()) << 48);
        Self { state, version, depth: 0 }
    }

    /// The version that the value has to be fit for.
    pub(crate) fn version(&self) -> i16 {
        self.version
    }

    pub(crate) fn any<T: Sample>(&mut self) -> T {
        T::sample(self)
    }

    /// A value that is null only where the version has null.
    pub(crate) fn null_only_if<T: Sample>(&mut self, nullable: bool) -> Option<T> {
        if nullable { self.any() } else { Some(self.any()) }
    }

    pub(crate) fn number(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.state ^ (self.state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.number() % end
    }

    pub(crate) fn bytes(&mut self, length: u64) -> Vec<u8> {
        (0..length).map(|_| self.number().to_be_bytes()[0]).collect()
    }
}

impl Sample for bool {
    fn sample(s: &mut Samples) -> Self {
        s.below(2) == 0
    }
}

macro_rules! numbers {
    ($($number:ident)+) => {$(
        impl Sample for $number {
            fn sample(s: &mut Samples) -> Self {
                match s.below(6) {
                    0 => 0,
                    1 => $number::MAX,
                    2 => $number::MIN,
                    3 => s.below(100) as $number,
                    _ => s.number() as $number,
                }
            }
        }
    )+};
}

numbers! { i8 i16 i32 i64 u16 }

impl Sample for f64 {
    fn sample(s: &mut Samples) -> Self {
        i32::sample(s).into()
    }
}

impl Sample for ErrorCode {
    fn sample(s: &mut Samples) -> Self {
        Self::from_code(if s.below(8) == 0 { s.any() } else { s.below(134) as i16 - 1 })
    }
}

impl Sample for Uuid {
    fn sample(s: &mut Samples) -> Self {
        if s.below(4) == 0 {
            return Self::ZERO;
        }
        Self::from_bytes(s.bytes(16).try_into().unwrap())
    }
}

impl Sample for Str {
    fn sample(s: &mut Samples) -> Self {
        let length = match s.below(12) {
            0 => 0,
            1 => 126 + s.below(3),
            2 => 300,
            _ => 1 + s.below(20),
        };
        let letters = ['a', 'Z', '.', '-', '_', '0', ' ', '"', '\u{e9}', '\u{20ac}'];
        let text: String = (0..length).map(|_| letters[s.below(10) as usize]).collect();
        Self::from(text)
    }
}

impl Sample for Bytes {
    fn sample(s: &mut Samples) -> Self {
        let length = match s.below(5) {
            0 => 0,
            1 => 126 + s.below(3),
            _ => s.below(30),
        };
        s.bytes(length).into()
    }
}

impl Sample for Records {
    fn sample(s: &mut Samples) -> Self {
        let chunks = s.below(4);
        (0..chunks)
            .map(|_| {
                let length = if s.below(4) == 0 { 4000 + s.below(300) } else { s.below(300) };
                Bytes::from(s.bytes(length))
            })
            .collect()
    }
}

impl<T: Sample> Sample for Option<T> {
    fn sample(s: &mut Samples) -> Self {
        (s.below(3) != 0).then(|| s.any())
    }
}

impl<T: Sample> Sample for Vec<T> {
    fn sample(s: &mut Samples) -> Self {
        s.depth += 1;
        let most = 6 / s.depth + 1;
        let count = if s.depth > 1 && s.below(60) == 0 { 130 } else { s.below(most) };
        let elements = (0..count).map(|_| s.any()).collect();
        s.depth -= 1;
        elements
    }
}
