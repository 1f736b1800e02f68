//! The network service as clients and other services see it: on a real database, with drivers that only remember.

mod addresses;
mod attaching;
mod cascade;
mod fakes;
mod guest;
mod ipv6;
mod networks;
mod ranges;
mod services;
mod statistic;
mod vlans;
mod world;
