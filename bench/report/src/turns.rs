//! Measuring two ways beside each other.

/// Has both measured `turns` times, one after the other, after a first turn that warms up and does not count: what else the
/// machine does falls on both.
///
/// # Errors
/// The first of either.
pub async fn in_turns(
    turns: usize,
    mut ours: impl AsyncFnMut() -> anyhow::Result<f64>,
    mut limit: impl AsyncFnMut() -> anyhow::Result<f64>,
) -> anyhow::Result<(Vec<f64>, Vec<f64>)> {
    let (mut measured, mut limits) = (Vec::new(), Vec::new());
    for turn in 0..=turns {
        let (one, other) = (ours().await?, limit().await?);
        if turn > 0 {
            measured.push(one);
            limits.push(other);
        }
    }
    Ok((measured, limits))
}

/// The one in the middle; not a number where there is none.
#[must_use]
pub fn median(values: &[f64]) -> f64 {
    percentile(values, 50)
}

/// The one below which `percent` of a hundred are; not a number where there is none.
#[must_use]
pub fn percentile(values: &[f64], percent: usize) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() * percent / 100).or(sorted.last()).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_what_there_is() {
        let values: Vec<f64> = (0..200).rev().map(f64::from).collect();
        let found = [50, 99, 100].map(|percent| percentile(&values, percent));
        assert_eq!(found.map(f64::to_bits), [100.0, 198.0, 199.0].map(f64::to_bits));
        assert!(median(&[]).is_nan());
    }
}
