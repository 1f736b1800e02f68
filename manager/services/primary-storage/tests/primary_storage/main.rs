//! Primary storages as clients, hosts and the volume service see them.

mod attaching;
mod counters;
mod fixture;
mod life;
mod space;
