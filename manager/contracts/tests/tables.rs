//! Each declaration is a table that a database accepts, together with all the others.

use cumulo_contracts::resources;
use cumulo_schema::ddl;
use rusqlite::Connection;

#[test]
fn the_tables_of_all_declarations_fit_together() {
    let database = Connection::open_in_memory().expect("a database in memory");
    database.pragma_update(None, "foreign_keys", true).expect("checked");
    let all = resources();
    for meta in &all {
        let sql = ddl::create_table(meta, &all);
        database.execute_batch(&sql).unwrap_or_else(|cause| panic!("{cause}:\n{sql}"));
    }
    // Foreign keys are looked up only when rows change: deleting nothing is enough to find one that leads nowhere.
    for meta in &all {
        let done = database.execute(&format!("DELETE FROM \"{}\"", meta.table), []);
        assert!(done.is_ok(), "{}: {done:?}", meta.table);
        let mut columns = database.prepare("SELECT name FROM pragma_table_info(?)").expect("prepared");
        let columns = columns.query_map([meta.table], |row| row.get(0)).expect("the table is described");
        let columns: Vec<String> = columns.collect::<Result<_, _>>().expect("names");
        assert_eq!(columns, meta.fields.iter().map(|field| field.column).collect::<Vec<_>>(), "{}", meta.table);
    }
}
