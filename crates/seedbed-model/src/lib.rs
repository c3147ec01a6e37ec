//! The model trait and the built-in models: numerics only.
