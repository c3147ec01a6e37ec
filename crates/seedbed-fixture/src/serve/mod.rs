//! The loopback server.
