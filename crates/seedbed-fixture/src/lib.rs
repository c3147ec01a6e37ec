//! Small archives in their true formats, served on loopback as the real sites do.
