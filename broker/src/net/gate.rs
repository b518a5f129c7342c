//! Who may connect: connections in all, per address, and new ones per second.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use hashbrown::HashMap;
use highwater_records::Monotonic;
use parking_lot::Mutex;

use crate::config::Limits;

/// Counts connections and refuses those beyond a limit.
///
/// Of the new connections per second one address gets at most half, so that a storm from one leaves room for others.
#[derive(Clone)]
pub(crate) struct Gate {
    shared: Arc<Shared>,
}

struct Shared {
    connections_max: usize,
    per_address_max: usize,
    overrides: Vec<(IpAddr, usize)>,
    /// New connections per second; `None`: no limit.
    rate: Option<u32>,
    state: Mutex<State>,
}

struct State {
    open_count: usize,
    bucket: Bucket,
    addresses: HashMap<IpAddr, Address>,
}

struct Address {
    open_count: usize,
    bucket: Bucket,
}

/// Tokens in thousandths, refilled by time, at most one second's worth.
struct Bucket {
    milli_tokens: u64,
    refilled: Monotonic,
}

/// Why a connection is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    #[error("max.connections, or the limit of open files, is reached")]
    Total,
    #[error("max.connections.per.ip is reached")]
    Address,
    #[error("max.connection.creation.rate is reached")]
    Rate,
}

/// One open connection; its drop makes room for another.
pub(crate) struct Admitted {
    shared: Arc<Shared>,
    address: IpAddr,
}

/// Addresses remembered before those without connections are forgotten.
const ADDRESSES_KEPT: usize = 4096;

const MILLI: u64 = 1000;

impl Gate {
    /// A gate with the limits of the configuration and of the process.
    pub(crate) fn new(limits: &Limits, process_max: Option<usize>) -> Self {
        let rate = Some(limits.max_connection_creation_rate).filter(|rate| *rate > 0);
        let state = State {
            open_count: 0,
            bucket: Bucket::full(rate.unwrap_or(0)),
            addresses: HashMap::new(),
        };
        let shared = Shared {
            connections_max: limits.max_connections.min(process_max.unwrap_or(usize::MAX)),
            per_address_max: limits.max_connections_per_ip,
            overrides: limits.max_connections_per_ip_overrides.clone(),
            rate,
            state: Mutex::new(state),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Lets a connection in, or says which limit is reached.
    pub(crate) fn admit(&self, address: IpAddr, now: Monotonic) -> Result<Admitted, Refused> {
        let shared = &self.shared;
        let address = address.to_canonical();
        let mut guard = shared.state.lock();
        let state = &mut *guard;
        if state.open_count >= shared.connections_max {
            return Err(Refused::Total);
        }
        if state.addresses.len() >= ADDRESSES_KEPT {
            state.addresses.retain(|_, known| known.open_count > 0);
        }
        let share = shared.rate.map_or(0, |rate| rate.div_ceil(2));
        let known = state
            .addresses
            .entry(address)
            .or_insert_with(|| Address { open_count: 0, bucket: Bucket::full(share) });
        if known.open_count >= shared.per_address_max(address) {
            return Err(Refused::Address);
        }
        if let Some(rate) = shared.rate {
            known.bucket.refill(share, now);
            state.bucket.refill(rate, now);
            if known.bucket.milli_tokens < MILLI || state.bucket.milli_tokens < MILLI {
                return Err(Refused::Rate);
            }
            known.bucket.milli_tokens -= MILLI;
            state.bucket.milli_tokens -= MILLI;
        }
        known.open_count += 1;
        state.open_count += 1;
        Ok(Admitted { shared: Arc::clone(shared), address })
    }
}

impl Shared {
    fn per_address_max(&self, address: IpAddr) -> usize {
        let found = self.overrides.iter().find(|(overridden, _)| *overridden == address);
        found.map_or(self.per_address_max, |(_, max)| *max)
    }
}

impl Bucket {
    fn full(rate: u32) -> Self {
        Self { milli_tokens: u64::from(rate) * MILLI, refilled: Monotonic::ZERO }
    }

    fn refill(&mut self, rate: u32, now: Monotonic) {
        let since = now.since(self.refilled).min(Duration::from_secs(1));
        let earned = u64::try_from(since.as_micros()).unwrap_or(0) * u64::from(rate) / MILLI;
        // Too soon to earn anything: the time counts for the next look.
        if earned > 0 {
            self.milli_tokens = (self.milli_tokens + earned).min(u64::from(rate) * MILLI);
            self.refilled = now;
        }
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        let mut state = self.shared.state.lock();
        state.open_count -= 1;
        let known = state.addresses.get_mut(&self.address);
        known.expect("an address with open connections is not forgotten").open_count -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate(total: usize, per_address: usize, rate: u32) -> Gate {
        let mut limits = crate::config::tests::config("").limits;
        limits.max_connections = total;
        limits.max_connections_per_ip = per_address;
        limits.max_connection_creation_rate = rate;
        limits.max_connections_per_ip_overrides = vec![(address(9), 5)];
        Gate::new(&limits, Some(1000))
    }

    fn address(last: u8) -> IpAddr {
        IpAddr::from([127, 0, 0, last])
    }

    fn at_ms(ms: u64) -> Monotonic {
        Monotonic::new(Duration::from_millis(ms))
    }

    fn fill(gate: &Gate, last: u8, now: Monotonic) -> (Vec<Admitted>, Refused) {
        let mut open = Vec::new();
        loop {
            match gate.admit(address(last), now) {
                Ok(admitted) => open.push(admitted),
                Err(refused) => return (open, refused),
            }
        }
    }

    #[test]
    fn connections_per_address_are_limited_and_others_get_in() {
        let gate = gate(100, 3, 0);
        let (open, refused) = fill(&gate, 2, at_ms(0));
        assert_eq!((open.len(), refused), (3, Refused::Address));
        assert!(gate.admit(address(1), at_ms(0)).is_ok());
        assert_eq!(fill(&gate, 9, at_ms(0)).0.len(), 5);
        drop(open);
        assert_eq!(fill(&gate, 2, at_ms(0)).0.len(), 3);
    }

    #[test]
    fn connections_in_all_are_limited_also_by_the_process() {
        let (open, refused) = fill(&gate(10, 100, 0), 1, at_ms(0));
        assert_eq!((open.len(), refused), (10, Refused::Total));
        let (open, refused) = fill(&gate(5000, 5000, 0), 1, at_ms(0));
        assert_eq!((open.len(), refused), (1000, Refused::Total));
    }

    #[test]
    fn storm_from_one_address_leaves_half_of_the_rate_to_others() {
        let gate = gate(1000, 1000, 100);
        let (open, refused) = fill(&gate, 2, at_ms(0));
        assert_eq!((open.len(), refused), (50, Refused::Rate));
        assert_eq!(fill(&gate, 1, at_ms(0)).0.len(), 50);
        assert_eq!(fill(&gate, 3, at_ms(0)).0.len(), 0);
        assert_eq!(fill(&gate, 2, at_ms(100)).0.len(), 5);
        assert_eq!(fill(&gate, 1, at_ms(100)).0.len(), 5);
        assert_eq!(fill(&gate, 2, at_ms(60_000)).0.len(), 50);
    }
}
