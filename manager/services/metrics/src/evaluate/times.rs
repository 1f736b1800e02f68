//! Which time a question is about, and how fine its points are.

use cumulo_kernel::query::MetricQuery;
use cumulo_schema::ErrorCode;

use crate::store::Level;

/// Seconds asked about where nothing is said.
const USUAL: i64 = 3600;
/// Points of a series where the period is not said.
const USUAL_POINTS: i64 = 500;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Times {
    pub(super) start: i64,
    pub(super) end: i64,
    pub(super) level: Level,
    pub(super) period: i64,
}

impl Times {
    /// # Errors
    /// SYS.1007 when the end comes before the start, or the period is none.
    pub(super) fn new(query: &MetricQuery, now: i64) -> Result<Self, ErrorCode> {
        // What has this second, too.
        let end = query.end_time.unwrap_or(now).clamp(0, now).saturating_add(1);
        let offset = query.offset_ahead_of_current_time;
        if offset.is_some_and(|offset| offset < 0) {
            return Err(ErrorCode::invalid("offsetAheadOfCurrentTime must be a number of seconds from 0 on"));
        }
        let start = query.start_time.or_else(|| offset.map(|offset| now.saturating_sub(offset)));
        let start = start.unwrap_or(end.saturating_sub(USUAL));
        if start >= end {
            return Err(ErrorCode::invalid("endTime must be later than startTime, and startTime not in the future"));
        }
        if query.period.is_some_and(|period| !(1..=Level::Five.kept()).contains(&period)) {
            return Err(ErrorCode::invalid(format!("period must be between 1 and {} seconds", Level::Five.kept())));
        }
        // Nothing older is kept.
        let start = start.max(now - Level::Five.kept());
        let fits = |level: &Level| start >= now - level.kept();
        let finest = Level::ALL.into_iter().find(fits).unwrap_or(Level::Five);
        let period = match query.period {
            Some(period) => period.max(finest.step()),
            None => (end.saturating_sub(start) / USUAL_POINTS).div_euclid(finest.step()).max(1) * finest.step(),
        };
        // The coarsest that says as much: there is less of it to read. Only what divides the period has its boundaries.
        let says_as_much = |level: &Level| level.step() <= period && period % level.step() == 0 && *level >= finest;
        let level = Level::ALL.into_iter().rev().find(says_as_much).unwrap_or(finest);
        Ok(Self { start: start.div_euclid(period) * period, end, level, period })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_700_000_000;

    fn times(start: Option<i64>, offset: Option<i64>, period: Option<i64>) -> Result<Times, ErrorCode> {
        let query =
            MetricQuery { start_time: start, offset_ahead_of_current_time: offset, period, ..MetricQuery::default() };
        Times::new(&query, NOW)
    }

    #[test]
    fn the_coarsest_that_says_as_much_is_read() {
        for (offset, period, level, answered) in [
            (3600, None, Level::Raw, 10),
            (3600, Some(1), Level::Raw, 10),
            (3600, Some(120), Level::Minute, 120),
            (3600, Some(90), Level::Raw, 90),
            (3600, Some(600), Level::Five, 600),
            (12 * 3600, Some(10), Level::Minute, 60),
            (12 * 3600, None, Level::Minute, 60),
            (7 * 24 * 3600, None, Level::Five, 1200),
        ] {
            let times = times(None, Some(offset), period).expect("fine");
            assert_eq!((times.level, times.period), (level, answered), "{offset} s by {period:?}");
            assert_eq!(times.start % times.period, 0);
            assert!((NOW - offset - times.period..=NOW - offset).contains(&times.start), "{offset}");
        }
    }

    #[test]
    fn times_that_are_none_are_refused() {
        for (start, offset, period) in
            [(Some(NOW + 60), None, None), (None, Some(-1), None), (None, None, Some(0)), (None, None, Some(i64::MAX))]
        {
            assert!(times(start, offset, period).is_err(), "{start:?} {offset:?} {period:?}");
        }
        let all = times(Some(i64::MIN), None, None).expect("as far back as there is");
        assert_eq!(all.level, Level::Five);
        assert!(times(None, Some(i64::MAX), None).is_ok());
    }
}
