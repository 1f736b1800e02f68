//! What a simulated machine keeps when the process that plays it dies, as disks and the kernel do of a real one.
//!
//! A line for each change, `[key, value]` or `[key, null]`, so that a change costs the same whatever is there already. It
//! is not synced: a process that is killed loses nothing that it has written, and simulated machines lose no power.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Write as _},
    path::Path,
    sync::{Mutex, PoisonError},
};

use serde::{Serialize, de::DeserializeOwned};

/// A map on disk that is only ever written to; what is in it is read once, when it is opened.
#[derive(Debug, Default)]
pub struct Notebook(Option<Mutex<fs::File>>);

impl Notebook {
    /// One that forgets everything with its process.
    pub fn forgetful() -> Self {
        Self::default()
    }

    /// Opens, or begins, the one at `path`, and answers what is in it. A line that its writer did not finish is left out.
    ///
    /// # Errors
    /// When the file cannot be read or written, or holds something else.
    pub fn open<K, V>(path: &Path) -> io::Result<(Self, BTreeMap<K, V>)>
    where
        K: Serialize + DeserializeOwned + Ord,
        V: Serialize + DeserializeOwned,
    {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(error),
        };
        let mut entries = BTreeMap::new();
        for line in text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n')) {
            match serde_json::from_str::<(K, Option<V>)>(line)? {
                (key, Some(value)) => entries.insert(key, value),
                (key, None) => entries.remove(&key),
            };
        }
        // Begun anew with what still counts, which also cuts off half a line.
        let part = path.with_extension("part");
        let mut file = fs::File::create(&part)?;
        for entry in &entries {
            file.write_all(&line(&entry)?)?;
        }
        fs::rename(&part, path)?;
        Ok((Self(Some(Mutex::new(file))), entries))
    }

    /// Notes that `key` is `value` from now on, or gone. Whoever changes a map notes it before anybody else can change the
    /// same key.
    ///
    /// # Panics
    /// When it cannot be written: a simulated machine that forgets would be taken for a bug of what it is to test.
    pub fn note(&self, key: &impl Serialize, value: Option<&impl Serialize>) {
        let Some(file) = &self.0 else { return };
        let noted =
            line(&(key, value)).and_then(|line| file.lock().unwrap_or_else(PoisonError::into_inner).write_all(&line));
        noted.expect("a simulated machine can write to its folder");
    }
}

fn line(entry: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(entry)?;
    line.push(b'\n');
    Ok(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_noted_is_there_again_and_half_a_line_is_not() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("notes");
        let (notes, none) = Notebook::open::<String, u32>(&path).expect("opened");
        assert!(none.is_empty());
        for (key, value) in [("a", Some(1)), ("b", Some(2)), ("a", Some(3)), ("b", None)] {
            notes.note(&key, value.as_ref());
        }
        drop(notes);
        let mut text = fs::read_to_string(&path).expect("written");
        text.push_str("[\"c\",");
        fs::write(&path, text).expect("written");
        let (notes, entries) = Notebook::open::<String, u32>(&path).expect("opened again");
        assert_eq!(entries, BTreeMap::from([("a".to_owned(), 3)]));
        notes.note(&"d", Some(&4));
        let (_, entries) = Notebook::open::<String, u32>(&path).expect("and again");
        assert_eq!(entries.len(), 2, "{entries:?}");
    }

    #[test]
    fn what_is_something_else_is_not_taken_for_empty() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("notes");
        fs::write(&path, "something else\n").expect("written");
        assert!(Notebook::open::<String, u32>(&path).is_err());
    }
}
