//! Items and tiles to aligned blocks; products, mosaics and their verification.
