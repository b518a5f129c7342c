//! All fetch sessions of a broker: who gets a slot, who loses it, and how a request finds its own (KIP-227).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use highwater_records::Monotonic;
use parking_lot::Mutex;

use super::session::{
    FINAL_EPOCH, INITIAL_EPOCH, PartitionKey, PartitionOutcome, Session, WantedPartition,
};

/// Partitions all sessions together remember, some 20 MiB. At the limit a client gets no session, and one that grows
/// loses its own; its fetches go on, only larger.
const CACHED_PARTITIONS_MAX: usize = 100_000;

/// A session unused for longer loses its slot to anyone.
const UNUSED_MAX: Duration = Duration::from_secs(120);

/// Why a fetch is refused as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SessionRefusal {
    #[error("no such fetch session")]
    IdNotFound,
    #[error("the fetch session is at another epoch")]
    InvalidEpoch,
    #[error("the fetch session names topics in the other way")]
    TopicIdError,
}

/// The part of a fetch request that concerns its session.
#[derive(Clone, Debug)]
pub(crate) struct SessionRequest {
    pub(crate) id: i32,
    pub(crate) epoch: i32,
    pub(crate) uses_topic_ids: bool,
    /// Whether a follower asks; its session is not evicted for a consumer's.
    pub(crate) is_follower: bool,
    pub(crate) wanted: Vec<WantedPartition>,
    pub(crate) forgotten: Vec<PartitionKey>,
}

/// What a fetch works with from its start to its answer.
#[derive(Debug)]
pub(crate) struct FetchContext {
    /// Partitions to look at, in this order; to be taken out.
    pub(crate) wanted: Vec<WantedPartition>,
    kind: ContextKind,
}

#[derive(Debug)]
enum ContextKind {
    Sessionless,
    /// Becomes a session when it is answered, if there is a slot.
    Full {
        uses_topic_ids: bool,
        is_follower: bool,
    },
    Incremental {
        id: i32,
        /// The session's epoch as long as nobody else uses it.
        epoch: i32,
        session: Arc<Mutex<Session>>,
    },
}

/// The sessions of a broker, by id.
#[derive(Debug)]
pub(crate) struct FetchSessions {
    /// `max.incremental.fetch.session.cache.slots`. Beyond it a client gets no session, or takes the slot of one unused
    /// for long or worth less; without a session its fetches go on, only larger.
    sessions_max: usize,
    /// Bytes of records in one answer (`fetch.max.bytes`).
    pub(crate) response_bytes_max: usize,
    slots: Mutex<BTreeMap<i32, Slot>>,
}

#[derive(Debug)]
struct Slot {
    session: Arc<Mutex<Session>>,
    is_follower: bool,
    partition_count: usize,
    created: Monotonic,
    last_used: Monotonic,
}

impl FetchSessions {
    /// Makes an empty cache of `sessions_max` slots; zero turns sessions off.
    pub(crate) fn new(sessions_max: usize, response_bytes_max: usize) -> Self {
        Self { sessions_max, response_bytes_max, slots: Mutex::new(BTreeMap::new()) }
    }

    /// Begins a fetch: finds or closes its session and says which partitions to look at.
    ///
    /// Errors: see [`SessionRefusal`]; the answer then is a top-level error and session id 0.
    pub(crate) fn open(
        &self,
        now: Monotonic,
        request: SessionRequest,
    ) -> Result<FetchContext, SessionRefusal> {
        if request.epoch == INITIAL_EPOCH || request.epoch == FINAL_EPOCH {
            if request.id != 0 {
                self.slots.lock().remove(&request.id);
            }
            let kind = if request.epoch == FINAL_EPOCH {
                ContextKind::Sessionless
            } else {
                ContextKind::Full {
                    uses_topic_ids: request.uses_topic_ids,
                    is_follower: request.is_follower,
                }
            };
            return Ok(FetchContext { wanted: request.wanted, kind });
        }
        self.resume(now, request)
    }

    fn resume(
        &self,
        now: Monotonic,
        request: SessionRequest,
    ) -> Result<FetchContext, SessionRefusal> {
        let id = request.id;
        let session = {
            let slots = self.slots.lock();
            Arc::clone(&slots.get(&id).ok_or(SessionRefusal::IdNotFound)?.session)
        };
        let mut locked = session.lock();
        let grown_count = request.wanted.len();
        if locked.epoch() != request.epoch {
            return Err(SessionRefusal::InvalidEpoch);
        }
        if locked.uses_topic_ids != request.uses_topic_ids {
            return Err(SessionRefusal::TopicIdError);
        }
        locked.update(request.wanted, &request.forgotten);
        let wanted = locked.wanted();
        if wanted.is_empty() {
            drop(locked);
            self.slots.lock().remove(&id);
            return Ok(FetchContext { wanted, kind: ContextKind::Sessionless });
        }
        locked.bump_epoch();
        let epoch = locked.epoch();
        drop(locked);
        let mut slots = self.slots.lock();
        if let Some(slot) = slots.get_mut(&id) {
            slot.last_used = now;
            slot.partition_count = wanted.len();
        }
        if grown_count > 0 && cached_partitions(&slots) > CACHED_PARTITIONS_MAX {
            slots.remove(&id);
            return Err(SessionRefusal::IdNotFound);
        }
        drop(slots);
        Ok(FetchContext { wanted, kind: ContextKind::Incremental { id, epoch, session } })
    }

    /// Ends a fetch: returns the session id for the answer, and for each outcome whether the answer holds it.
    ///
    /// Shapes: `wanted` is what [`FetchSessions::open`] gave, one outcome for each. `random` gives a new id and is asked until one is free.
    pub(crate) fn answer(
        &self,
        now: Monotonic,
        context: &FetchContext,
        wanted: &[&WantedPartition],
        outcomes: &[PartitionOutcome],
        random: impl FnMut() -> u32,
    ) -> Result<(i32, Vec<bool>), SessionRefusal> {
        assert_eq!(wanted.len(), outcomes.len(), "one outcome per partition");
        match &context.kind {
            ContextKind::Sessionless => Ok((0, vec![true; outcomes.len()])),
            ContextKind::Full { uses_topic_ids, is_follower } => {
                let partitions = wanted.iter().map(|wanted| (*wanted).clone());
                let partitions = partitions.zip(outcomes.iter().copied());
                let make = || Session::new(*uses_topic_ids, partitions);
                let id = self.create(now, *is_follower, wanted.len(), make, random);
                Ok((id, vec![true; outcomes.len()]))
            }
            ContextKind::Incremental { id, epoch, session } => {
                let mut session = session.lock();
                if session.epoch() != *epoch {
                    return Err(SessionRefusal::InvalidEpoch);
                }
                let wanted = wanted.iter().zip(outcomes);
                let sent = wanted.map(|(wanted, outcome)| session.answer(&wanted.key, outcome));
                Ok((*id, sent.collect()))
            }
        }
    }

    /// Makes a session if there is a slot for it; 0 = none.
    fn create(
        &self,
        now: Monotonic,
        is_follower: bool,
        partition_count: usize,
        make: impl FnOnce() -> Session,
        mut random: impl FnMut() -> u32,
    ) -> i32 {
        if partition_count == 0 || self.sessions_max == 0 {
            return 0;
        }
        let mut slots = self.slots.lock();
        while slots.len() >= self.sessions_max
            || cached_partitions(&slots) + partition_count > CACHED_PARTITIONS_MAX
        {
            let Some(loser) = evictable(&slots, now, is_follower, partition_count) else {
                return 0;
            };
            slots.remove(&loser);
        }
        let id = loop {
            // 31 bits, never 0, which means "no session".
            let id = i32::try_from(random() >> 1).expect("31 bits fit");
            if id != 0 && !slots.contains_key(&id) {
                break id;
            }
        };
        let session = Arc::new(Mutex::new(make()));
        slots.insert(
            id,
            Slot { session, is_follower, partition_count, created: now, last_used: now },
        );
        id
    }
}

fn cached_partitions(slots: &BTreeMap<i32, Slot>) -> usize {
    slots.values().map(|slot| slot.partition_count).sum()
}

/// The session that gives way to a new one of `partition_count` partitions, if any does.
///
/// Source: Kafka's rule. Whoever was unused for two minutes goes first. Else the least valuable one (consumers before
/// followers, then by size) if it is worth less; one younger than two minutes gives way only if it is a consumer's and
/// a follower asks.
fn evictable(
    slots: &BTreeMap<i32, Slot>,
    now: Monotonic,
    is_follower: bool,
    partition_count: usize,
) -> Option<i32> {
    let (longest_unused, slot) = slots.iter().min_by_key(|(id, slot)| (slot.last_used, **id))?;
    if now.since(slot.last_used) > UNUSED_MAX {
        return Some(*longest_unused);
    }
    let candidates = slots.iter().filter(|(_, slot)| {
        now.since(slot.created) > UNUSED_MAX || (is_follower && !slot.is_follower)
    });
    let worth = |slot: &Slot| (slot.is_follower, slot.partition_count);
    let (least, slot) = candidates.min_by_key(|(id, slot)| (worth(slot), **id))?;
    (worth(slot) < (is_follower, partition_count)).then_some(*least)
}

#[cfg(test)]
mod tests;
