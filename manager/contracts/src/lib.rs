//! The shared vocabulary of services and plugins: APIs, resources, messages, extension traits. No logic.

pub mod api;
pub mod ext;
pub mod message;
pub mod resource;

pub use api::apis;
pub use resource::resources;
