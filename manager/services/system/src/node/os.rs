//! `GetManagementNodeOS`: what `/etc/os-release` of this node says.

use async_trait::async_trait;
use cumulo_contracts::api::management::{GetManagementNodeOS, GetManagementNodeOSReply};
use cumulo_kernel::api::{ApiCx, HandleApi};
use cumulo_schema::ErrorCode;

use super::Nodes;

const OS_RELEASE: &str = "/etc/os-release";

#[async_trait]
impl HandleApi<GetManagementNodeOS> for Nodes {
    async fn handle(&self, _cx: &ApiCx, _api: GetManagementNodeOS) -> Result<GetManagementNodeOSReply, ErrorCode> {
        let text = tokio::fs::read_to_string(OS_RELEASE).await.map_err(|cause| {
            ErrorCode::operation(format!("{OS_RELEASE} of the management node cannot be read")).because_of(&cause)
        })?;
        Ok(GetManagementNodeOSReply { name: member(&text, "NAME"), version: member(&text, "VERSION_ID") })
    }
}

/// The value of a line `KEY=value` or `KEY="value"`.
fn member(text: &str, key: &str) -> Option<String> {
    let value = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='))?.trim();
    let bare = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value);
    Some(bare.to_owned())
}

#[cfg(test)]
mod tests {
    use super::member;

    #[test]
    fn names_and_versions_are_read_with_and_without_quotes() {
        let text = "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nNAME=\"Debian GNU/Linux\"\nVERSION_ID=12\n";
        assert_eq!(member(text, "NAME").as_deref(), Some("Debian GNU/Linux"));
        assert_eq!(member(text, "VERSION_ID").as_deref(), Some("12"));
        assert_eq!(member(text, "VERSION"), None);
    }
}
