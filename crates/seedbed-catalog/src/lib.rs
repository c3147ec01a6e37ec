//! STAC items, collections and trees: reading, writing, searching, copying.
