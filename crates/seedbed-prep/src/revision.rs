//! The revisions of algorithms, as keys hold them.

use seedbed_raster::{Raster, Resampling, cog};

/// The revisions of all that a product's bytes come from: the task's own steps, the
/// reading, the kernels that align and the encoder, which every task has, and `kernels` of its own,
/// such as a model's. One that goes up makes another key, so that the product is made
/// anew.
///
/// # Examples
/// ```
/// use seedbed_prep::revisions;
/// assert_ne!(revisions(1, &[]), revisions(2, &[]));
/// assert_ne!(revisions(1, &[1]), revisions(1, &[2]));
/// ```
#[must_use]
pub fn revisions(own: u32, kernels: &[u32]) -> Vec<u32> {
    [&[own, Raster::REVISION, Resampling::REVISION, cog::REVISION], kernels].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_kernel_and_no_encoder_is_left_out() {
        // The numbers of the kernels may be equal: it is their places that tell.
        assert_eq!(
            revisions(70, &[80, 90]),
            [70, Raster::REVISION, Resampling::REVISION, cog::REVISION, 80, 90]
        );
    }
}
