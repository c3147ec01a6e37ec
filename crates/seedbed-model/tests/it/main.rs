//! Tests of the models through their public interface.

mod golden;
mod npy;
mod point;
mod support;
mod veget;
