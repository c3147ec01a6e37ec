//! Locations, stores, credentials and verified transfer of bytes.
