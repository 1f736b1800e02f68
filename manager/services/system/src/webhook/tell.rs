//! Telling web hooks of events, by the paths and members that receivers know from the original.

use async_trait::async_trait;
use cumulo_contracts::{
    message::{host::HostStatusChanged, vm::VmStateChanged},
    resource::Webhook,
};
use cumulo_kernel::{bus::OnEvent, hook::Post};
use cumulo_schema::{ErrorCode, Timestamp};
use serde_json::{Value, json};

use super::{TYPE, Webhooks};

#[async_trait]
impl OnEvent<VmStateChanged> for Webhooks {
    async fn on_event(&self, event: VmStateChanged) -> Result<(), ErrorCode> {
        let content = json!({ "vmUuid": event.vm, "oldState": event.old, "newState": event.new });
        self.tell("/vm/state/change", content).await
    }

    fn is_for_all_nodes(&self) -> bool {
        false
    }
}

#[async_trait]
impl OnEvent<HostStatusChanged> for Webhooks {
    async fn on_event(&self, event: HostStatusChanged) -> Result<(), ErrorCode> {
        let content = json!({ "hostUuid": event.host, "oldStatus": event.old, "newStatus": event.new });
        self.tell("/host/status/change", content).await
    }

    fn is_for_all_nodes(&self) -> bool {
        false
    }
}

impl Webhooks {
    async fn tell(&self, path: &str, content: Value) -> Result<(), ErrorCode> {
        let hooks = self.store.all().await?;
        let wanting: Vec<&Webhook> = hooks.iter().filter(|hook| wants(hook, path)).collect();
        if wanting.is_empty() {
            return Ok(());
        }
        // What is told outside has to be true after a power failure too.
        self.kernel.db().settle().await?;
        let (node, now) = (self.kernel.node(), Timestamp::now().0);
        let body = json!({ "path": path, "managementNodeId": node, "content": content, "time": now }).to_string();
        for hook in wanting {
            match Post::new(&hook.url, vec![], body.clone()) {
                Ok(post) => self.kernel.hooks().post(post),
                Err(problem) => tracing::warn!(hook = %hook.uuid, problem, "a web hook cannot be told; update its url"),
            }
        }
        Ok(())
    }
}

fn wants(hook: &Webhook, path: &str) -> bool {
    let pattern = hook.opaque.as_deref().filter(|pattern| !pattern.is_empty());
    hook.r#type == TYPE && pattern.is_none_or(|pattern| matches(pattern, path))
}

/// Whether `path` is `pattern`, in which `*` stands for any text.
fn matches(pattern: &str, path: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else { return pattern == path };
    let Some(mut path) = path.strip_prefix(head) else { return false };
    let mut pieces: Vec<&str> = rest.split('*').collect();
    let tail = pieces.pop().unwrap_or_default();
    for piece in pieces {
        match path.find(piece) {
            Some(at) => path = &path[at + piece.len()..],
            None => return false,
        }
    }
    path.ends_with(tail)
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn a_star_stands_for_any_text() {
        for pattern in ["*", "/vm/*", "/vm/state/change", "*/change", "/v*state*e", "/vm/state/change*", "**"] {
            assert!(matches(pattern, "/vm/state/change"), "{pattern}");
        }
        for pattern in ["", "/vm", "/host/*", "/vm/*/changed", "*state", "/vm/state/change/*", "/vm*vm*"] {
            assert!(!matches(pattern, "/vm/state/change"), "{pattern}");
        }
    }
}
