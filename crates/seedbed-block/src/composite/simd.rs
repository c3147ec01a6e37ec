//! The same kernel in the instructions that the processor has.
//!
//! Lanes don't mix, and nothing is fused, so
//! every level gives the same bits.

/// What is done at some level.
pub(super) trait Work {
    /// Does it; always inlined, so that it is in the caller's instructions.
    fn run(self);
}

/// A set of vector instructions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Level {
    /// What every processor of the architecture has.
    Base,
    /// 256 bits (x86-64 only).
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// 512 bits (x86-64 only).
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Level {
    /// The best this processor has.
    pub(super) fn best() -> Self {
        Self::all().last().copied().unwrap_or(Self::Base)
    }

    /// All that this processor has, the best one last.
    pub(super) fn all() -> Vec<Self> {
        #[cfg_attr(not(target_arch = "x86_64"), expect(unused_mut, reason = "there is one level"))]
        let mut levels = vec![Self::Base];
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx2") {
                levels.push(Self::Avx2);
            }
            if is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bw") {
                levels.push(Self::Avx512);
            }
        }
        levels
    }

    /// Does work at this level.
    pub(super) fn run(self, work: impl Work) {
        match self {
            Self::Base => work.run(),
            // SAFETY: such a level is only made by `all`, where the processor has the features.
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => unsafe { avx2(work) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => unsafe { avx512(work) },
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn avx2(work: impl Work) {
    work.run();
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw")]
fn avx512(work: impl Work) {
    work.run();
}
