//! Plans: a plan does nothing, and what it says is what then happens.

mod deletes;
mod flows;
mod large;
mod rows;
