//! At start: does the migrated schema hold what the declarations say?

use cumulo_schema::{ResourceMeta, ddl};
use sea_query::{Alias, Expr, ExprTrait, Query};

use super::{Db, DbError};

impl Db {
    /// Asks every declared table for every declared column.
    ///
    /// # Errors
    /// Names the first table that does not fit, with the statement that would make it.
    pub async fn check_schema(&self, resources: &[&'static ResourceMeta]) -> Result<(), DbError> {
        for meta in resources {
            let mut query = Query::select();
            query
                .columns(meta.fields.iter().map(|field| (Alias::new(meta.table), Alias::new(field.column))))
                .from(Alias::new(meta.table))
                .and_where(Expr::val(1).eq(0));
            if let Err(DbError::Failed { cause, .. }) = self.fetch(&query).await {
                let wanted = ddl::create_table(meta, resources);
                let what = format!("hold the declared table {}; a migration must bring it to:\n{wanted}", meta.table);
                return Err(DbError::Failed { what, cause });
            }
        }
        Ok(())
    }
}
