//! The numbers that networks order.

use crate::Real;

/// A number in a lane of a strip: ordered without branches, with a marker at
/// either end of its range that missing values are given.
pub(super) trait Lane: Copy + PartialEq + 'static {
    /// Nothing is greater.
    const HIGH: Self;
    /// 0.
    const NONE: Self;

    /// Whether it is missing, `fill` being the missing value of whole numbers.
    fn is_gap(self, fill: Self) -> bool;
    /// The marker at the other end.
    fn flipped(self) -> Self;
    /// One more.
    fn next(self) -> Self;
    /// The same number, a zero being positive: results then don't depend on the order.
    fn plain(self) -> Self;
    fn lesser(self, other: Self) -> Self;
    fn greater(self, other: Self) -> Self;
    /// The mean of two; whole numbers round halves away from zero.
    fn middle(self, other: Self) -> Self;
    /// A count as [`Lane::next`] counts.
    fn counted(count: usize) -> Self;
    fn is_less(self, other: Self) -> bool;
}

macro_rules! floating {
    ($t:ty) => {
        impl Lane for $t {
            const HIGH: Self = <$t>::INFINITY;
            const NONE: Self = 0.0;

            #[inline(always)]
            fn is_gap(self, _: Self) -> bool {
                self.is_nan()
            }
            #[inline(always)]
            fn flipped(self) -> Self {
                -self
            }
            #[inline(always)]
            fn next(self) -> Self {
                self + 1.0
            }
            #[inline(always)]
            fn plain(self) -> Self {
                self + 0.0
            }
            #[inline(always)]
            fn lesser(self, other: Self) -> Self {
                // Not `f32::min`: this is one instruction, and there is no NaN.
                if self < other { self } else { other }
            }
            #[inline(always)]
            fn greater(self, other: Self) -> Self {
                if self > other { self } else { other }
            }
            #[inline(always)]
            fn middle(self, other: Self) -> Self {
                // As numpy rounds it.
                (self + other) * 0.5
            }
            #[inline(always)]
            fn counted(count: usize) -> Self {
                #[allow(clippy::cast_precision_loss, reason = "far below 2^24 layers")]
                Self::of(count as f64)
            }
            #[inline(always)]
            fn is_less(self, other: Self) -> bool {
                self < other
            }
        }
    };
}

floating!(f32);
floating!(f64);

impl Lane for i16 {
    const HIGH: Self = Self::MAX;
    const NONE: Self = 0;

    #[inline(always)]
    fn is_gap(self, fill: Self) -> bool {
        self == fill
    }
    #[inline(always)]
    fn flipped(self) -> Self {
        !self
    }
    #[inline(always)]
    fn next(self) -> Self {
        self.wrapping_add(1)
    }
    #[inline(always)]
    fn plain(self) -> Self {
        self
    }
    #[inline(always)]
    fn lesser(self, other: Self) -> Self {
        self.min(other)
    }
    #[inline(always)]
    fn greater(self, other: Self) -> Self {
        self.max(other)
    }
    #[inline(always)]
    fn middle(self, other: Self) -> Self {
        let sum = i32::from(self) + i32::from(other);
        // Half of an odd sum, away from zero: -7 gives -4.
        #[expect(
            clippy::cast_possible_truncation,
            clippy::manual_midpoint,
            reason = "a mean of two lies between them"
        )]
        let half = ((sum + sum.signum()) / 2) as i16;
        half
    }
    #[inline(always)]
    fn counted(count: usize) -> Self {
        Self::try_from(count).unwrap_or(Self::MAX)
    }
    #[inline(always)]
    fn is_less(self, other: Self) -> bool {
        self < other
    }
}
