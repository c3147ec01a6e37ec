//! The three plants and their coefficients.

/// Of so many plants.
pub const PLANTS: usize = 3;

/// Their names in outputs.
pub const NAMES: [&str; PLANTS] = ["lilac", "arnoldred", "zabelli"];

/// What first leaf needs: `Y = a·MDS0 + b·SYN + c·DDE2 + e·DD57`.
#[derive(Debug, Clone, Copy)]
pub struct Leaf {
    /// Of the days since 1 January.
    pub days: f64,
    /// Of the synoptic events so far.
    pub synoptic: f64,
    /// Of the degree hours of the day and the two before.
    pub recent: f64,
    /// Of the degree hours of five to seven days before.
    pub earlier: f64,
    /// Days from the test that holds to the leaf.
    pub delay: f64,
}

/// What first bloom needs: `Y = a·MDS0 + b·AGDH`, from the plant's own leaf on.
#[derive(Debug, Clone, Copy)]
pub struct Bloom {
    /// Of the days since first leaf.
    pub days: f64,
    /// Of the degree hours since.
    pub heat: f64,
}

/// First leaf of each plant, Schwartz et al. (2013).
pub const LEAF: [Leaf; PLANTS] = [
    Leaf { days: 3.306, synoptic: 13.878, recent: 0.201, earlier: 0.153, delay: 0.0 },
    Leaf { days: 4.266, synoptic: 20.899, recent: 0.0, earlier: 0.248, delay: 1.0 },
    Leaf { days: 2.802, synoptic: 21.433, recent: 0.266, earlier: 0.0, delay: 0.0 },
];

/// First bloom of each plant.
pub const BLOOM: [Bloom; PLANTS] = [
    Bloom { days: -23.934, heat: 0.116 },
    Bloom { days: -24.825, heat: 0.127 },
    Bloom { days: -11.368, heat: 0.096 },
];

/// The sum at which a plant leafs or blooms.
pub const THRESHOLD: f64 = 999.5;

/// Degree hours of three days that make a synoptic event.
pub const SYNOPTIC: f64 = 637.0;

/// The base of degree hours, in degF.
pub const BASE: f64 = 31.0;

/// What is this near to a limit in degF is at it: a temperature at the limit that was
/// kept in degC comes back within it, in 32 bits too, and none is measured so finely.
pub const ROUNDING: f64 = 1e-5;
