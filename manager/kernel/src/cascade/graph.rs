//! The declared edges, and the order in which kinds are asked.

use cumulo_schema::{ErrorCode, ResourceMeta};

/// Kinds and what they hang on.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    /// In the order of installation.
    kinds: Vec<Kind>,
}

#[derive(Debug)]
pub(crate) struct Kind {
    pub(crate) meta: &'static ResourceMeta,
    pub(crate) parents: Vec<&'static str>,
}

impl Graph {
    pub(crate) fn add(&mut self, meta: &'static ResourceMeta, parents: &[&'static str]) {
        self.kinds.push(Kind { meta, parents: parents.to_vec() });
    }

    pub(crate) fn edges(&self) -> Vec<(&'static str, &'static str)> {
        self.kinds.iter().flat_map(|kind| kind.parents.iter().map(|parent| (kind.meta.vo, *parent))).collect()
    }

    pub(crate) fn kind(&self, vo: &str) -> Option<&Kind> {
        self.kinds.iter().find(|kind| kind.meta.vo == vo)
    }

    /// `root` and every kind below it, parents before children.
    ///
    /// # Errors
    /// When declarations go in a circle.
    pub(crate) fn below(&self, root: &str) -> Result<Vec<&Kind>, ErrorCode> {
        let mut order = Vec::new();
        self.visit(root, &mut Vec::new(), &mut order)?;
        order.reverse();
        Ok(order)
    }

    /// Depth first; a kind is noted when everything below it is.
    fn visit<'g>(&'g self, vo: &str, path: &mut Vec<&'g str>, order: &mut Vec<&'g Kind>) -> Result<(), ErrorCode> {
        if order.iter().any(|done| done.meta.vo == vo) {
            return Ok(());
        }
        let none = || ErrorCode::internal(format!("{vo} takes no part in the cascade"));
        let kind = self.kind(vo).ok_or_else(none)?;
        if path.contains(&kind.meta.vo) {
            return Err(ErrorCode::internal(format!("the cascade goes in a circle: {} → {vo}", path.join(" → "))));
        }
        path.push(kind.meta.vo);
        for child in &self.kinds {
            if child.parents.contains(&vo) {
                self.visit(child.meta.vo, path, order)?;
            }
        }
        path.pop();
        order.push(kind);
        Ok(())
    }
}
