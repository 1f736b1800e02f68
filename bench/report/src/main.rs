//! `cumulo-bench-report FILE`: the table of what benchmarks measured, and how many goals were met.

use std::path::Path;

use anyhow::Context;
use comfy_table::{CellAlignment, Table, presets};
use cumulo_bench_report::{Figure, read};

fn main() -> anyhow::Result<()> {
    let path = std::env::args_os().nth(1).context("which file of rows is to be shown?")?;
    let figures = read(Path::new(&path))?;
    println!("{}", table(&figures));
    let met = |wanted: bool| figures.iter().filter(|figure| figure.is_met() == Some(wanted)).count();
    println!("{} goals met, {} missed; every turn is in {}", met(true), met(false), Path::new(&path).display());
    Ok(())
}

fn table(figures: &[Figure]) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_header(["name", "ours", "unit", "limit", "ratio", "goal", ""]);
    for figure in figures {
        let (limit, ratio) = match figure.limit {
            Some(limit) => (format!("{limit:.3}"), format!("{:.3}", figure.ours / limit)),
            None => Default::default(),
        };
        let verdict = match figure.is_met() {
            Some(true) => "met",
            Some(false) => "MISSED",
            None => "",
        };
        let ours = format!("{:.3}", figure.ours);
        table.add_row([&figure.name, &ours, &figure.unit, &limit, &ratio, &figure.goal_text(), verdict]);
    }
    for column in [1, 3, 4] {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}
