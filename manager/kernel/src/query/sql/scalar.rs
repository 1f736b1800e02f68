//! Functions of one field, in SQL that both databases read alike.

use sea_query::{Alias, Expr, ExprTrait, Func, LikeExpr};

use crate::query::Scalar;

/// `function(column)`.
pub(super) fn scalar(function: Scalar, column: Expr) -> Expr {
    match function {
        Scalar::InetAton => inet_aton(column),
        Scalar::Lower => Func::lower(column).into(),
        Scalar::Upper => Func::upper(column).into(),
        Scalar::Length => Func::char_length(column).into(),
        Scalar::Abs => Func::cust(Alias::new("ABS")).arg(column).into(),
    }
}

/// An IPv4 address as a number, and NULL for what is none. SQLite has no such function, so it is put together from the
/// four numbers between the dots.
fn inet_aton(column: Expr) -> Expr {
    let dot = |text: &Expr| -> Expr { Func::cust(Alias::new("INSTR")).arg(text.clone()).arg(".").into() };
    let part = |text: &Expr, from: Expr| Func::cust(Alias::new("SUBSTR")).arg(text.clone()).arg(from);
    let before_dot = |text: &Expr| -> Expr { part(text, Expr::val(1)).arg(dot(text).sub(1)).into() };
    let after_dot = |text: &Expr| -> Expr { part(text, dot(text).add(1)).into() };
    let number = |text: Expr| text.cast_as(Alias::new("SIGNED"));
    let second = after_dot(&column);
    let third = after_dot(&second);
    let fourth = after_dot(&third);
    let value = number(before_dot(&column))
        .mul(1_i64 << 24)
        .add(number(before_dot(&second)).mul(1_i64 << 16))
        .add(number(before_dot(&third)).mul(1_i64 << 8))
        .add(number(fourth));
    let is_address = column.clone().like(LikeExpr::new("%_.%_.%_.%_")).and(column.not_like(LikeExpr::new("%:%")));
    Expr::case(is_address, value).into()
}
