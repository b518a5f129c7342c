//! Which version of each API to speak: the newest that both sides know.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use highwater_protocol::ApiKey;
use highwater_protocol::messages::api_versions::ApiVersionsResponse;

/// The version ranges that one broker said it serves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BrokerVersions {
    ranges: BTreeMap<i16, (i16, i16)>,
}

impl BrokerVersions {
    /// Takes them from the broker's answer; a range whose first lies above its last is no range.
    #[must_use]
    pub fn new(response: &ApiVersionsResponse) -> Self {
        let known = response.api_keys.iter().filter(|key| key.min_version <= key.max_version);
        let ranges = known.map(|key| (key.api_key, (key.min_version, key.max_version)));
        Self { ranges: ranges.collect() }
    }

    /// First and last version of an API, or none if the broker does not serve it.
    #[must_use]
    pub fn range(&self, key: ApiKey) -> Option<(i16, i16)> {
        self.ranges.get(&key.code()).copied()
    }

    /// Every API number with its first and last version, in the order of the numbers.
    pub fn iter(&self) -> impl Iterator<Item = (i16, i16, i16)> + '_ {
        self.ranges.iter().map(|(key, (first, last))| (*key, *first, *last))
    }

    /// The newest version of `key` that the broker serves and that lies in `ours`.
    #[must_use]
    pub fn choose(&self, key: ApiKey, ours: &RangeInclusive<i16>) -> Option<i16> {
        let (first, last) = self.range(key)?;
        let newest = last.min(*ours.end());
        (newest >= first && newest >= *ours.start()).then_some(newest)
    }
}

#[cfg(test)]
mod tests {
    use highwater_protocol::messages::api_versions::ResponseApiKey;

    use super::*;

    fn broker(first: i16, last: i16) -> BrokerVersions {
        let produce = ResponseApiKey { api_key: 0, min_version: first, max_version: last };
        BrokerVersions::new(&ApiVersionsResponse { api_keys: vec![produce], ..Default::default() })
    }

    fn check(theirs: (i16, i16), ours: RangeInclusive<i16>, expected: Option<i16>) {
        let versions = broker(theirs.0, theirs.1);
        assert_eq!(versions.choose(ApiKey::Produce, &ours), expected, "{theirs:?} {ours:?}");
    }

    #[test]
    fn choice_is_the_newest_common_version_or_none() {
        check((0, 13), 3..=13, Some(13));
        check((0, 9), 3..=13, Some(9));
        check((0, 20), 3..=13, Some(13));
        check((0, 2), 3..=13, None);
        check((14, 20), 3..=13, None);
        check((5, 3), 3..=13, None);
        check((3, 3), 3..=3, Some(3));
    }

    #[test]
    fn choice_of_an_api_that_the_broker_does_not_serve_is_none() {
        assert_eq!(broker(0, 13).choose(ApiKey::Fetch, &(4..=18)), None);
    }
}
