//! What sets the variants apart.

/// What is done about missing temperatures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gaps {
    /// Nothing: a day without degree hours adds none after first leaf, and hides first
    /// leaf for as long as it is among those summed.
    Pass,
    /// One up to the last day blanks the year.
    Blank,
    /// Filled by the mean of their block of thirty days; where a block has none at all,
    /// nothing more happens in the year.
    Fill,
    /// Filled likewise, improbable ones too; a block with too few blanks the year.
    FillOrBlank,
}

/// The rules of a variant.
#[derive(Debug, Clone, Copy, PartialEq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent of one another, each a line of the variants' table"
)]
pub struct Rules {
    /// Day length is latitude's where both are given.
    pub by_latitude: bool,
    /// A lowest temperature of 0 degF and one equal to the highest are moved by 0.01,
    /// and so is a sunset of 0 or less.
    pub guarded: bool,
    /// A day is neither warmer at its lowest than the day before at its highest, nor
    /// colder at its highest than the day before at its lowest.
    pub ordered: bool,
    /// Days whose highest temperature lies below the base are left out altogether.
    pub skips_cold: bool,
    /// Before the first day all were like it; else the two days before it only.
    pub padded: bool,
    /// A sum must exceed the threshold, not just reach it.
    pub strict: bool,
    /// The last day on which a plant can leaf or bloom.
    pub last_day: i16,
    /// Days from first leaf to the first that adds to bloom's heat.
    pub heat_from: f64,
    /// What bloom's clock reads on the day of first leaf.
    pub clock: f64,
    /// What is done about missing temperatures.
    pub gaps: Gaps,
    /// A mean over plants leaves out those without a date.
    pub mean_of_some: bool,
    /// A mean over plants is rounded to a day.
    pub whole_days: bool,
}

/// As RS-DAT's notebook has them.
pub const RSDAT: Rules = Rules {
    by_latitude: false,
    guarded: false,
    ordered: false,
    skips_cold: false,
    padded: true,
    strict: true,
    last_day: 300,
    heat_from: 0.0,
    clock: 1.0,
    gaps: Gaps::Pass,
    mean_of_some: false,
    whole_days: true,
};

/// As published with the toolbox.
pub const AULT: Rules = Rules {
    by_latitude: true,
    guarded: true,
    ordered: true,
    skips_cold: true,
    padded: false,
    strict: false,
    last_day: 240,
    heat_from: 0.0,
    clock: 0.0,
    gaps: Gaps::FillOrBlank,
    mean_of_some: false,
    whole_days: true,
};

/// As the operational code has them.
pub const NPN: Rules =
    Rules { skips_cold: false, heat_from: 1.0, clock: -1.0, gaps: Gaps::Blank, whole_days: false, ..AULT };

/// As the R package has them: an event on its 240th day is none to it.
pub const SPRINGPHENO: Rules =
    Rules { ordered: false, skips_cold: false, last_day: 239, gaps: Gaps::Fill, mean_of_some: true, ..AULT };

impl Rules {
    /// The rules of a variant of the spec.
    pub fn of(variant: &str) -> Self {
        match variant {
            "ault" => AULT,
            "npn" => NPN,
            "springpheno" => SPRINGPHENO,
            _ => RSDAT,
        }
    }

    /// Whether days wait for their block of thirty.
    pub fn fills(self) -> bool {
        matches!(self.gaps, Gaps::Fill | Gaps::FillOrBlank)
    }
}
