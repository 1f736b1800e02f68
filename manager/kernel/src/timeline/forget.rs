//! Timelines are kept for some days, and not beyond a number of rows.

use std::time::Duration;

use cumulo_schema::{ErrorCode, FieldKind, Resource, Timestamp};
use sea_query::{Alias, Expr, ExprTrait, Order, Query};

use super::{Timeline, TimelineRow};
use crate::{
    config::{ConfigDef, ConfigRule, GlobalConfigs, Span},
    db::DbError,
};

const CATEGORY: &str = "timeline";
const RETENTION: &str = "retention";
const ROWS: &str = "rows.max";
/// Rows removed by one commit: nobody waits long behind it.
const AT_ONCE: u64 = 2000;

/// How long timelines are kept.
pub(crate) const CONFIGS: &[ConfigDef] = &[
    ConfigDef {
        category: CATEGORY,
        name: RETENTION,
        description: "how long what happened to resources is kept for GetResourceTimeline",
        default: "7d",
        rule: ConfigRule::Span { least: Duration::from_hours(1), most: Duration::from_hours(365 * 24) },
    },
    ConfigDef {
        category: CATEGORY,
        name: ROWS,
        description: "how many calls and flows are kept for GetResourceTimeline; the oldest of more are forgotten",
        default: "100000",
        rule: ConfigRule::Integer(100, 100_000_000),
    },
];

impl Timeline {
    /// Forgets what is too old, and the oldest of what is too much.
    pub(crate) async fn forget_old(&self, configs: &GlobalConfigs) -> Result<(), ErrorCode> {
        let Span(age) = configs.get(CATEGORY, RETENTION)?;
        Ok(self.forget(age, configs.get(CATEGORY, ROWS)?).await?)
    }

    async fn forget(&self, age: Duration, most: u64) -> Result<(), DbError> {
        let before = Timestamp::now().0 - i64::try_from(age.as_millis()).unwrap_or(i64::MAX);
        let rows = || self.db.select::<TimelineRow>();
        let (many, old) = (rows().count().await?, rows().at_most(TimelineRow::END_DATE, before).count().await?);
        let mut excess = Ord::max(many.saturating_sub(most), old);
        while excess > 0 {
            let some = Ord::min(excess, AT_ONCE);
            let Some(until) = self.end_of_oldest(some).await? else { break };
            let column = || Expr::col(Alias::new(TimelineRow::END_DATE.name));
            let mut delete = Query::delete();
            delete.from_table(Alias::new(TimelineRow::META.table)).and_where(column().lte(until));
            let mut batch = self.db.batch();
            batch.push(&delete, "delete from timeline".to_owned(), None);
            let gone = self.db.commit(batch).await?.first().copied().unwrap_or_default();
            excess = excess.saturating_sub(Ord::max(gone, 1));
        }
        Ok(())
    }

    /// The end of the `some`th oldest row.
    async fn end_of_oldest(&self, some: u64) -> Result<Option<i64>, DbError> {
        let column = Alias::new(TimelineRow::END_DATE.name);
        let mut query = Query::select();
        query
            .column(column.clone())
            .from(Alias::new(TimelineRow::META.table))
            .order_by(column, Order::Asc)
            .offset(some - 1)
            .limit(1);
        let unreadable = |cause| DbError::Unreadable { table: TimelineRow::META.table, cause };
        let found = self.db.fetch(&query).await?;
        let end = found.first().map(|row| row.at(0, FieldKind::Long)).transpose().map_err(unreadable)?;
        Ok(match end {
            Some(cumulo_schema::Cell::Int(end)) => Some(end),
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use cumulo_schema::{StateChange, Uuid};

    use super::*;
    use crate::{
        db::{Db, Migration},
        work::Work,
    };

    const TABLE: Migration = Migration { name: "1", sql: include_str!("../../migrations/20261121_1900_timeline.sql") };

    #[tokio::test]
    async fn what_is_too_old_goes_and_the_oldest_of_what_is_too_much() {
        let dir = tempfile::tempdir().expect("a directory");
        let db = Db::sqlite(&dir.path().join("db")).await.expect("opens");
        db.migrate(&[TABLE]).await.expect("migrates");
        let (timeline, host) = (Timeline::new(db.clone(), Uuid::ADMIN, Work::default()), Uuid::random());
        let left = async || {
            let rows = db.select::<TimelineRow>().order_by(TimelineRow::END_DATE).all().await.expect("readable");
            rows.into_iter().map(|row| row.name).collect::<Vec<_>>()
        };
        let now = Timestamp::now();
        for minutes in (0..10).rev() {
            let new = format!("{minutes} ago");
            timeline.changed(StateChange { resource: host, old: "another".to_owned(), new });
            timeline.flush().await.expect("written");
            let mut batch = db.batch();
            let then = Timestamp(now.0 - minutes * 60_000);
            let row = batch.update::<TimelineRow>().set(TimelineRow::END_DATE, &then);
            row.eq(TimelineRow::NAME, &format!("{minutes} ago")).expect("it was written");
            db.commit(batch).await.expect("written");
        }
        timeline.changed(StateChange { resource: host, old: "same".to_owned(), new: "same".to_owned() });
        timeline.flush().await.expect("nothing to do");
        timeline.forget(Duration::from_hours(1), 100).await.expect("forgets");
        assert_eq!(left().await.len(), 10, "neither is exceeded");
        timeline.forget(Duration::from_secs(7 * 60 + 30), 100).await.expect("forgets");
        assert_eq!(left().await.first().map(String::as_str), Some("7 ago"));
        timeline.forget(Duration::from_hours(1), 3).await.expect("forgets");
        assert_eq!(left().await, ["2 ago", "1 ago", "0 ago"]);
        db.close().await;
    }
}
