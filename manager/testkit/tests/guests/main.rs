//! What a VM is given and asked beside its life: names, addresses, places, networks, sizes.

mod candidates;
mod hostname;
mod life;
mod link;
mod loose;
mod nic;
mod offering;
mod reimage;
mod static_ip;
mod template;
