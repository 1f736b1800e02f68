//! The file of what was measured.

use std::{env, fs, io::Write, path::Path};

use anyhow::Context;

use crate::Figure;

/// The variable that names the file.
pub const ROWS: &str = "CUMULO_BENCH_ROWS";

/// Adds a figure where there is a file for it.
pub(crate) fn append(figure: &Figure) -> anyhow::Result<()> {
    match env::var_os(ROWS) {
        Some(path) => append_to(path.as_ref(), figure),
        None => Ok(()),
    }
}

fn append_to(path: &Path, figure: &Figure) -> anyhow::Result<()> {
    let mut line = serde_json::to_vec(figure)?;
    line.push(b'\n');
    let file = fs::File::options().create(true).append(true).open(path);
    let mut file = file.with_context(|| format!("{} cannot be opened", path.display()))?;
    file.write_all(&line).with_context(|| format!("{} cannot be written", path.display()))
}

/// The figures in the file at `path`, in order.
///
/// # Errors
/// When it cannot be read, or has other things in it.
pub fn read(path: &Path) -> anyhow::Result<Vec<Figure>> {
    let text = fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?;
    let figure = |line| serde_json::from_str(line).with_context(|| format!("{} has no figure: {line}", path.display()));
    text.lines().map(figure).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_appended_is_read_in_order() {
        let dir = env::temp_dir().join(format!("bench-report-{}", std::process::id()));
        fs::create_dir_all(&dir).expect("a folder");
        let path = dir.join("rows.jsonl");
        let figures = [
            Figure::new("one", "ms", 1.5).at_most(2.0),
            Figure::beside("two", "calls/s", (vec![1.0, 2.0], vec![3.0])).ratio_at_least(0.5),
        ];
        for figure in &figures {
            append_to(&path, figure).expect("written");
        }
        assert_eq!(read(&path).expect("read"), figures);
        fs::remove_dir_all(&dir).expect("removed");
    }
}
