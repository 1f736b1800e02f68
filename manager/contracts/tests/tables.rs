//! Each declaration is a table that a database accepts, together with all the others.

use cumulo_contracts::resources;
use cumulo_schema::ddl;
use sqlx::{Connection, Row, SqliteConnection};

#[tokio::test]
async fn the_tables_of_all_declarations_fit_together() {
    let mut database = SqliteConnection::connect("sqlite::memory:").await.expect("a database in memory");
    let all = resources();
    for meta in &all {
        let sql = ddl::create_table(meta, &all);
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql.clone()))
            .execute(&mut database)
            .await
            .unwrap_or_else(|cause| panic!("{cause}:\n{sql}"));
    }
    // Foreign keys are looked up only when rows change: deleting nothing is enough to find one that leads nowhere.
    for meta in &all {
        let sql = format!("DELETE FROM \"{}\"", meta.table);
        let done = sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&mut database).await;
        assert!(done.is_ok(), "{}: {done:?}", meta.table);
        let columns = sqlx::query("SELECT name FROM pragma_table_info(?)").bind(meta.table);
        let columns = columns.fetch_all(&mut database).await.expect("the table is described");
        let columns: Vec<String> = columns.iter().map(|row| row.get(0)).collect();
        assert_eq!(columns, meta.fields.iter().map(|field| field.column).collect::<Vec<_>>(), "{}", meta.table);
    }
}
