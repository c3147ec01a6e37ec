//! Tests of grids, areas and tiles through their public interface.
