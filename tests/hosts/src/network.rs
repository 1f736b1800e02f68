//! Addresses of one's own on loopback.

use std::net::{IpAddr, Ipv4Addr};

use rand::Rng;

/// 253 addresses of loopback that a run has for itself: agents listen at ports that the manager chooses, so runs beside each
/// other need addresses that differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network([u8; 2]);

impl Network {
    /// One of some sixty thousand, by chance.
    #[must_use]
    pub fn any() -> Self {
        let mut random = rand::rng();
        // What begins with 127.0 is in use by whoever binds to loopback without thinking.
        Self([random.random_range(1..=254), random.random()])
    }

    /// Its address `n`, from 1 to 254.
    #[must_use]
    pub fn address(self, n: u8) -> IpAddr {
        let Self([a, b]) = self;
        Ipv4Addr::new(127, a, b, n).into()
    }
}
