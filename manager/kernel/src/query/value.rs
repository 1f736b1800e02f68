//! Values that clients wrote, as what columns hold.

use cumulo_schema::{Cell, ErrorCode, FieldKind, FieldMeta, FieldType, Timestamp};
use sea_query::{Expr, ExprTrait};

use super::{Op, hint::cut};
use crate::db::to_value;

/// `column` compared with `values` by `op`.
pub(super) fn compare(column: Expr, field: &FieldMeta, op: Op, values: &[String]) -> Result<Expr, ErrorCode> {
    let cell = |text: &String| bound(field, text).map(to_value);
    let one = || values.first().ok_or_else(|| ErrorCode::invalid(format!("{} is compared with nothing", field.wire)));
    Ok(match op {
        Op::Eq => column.eq(Expr::val(cell(one()?)?)),
        Op::Ne => column.ne(Expr::val(cell(one()?)?)),
        Op::Gt => column.gt(Expr::val(cell(one()?)?)),
        Op::Ge => column.gte(Expr::val(cell(one()?)?)),
        Op::Lt => column.lt(Expr::val(cell(one()?)?)),
        Op::Le => column.lte(Expr::val(cell(one()?)?)),
        Op::Like => like(column, one()?),
        Op::NotLike => like(column, one()?).not(),
        Op::In => column.is_in(values.iter().map(cell).collect::<Result<Vec<_>, _>>()?),
        Op::NotIn => column.is_not_in(values.iter().map(cell).collect::<Result<Vec<_>, _>>()?),
        Op::IsNull => column.is_null(),
        Op::NotNull => column.is_not_null(),
    })
}

/// `LIKE` does not tell upper from lower case, whatever the database and the column's collation make of it: SQLite's never
/// does (for ASCII), MariaDB's goes by the column. `%` and `_` are the client's; a backslash before one takes its meaning,
/// which SQLite must be told and MariaDB knows.
fn like(column: Expr, pattern: &str) -> Expr {
    Expr::cust_with_exprs("LOWER(?) LIKE LOWER(?) ESCAPE CHAR(92)", [column, Expr::val(pattern)])
}

/// The text a client wrote, as what the column holds.
pub(super) fn bound(field: &FieldMeta, text: &str) -> Result<Cell, ErrorCode> {
    let refuse =
        |what: &str| ErrorCode::invalid(format!("field '{}' is {what}, which '{}' is not", field.wire, cut(text)));
    match field.kind {
        FieldKind::Uuid | FieldKind::String | FieldKind::Json => Ok(Cell::Text(text.to_owned())),
        FieldKind::Integer | FieldKind::Long => {
            text.trim().parse().map(Cell::Int).map_err(|_| refuse("a whole number"))
        }
        FieldKind::Boolean => match text.trim().to_ascii_lowercase().as_str() {
            "true" | "1" => Ok(true.to_cell()),
            "false" | "0" => Ok(false.to_cell()),
            _ => Err(refuse("true or false")),
        },
        FieldKind::Timestamp => {
            Timestamp::parse(text).map(|time| time.to_cell()).ok_or_else(|| refuse("a point in time"))
        }
    }
}
