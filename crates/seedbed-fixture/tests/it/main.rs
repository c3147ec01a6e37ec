//! Structure and behaviour of the archives.
