//! The same kernel in the instructions that the processor has.
//!
//! Lanes don't mix, and nothing is fused, so every level gives the same bits.

use std::sync::OnceLock;

/// What is done at some level.
pub trait Work {
    /// Does it. Inline it always, with all that it calls: only what is inlined is
    /// compiled for the level's instructions.
    fn run(self);
}

/// A set of vector instructions that this processor has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Level(Instructions);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Instructions {
    /// What every processor of the architecture has.
    Base,
    /// 256 bits.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// 512 bits.
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Level {
    /// The best this processor has.
    #[must_use]
    pub fn best() -> Self {
        static BEST: OnceLock<Level> = OnceLock::new();
        *BEST.get_or_init(|| Self::all().last().copied().unwrap_or(Self(Instructions::Base)))
    }

    /// All that this processor has, the best one last.
    #[must_use]
    pub fn all() -> Vec<Self> {
        #[cfg_attr(not(target_arch = "x86_64"), expect(unused_mut, reason = "there is one level"))]
        let mut levels = vec![Self(Instructions::Base)];
        #[cfg(target_arch = "x86_64")]
        {
            let has_bits = is_x86_feature_detected!("bmi1")
                && is_x86_feature_detected!("bmi2")
                && is_x86_feature_detected!("lzcnt");
            if has_bits && is_x86_feature_detected!("avx2") {
                levels.push(Self(Instructions::Avx2));
            }
            if has_bits
                && is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512dq")
                && is_x86_feature_detected!("avx512vl")
            {
                levels.push(Self(Instructions::Avx512));
            }
        }
        levels
    }

    /// What every processor of the architecture has.
    #[must_use]
    pub fn base() -> Self {
        Self(Instructions::Base)
    }

    /// Whether it has vectors of 512 bits, with all that `avx512f`, `avx512bw`, `avx512dq` and `avx512vl` name.
    #[must_use]
    pub fn is_wide(self) -> bool {
        #[cfg(target_arch = "x86_64")]
        return self.0 == Instructions::Avx512;
        #[cfg(not(target_arch = "x86_64"))]
        false
    }

    /// Does work at this level.
    pub fn run(self, work: impl Work) {
        match self.0 {
            Instructions::Base => work.run(),
            // SAFETY: such a level is only made by `all`, where the processor has the features.
            #[cfg(target_arch = "x86_64")]
            Instructions::Avx2 => unsafe { avx2(work) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Instructions::Avx512 => unsafe { avx512(work) },
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn avx2(work: impl Work) {
    work.run();
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,bmi1,bmi2,lzcnt")]
fn avx512(work: impl Work) {
    work.run();
}

/// Asks for the lines of memory under values that are soon read, so that reading them doesn't wait. It has no other
/// effect.
#[inline]
pub fn prefetch<T>(values: &[T]) {
    #[cfg(target_arch = "x86_64")]
    fetch::<{ std::arch::x86_64::_MM_HINT_T0 }, T>(values);
    #[cfg(not(target_arch = "x86_64"))]
    let _ = values;
}

/// The same for values that are soon written over.
#[inline]
pub fn prefetch_to_write<T>(values: &[T]) {
    #[cfg(target_arch = "x86_64")]
    fetch::<{ std::arch::x86_64::_MM_HINT_ET0 }, T>(values);
    #[cfg(not(target_arch = "x86_64"))]
    let _ = values;
}

#[cfg(target_arch = "x86_64")]
#[inline]
fn fetch<const HINT: i32, T>(values: &[T]) {
    let (line, each) = (64, size_of::<T>().max(1));
    let last = values.len().saturating_sub(1);
    for at in (0..last).step_by((line / each).max(1)).chain([last]) {
        // SAFETY: a prefetch changes nothing but what the cache holds, and faults at no address.
        unsafe { std::arch::x86_64::_mm_prefetch::<HINT>(values.as_ptr().wrapping_add(at).cast()) };
    }
}
