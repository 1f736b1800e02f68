//! System tags that VMs understand.

use std::{collections::HashMap, net::IpAddr};

use base64::{Engine, engine::general_purpose::STANDARD};
use cumulo_contracts::ext::storage::StorageTag;
use cumulo_kernel::tag::{TagDef, any_tokens};
use cumulo_schema::{ErrorCode, Uuid, is_hostname};

use crate::{settings, store::static_ip};

const VM: &str = "VmInstanceVO";

pub(crate) const HOSTNAME: TagDef =
    TagDef { resource: VM, pattern: "hostname::{hostname}", doc: "What the guest is called.", check: check_hostname };
pub(crate) const USERDATA: TagDef = TagDef {
    resource: VM,
    pattern: "userdata::{userdata}",
    doc: "What the guest reads at 169.254.169.254, in base64.",
    check: check_userdata,
};
pub(crate) const STATIC_IP: TagDef = TagDef {
    resource: VM,
    pattern: "staticIp::{l3NetworkUuid}::{staticIp}",
    doc: "The address that the VM gets on an L3 network.",
    check: check_static_ip,
};

/// What waits for a VM to stop; only ChangeInstanceOffering puts it there.
pub(crate) const PENDING: TagDef = TagDef {
    resource: VM,
    pattern: "pendingCapacityChange::cpuNum::{cpuNum}::cpuSpeed::{cpuSpeed}::memory::{memory}",
    doc: "The size that the VM has once it has stopped.",
    check: any_tokens,
};

const ALLOCATOR_DOC: &str = "Root volumes go to primary storages that carry this user tag, where there are any.";
const ALLOCATOR_REQUIRED_DOC: &str = "Root volumes go only to primary storages that carry this user tag.";

const fn allocator(resource: &'static str) -> [TagDef; 2] {
    let pattern = "primaryStorage::allocator::userTag::{tag}";
    let preferred = TagDef { resource, pattern, doc: ALLOCATOR_DOC, check: check_user_tag };
    let pattern = "primaryStorage::allocator::userTag::{tag}::required";
    [preferred, TagDef { pattern, doc: ALLOCATOR_REQUIRED_DOC, ..preferred }]
}

const OF_VM: [TagDef; 2] = allocator(VM);
const OF_OFFERING: [TagDef; 2] = allocator("InstanceOfferingVO");

pub(crate) const TAGS: &[TagDef] =
    &[HOSTNAME, USERDATA, STATIC_IP, PENDING, OF_VM[0], OF_VM[1], OF_OFFERING[0], OF_OFFERING[1]];

fn check_user_tag(tokens: &HashMap<String, String>) -> Result<(), String> {
    match tokens["tag"].is_empty() || tokens["tag"].contains("::") {
        true => Err("name one user tag, without '::'".to_owned()),
        false => Ok(()),
    }
}

/// What `tags`, of a VM and its offering, say of its primary storage.
pub(crate) fn storage_tags<'t>(tags: impl Iterator<Item = &'t str>) -> Vec<StorageTag> {
    let [preferred, required] = OF_VM;
    let read = |tag: &str| {
        let token = |def: &TagDef| def.tokens(tag).filter(|tokens| check_user_tag(tokens).is_ok());
        let (tokens, required) =
            token(&required).map(|tokens| (tokens, true)).or_else(|| Some((token(&preferred)?, false)))?;
        Some(StorageTag { tag: tokens.get("tag")?.clone(), required })
    };
    tags.filter_map(read).collect()
}

fn check_hostname(tokens: &HashMap<String, String>) -> Result<(), String> {
    let name = &tokens["hostname"];
    match is_hostname(name) {
        true => Ok(()),
        false => Err(format!("'{name}' is no host name: labels of letters, digits and inner dashes, at most 63 each")),
    }
}

fn check_userdata(tokens: &HashMap<String, String>) -> Result<(), String> {
    decode(&tokens["userdata"]).map(drop)
}

fn decode(text: &str) -> Result<String, String> {
    let bytes = STANDARD.decode(text).map_err(|cause| format!("the user data is no base64: {cause}"))?;
    String::from_utf8(bytes).map_err(|_| "the user data is no UTF-8 text".to_owned())
}

fn check_static_ip(tokens: &HashMap<String, String>) -> Result<(), String> {
    tokens["l3NetworkUuid"].parse::<Uuid>().map_err(|bad| bad.to_string())?;
    let ip = &tokens["staticIp"];
    ip.parse::<IpAddr>().map(drop).map_err(|_| format!("'{ip}' is no address"))
}

/// What the tags of a VM say to those who launch it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Wishes {
    pub(crate) hostname: Option<String>,
    pub(crate) user_data: Option<String>,
    pub(crate) ssh_keys: Vec<String>,
    /// By L3 network.
    pub(crate) static_ips: HashMap<Uuid, String>,
}

impl Wishes {
    /// Reads checked tags.
    ///
    /// # Errors
    /// When user data is unreadable after all.
    pub(crate) fn of<'t>(tags: impl Iterator<Item = &'t str>) -> Result<Self, ErrorCode> {
        let mut wishes = Self::default();
        for tag in tags {
            if let Some(mut tokens) = HOSTNAME.tokens(tag) {
                wishes.hostname = tokens.remove("hostname");
            } else if let Some(tokens) = USERDATA.tokens(tag) {
                wishes.user_data = Some(decode(&tokens["userdata"]).map_err(ErrorCode::invalid)?);
            } else if let Some(tokens) = settings::SSH_KEY.tokens(tag) {
                wishes.ssh_keys = settings::ssh_keys(&tokens["sshkey"]);
            } else if let Some((l3, ip)) = static_ip(tag) {
                wishes.static_ips.insert(l3, ip);
            }
        }
        Ok(wishes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_say_what_the_launch_needs() {
        let l3 = Uuid::random();
        let tags = ["hostname::web-1".to_owned(), format!("staticIp::{l3}::10.0.0.7"), "userdata::aGk=".to_owned()];
        let wishes = Wishes::of(tags.iter().map(String::as_str)).expect("readable");
        assert_eq!(wishes.hostname.as_deref(), Some("web-1"));
        assert_eq!(wishes.user_data.as_deref(), Some("hi"));
        assert_eq!(wishes.static_ips[&l3], "10.0.0.7");
    }

    #[test]
    fn tags_of_storage_are_preferred_or_required() {
        let tags =
            ["primaryStorage::allocator::userTag::SSD::required", "primaryStorage::allocator::userTag::near", "x"];
        let read = storage_tags(tags.into_iter());
        let read: Vec<_> = read.iter().map(|wanted| (wanted.tag.as_str(), wanted.required)).collect();
        assert_eq!(read, [("SSD", true), ("near", false)]);
    }

    #[test]
    fn host_names_that_would_break_dns_or_a_file_are_refused() {
        let refused = |name: &str| check_hostname(&HashMap::from([("hostname".to_owned(), name.to_owned())])).is_err();
        assert!(!refused("web-1.example.com"));
        assert!(refused("$(reboot)"));
    }
}
