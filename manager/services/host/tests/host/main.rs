//! Hosts as clients and other services see them, on a real database, with machines that are not there.

mod add;
mod allocate;
mod fixture;
mod ipmi;
mod life;
mod steer;
mod update_os;
