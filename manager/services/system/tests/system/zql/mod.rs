//! ZQL as clients ask it, over the resources of a real cloud.

mod cloud;
mod documented;
mod refused;
mod request;
mod seen;
