//! What a VM is given and asked beside its life: names, addresses, places.

mod candidates;
mod hostname;
mod life;
mod static_ip;
