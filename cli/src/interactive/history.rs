//! History without secrets: what a line said after `password=` is dropped before anything keeps it, in memory or on
//! disk.

use reedline::{History, HistoryItem, HistoryItemId, HistorySessionId, Result, SearchQuery};

use crate::{Catalog, command::secrets};

/// Any history, with secrets taken out of what goes in.
pub(super) struct PrivateHistory<H> {
    inner: H,
    catalog: Catalog,
}

impl<H: History> PrivateHistory<H> {
    pub(super) fn new(inner: H, catalog: Catalog) -> Self {
        Self { inner, catalog }
    }
}

fn cleaned(catalog: Catalog, mut item: HistoryItem) -> HistoryItem {
    item.command_line = secrets::redact(catalog, &item.command_line, "");
    item
}

impl<H: History> History for PrivateHistory<H> {
    fn save(&mut self, item: HistoryItem) -> Result<HistoryItem> {
        self.inner.save(cleaned(self.catalog, item))
    }

    fn update(&mut self, id: HistoryItemId, updater: &dyn Fn(HistoryItem) -> HistoryItem) -> Result<()> {
        let catalog = self.catalog;
        self.inner.update(id, &|item| cleaned(catalog, updater(item)))
    }

    fn load(&self, id: HistoryItemId) -> Result<HistoryItem> {
        self.inner.load(id)
    }

    fn count(&self, query: SearchQuery) -> Result<i64> {
        self.inner.count(query)
    }

    fn search(&self, query: SearchQuery) -> Result<Vec<HistoryItem>> {
        self.inner.search(query)
    }

    fn clear(&mut self) -> Result<()> {
        self.inner.clear()
    }

    fn delete(&mut self, id: HistoryItemId) -> Result<()> {
        self.inner.delete(id)
    }

    fn sync(&mut self) -> std::io::Result<()> {
        self.inner.sync()
    }

    fn session(&self) -> Option<HistorySessionId> {
        self.inner.session()
    }
}

#[cfg(test)]
mod tests {
    use reedline::{FileBackedHistory, SearchDirection};

    use super::*;
    use crate::testing::catalog;

    #[test]
    fn neither_memory_nor_disk_keeps_a_password() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("history");
        let inner = FileBackedHistory::with_file(100, file.clone()).expect("a history");
        let mut history = PrivateHistory::new(inner, catalog());
        for line in ["LogInByAccount accountName=admin password=S3CR3T", "LogInByAccuont password 'S3CR3T", "QueryZone"]
        {
            history.save(HistoryItem::from_command_line(line)).expect("kept");
        }
        history.sync().expect("written");
        let kept = history.search(SearchQuery::everything(SearchDirection::Forward, None)).expect("readable");
        let kept: Vec<String> = kept.into_iter().map(|item| item.command_line).collect();
        assert_eq!(kept, ["LogInByAccount accountName=admin password=", "LogInByAccuont password=", "QueryZone"]);
        assert!(!std::fs::read_to_string(file).expect("readable").contains("S3CR3T"));
    }
}
