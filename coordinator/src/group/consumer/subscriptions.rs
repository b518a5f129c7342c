//! What members want to read: topic names, expressions, and the topics these stand for.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use highwater_protocol::Str;
use highwater_records::Uuid;

use super::super::context::Context;
use super::super::regex::TopicPattern;
use super::records::RecordsOf;
use super::replay::Change;
use super::{ConsumerGroup, Expression, GroupRecord, Refusal, Subscription, Topics};

/// Least time between two looks through all topics for all expressions of a group.
const REFRESH_PAUSE_MIN: Duration = Duration::from_secs(1);

/// The same for a group with so many expressions and topics that it takes a while.
const LARGE_REFRESH_PAUSE_MIN: Duration = Duration::from_secs(10);

/// Expressions times topics from which on a look is a large one.
const LARGE_REFRESH_MIN: usize = 100_000;

/// What members want, with proposals on top of the group.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    /// How many members name a topic.
    names: BTreeMap<Str, usize>,
    /// All expressions that members subscribe by.
    pub(super) expressions: BTreeMap<Str, Expression>,
    /// The topics the expressions stand for are others now.
    pub(super) has_other_topics: bool,
    /// All expressions were looked up just now.
    pub(super) is_refreshed: bool,
}

impl ConsumerGroup {
    /// What members want once these subscriptions are gone and that one is there.
    ///
    /// Looks up an expression that is new, and all of them if topics have come or gone.
    ///
    /// Errors: [`Refusal::InvalidRegularExpression`] for a new one.
    pub(super) fn wanted(
        &self,
        cx: &Context<'_>,
        group_id: &Str,
        before: &[&Subscription],
        after: Option<&Subscription>,
        records: &mut Vec<GroupRecord>,
    ) -> Result<Wanted, Refusal> {
        let mut names = self.derived.names.clone();
        let mut counts = self.derived.expressions.clone();
        let gone = before.iter().map(|subscription| (*subscription, Change::Subtract));
        for (subscription, change) in gone.chain(after.map(|new| (new, Change::Add))) {
            for name in &subscription.topic_names {
                change.make(&mut names, name);
            }
            if let Some(regex) = &subscription.topic_regex {
                change.make(&mut counts, regex);
            }
        }
        let known = &self.durable.expressions;
        let mut has_other_topics = false;
        for gone in known.keys().filter(|expression| !counts.contains_key(*expression)) {
            records.push(RecordsOf(group_id).no_expression(gone));
            has_other_topics = true;
        }
        let is_refreshed = !counts.is_empty() && self.shall_refresh(cx, counts.len());
        let mut expressions = BTreeMap::new();
        for expression in counts.keys() {
            let before = known.get(expression);
            let resolved =
                match (before, resolve_if(cx, expression, is_refreshed || before.is_none())) {
                    // One that is in the log was valid for whoever wrote it.
                    (Some(before), None | Some(Err(_))) => before.clone(),
                    (None, None) => Expression::default(),
                    (None, Some(Err(refusal))) => return Err(refusal),
                    (_, Some(Ok(resolved))) => resolved,
                };
            if before.is_none_or(|before| before.topics != resolved.topics) {
                records.push(RecordsOf(group_id).expression(expression, &resolved));
                has_other_topics = true;
            }
            expressions.insert(expression.clone(), resolved);
        }
        Ok(Wanted { names, expressions, has_other_topics, is_refreshed })
    }

    /// Whether topics may have come or gone that members want.
    pub(super) fn is_look_due(&self, cx: &Context<'_>) -> bool {
        let expression_count = self.derived.expressions.len();
        self.soft.topics_version != cx.topics_version
            || (expression_count > 0 && self.shall_refresh(cx, expression_count))
    }

    fn shall_refresh(&self, cx: &Context<'_>, expression_count: usize) -> bool {
        let pause = match self.soft.expressions_at {
            Some(at) => cx.now.monotonic.since(at),
            None => return true,
        };
        let is_large = expression_count * cx.topics.len() >= LARGE_REFRESH_MIN;
        let pause_min = if is_large { LARGE_REFRESH_PAUSE_MIN } else { REFRESH_PAUSE_MIN };
        let interval_ms = u64::try_from(cx.config.consumer_regex_refresh_interval_ms).unwrap_or(0);
        pause >= pause_min
            && (self.soft.expressions_version != cx.topics_version
                || pause >= Duration::from_millis(interval_ms))
    }

    /// Remembers what was looked at.
    pub(super) fn looked(&mut self, cx: &Context<'_>, wanted: &Wanted) {
        self.soft.topics_version = cx.topics_version;
        if wanted.is_refreshed {
            self.soft.expressions_version = cx.topics_version;
            self.soft.expressions_at = Some(cx.now.monotonic);
        }
    }

    /// The topics that a subscription stands for and that exist, as the log has it.
    pub(super) fn topics_of(&self, subscription: &Subscription, topics: &Topics) -> BTreeSet<Uuid> {
        topics_of(subscription, &self.durable.expressions, topics)
    }
}

impl Wanted {
    /// All topics that any member wants and that exist.
    pub(super) fn topics(&self, topics: &Topics) -> BTreeMap<Uuid, i32> {
        let by_expression = self.expressions.values().flat_map(|expression| &expression.topics);
        self.names
            .keys()
            .chain(by_expression)
            .filter_map(|name| topics.by_name(name))
            .map(|topic| (topic.id, topic.partition_count))
            .collect()
    }

    /// The topics of one member that exist.
    pub(super) fn topics_of(&self, subscription: &Subscription, topics: &Topics) -> BTreeSet<Uuid> {
        topics_of(subscription, &self.expressions, topics)
    }

    /// A number that changes when a topic that members want comes, goes or gets partitions; 0 if
    /// there is none.
    ///
    /// Differs from Kafka: another hash, and racks are not in it. Only its maker compares it.
    pub(super) fn metadata_hash(&self, topics: &Topics) -> i64 {
        let topics = self.topics(topics);
        if topics.is_empty() {
            return 0;
        }
        // FNV-1a, 64 bits.
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        for (topic_id, partition_count) in topics {
            for byte in topic_id.to_bytes().into_iter().chain(partition_count.to_be_bytes()) {
                hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
            }
        }
        i64::from_be_bytes(hash.to_be_bytes())
    }
}

fn topics_of(
    subscription: &Subscription,
    expressions: &BTreeMap<Str, Expression>,
    topics: &Topics,
) -> BTreeSet<Uuid> {
    let expression = subscription.topic_regex.as_ref();
    let by_expression = expression
        .and_then(|expression| expressions.get(expression))
        .map_or(&[][..], |expression| &expression.topics);
    subscription
        .topic_names
        .iter()
        .chain(by_expression)
        .filter_map(|name| topics.by_name(name))
        .map(|topic| topic.id)
        .collect()
}

/// The topics an expression stands for now, if `wanted`.
///
/// Errors: [`Refusal::InvalidRegularExpression`].
fn resolve_if(
    cx: &Context<'_>,
    expression: &Str,
    wanted: bool,
) -> Option<Result<Expression, Refusal>> {
    if !wanted {
        return None;
    }
    let pattern = match TopicPattern::parse(expression) {
        Ok(pattern) => pattern,
        Err(error) => {
            return Some(Err(Refusal::InvalidRegularExpression { reason: error.reason }));
        }
    };
    let names = cx.topics.iter().map(|topic| &topic.name);
    Some(Ok(Expression {
        topics: names.filter(|name| pattern.matches(name)).cloned().collect(),
        version: i64::try_from(cx.topics_version).unwrap_or(i64::MAX),
        timestamp: cx.now.wall,
    }))
}
