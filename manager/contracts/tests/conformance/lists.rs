//! What the two lists promise: everything declared is in them, once, and refers to what is in them.
