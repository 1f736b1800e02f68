//! Generated texts as files, `tests/snapshots/`, so that a change of them is seen in review. After a wanted change:
//! `UPDATE_SNAPSHOTS=1 cargo test -p cumulo-kvm-agent`.

use std::{env, fs, path::Path};

/// Compares `text` with the snapshot `name`, or makes it the snapshot.
pub(crate) fn assert(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/snapshots").join(name);
    let text = format!("{}\n", text.trim_end());
    if env::var_os("UPDATE_SNAPSHOTS").is_some() {
        fs::write(&path, &text).unwrap();
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    assert!(text == expected, "{} is now:\n{text}", path.display());
}
