//! How many connections each client address has.

use std::{
    collections::{HashMap, hash_map::RandomState},
    hash::BuildHasher as _,
    net::IpAddr,
    num::NonZeroU32,
    sync::{Mutex, PoisonError},
};

/// Locks that addresses are spread over: one is taken when a connection begins and when it ends, and two workers
/// seldom want the same.
const SHARDS: usize = 64;

type Shard = Mutex<HashMap<IpAddr, u32>>;

/// Counts connections by client address.
#[derive(Debug)]
pub(crate) struct Clients {
    limit: NonZeroU32,
    hasher: RandomState,
    shards: [Shard; SHARDS],
}

impl Clients {
    /// At most `limit` connections an address.
    pub(crate) fn new(limit: NonZeroU32) -> Self {
        Self { limit, hasher: RandomState::new(), shards: std::array::from_fn(|_| Shard::default()) }
    }

    /// Counts a connection of `address`, and tells whether it may be.
    pub(crate) fn enter(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        let mut shard = self.shard(address).lock().unwrap_or_else(PoisonError::into_inner);
        let count = shard.entry(address).or_default();
        let fits = *count < self.limit.get();
        *count += u32::from(fits);
        fits
    }

    /// A connection of `address` that was counted has ended.
    pub(crate) fn leave(&self, address: IpAddr) {
        let address = address.to_canonical();
        let mut shard = self.shard(address).lock().unwrap_or_else(PoisonError::into_inner);
        let Some(count) = shard.get_mut(&address) else { return };
        *count -= 1;
        if *count == 0 {
            shard.remove(&address);
        }
    }

    fn shard(&self, address: IpAddr) -> &Shard {
        &self.shards[self.hasher.hash_one(address) as usize % SHARDS]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_address_has_its_own_count() {
        let clients = Clients::new(NonZeroU32::new(2).expect("two"));
        let [one, other] = ["192.0.2.1", "2001:db8::1"].map(|text| text.parse().expect("an address"));
        let mapped: IpAddr = "::ffff:192.0.2.1".parse().expect("an address");
        assert!(clients.enter(one) && clients.enter(mapped) && clients.enter(other));
        assert!(!clients.enter(one) && !clients.enter(mapped) && clients.enter(other));
        clients.leave(mapped);
        assert!(clients.enter(one) && !clients.enter(one));
        for address in [one, one, other, other] {
            clients.leave(address);
        }
        assert!(clients.shards.iter().all(|shard| shard.lock().expect("nobody panicked").is_empty()));
    }
}
