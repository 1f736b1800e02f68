//! The OpenAPI document of all declarations is one that tools accept.
