//! The firewall between DHCP on this host and the rest of the network: one nftables table in the bridge family per L3
//! network, replaced as a whole in one transaction.
//!
//! Every host serves its own VMs under the same server address, so nothing of that may pass the bridge's uplink: not the
//! service's frames, not DHCP requests of our VMs. And requests for metadata, which guests without a route of their own
//! send to their router, are turned to the namespace.

use std::borrow::Cow;

use nftables::{
    batch::Batch,
    expr::{Expression, Meta, MetaKey, NamedExpression, Payload, PayloadField},
    helper::{NftablesError, apply_ruleset},
    schema::{Chain, NfCmd, NfListObject, Nftables, Rule, Set, SetType, SetTypeValue, Table},
    stmt::{Mangle, Match, Operator, Statement},
    types::{NfChainPolicy, NfChainType, NfFamily, NfHook},
};
use tokio::{sync::OnceCell, task::spawn_blocking};
use tracing::warn;

use super::{L3State, dnsmasq::METADATA_IP};
use crate::{HostError, Mac, ObjectId};

const FAMILY: NfFamily = NfFamily::Bridge;
const MACS: &str = "vms";
const FORWARD: &str = "forward";
const PREROUTING: &str = "prerouting";
/// Where destination addresses are rewritten in the bridge family.
const PRIORITY_DSTNAT: i32 = -300;

/// The firewall, if the kernel has one for bridges.
#[derive(Default)]
pub(super) struct Isolation {
    supported: OnceCell<bool>,
}

impl Isolation {
    pub(super) async fn apply(&self, state: &L3State, outer: &str, inner: &Mac) -> Result<(), HostError> {
        if self.supported().await { run(&state.network.l3, ruleset(state, outer, inner)).await } else { Ok(()) }
    }

    pub(super) async fn remove(&self, l3: &ObjectId) -> Result<(), HostError> {
        if self.supported().await { run(l3, removal(&table_name(l3))).await } else { Ok(()) }
    }

    /// Kernels without nftables for bridges serve DHCP all the same; it is then up to the network that hosts' servers
    /// do not hear each other's guests, and since each server answers only VMs it knows, they mostly do not.
    async fn supported(&self) -> bool {
        let probe = || async {
            match apply(removal("cumulo_probe")).await {
                Ok(()) => true,
                Err(said) => {
                    warn!(said, "DHCP is not kept on this host: no nftables for bridges");
                    false
                }
            }
        };
        *self.supported.get_or_init(probe).await
    }
}

async fn run(l3: &ObjectId, ruleset: Nftables<'static>) -> Result<(), HostError> {
    apply(ruleset).await.map_err(|said| HostError::Isolation { l3: l3.to_string(), said })
}

async fn apply(ruleset: Nftables<'static>) -> Result<(), String> {
    let applied = spawn_blocking(move || apply_ruleset(&ruleset)).await.map_err(|e| e.to_string())?;
    applied.map_err(|error| match error {
        NftablesError::NftFailed { stderr, .. } => stderr.trim().replace('\n', " "),
        other => other.to_string(),
    })
}

fn table_name(l3: &ObjectId) -> String {
    format!("cumulo_{l3}")
}

fn table(name: &str) -> Table<'static> {
    Table { family: FAMILY, name: Cow::Owned(name.to_owned()), handle: None }
}

/// Makes sure a table is gone: deleting what is missing would fail, so it is made first.
fn removal(name: &str) -> Nftables<'static> {
    let mut batch = Batch::new();
    remove(&mut batch, name);
    batch.to_nftables()
}

fn remove(batch: &mut Batch<'static>, name: &str) {
    batch.add(NfListObject::Table(table(name)));
    batch.add_cmd(NfCmd::Delete(NfListObject::Table(table(name))));
}

/// The whole table of a network.
fn ruleset(state: &L3State, outer: &str, inner: &Mac) -> Nftables<'static> {
    let name = table_name(&state.network.l3);
    let mut batch = Batch::new();
    remove(&mut batch, &name);
    batch.add(NfListObject::Table(table(&name)));
    let macs: Vec<_> = state.entries.values().map(|e| string(e.mac.as_str())).collect();
    batch.add(NfListObject::Set(Box::new(Set {
        family: FAMILY,
        table: name.clone().into(),
        name: MACS.into(),
        set_type: SetTypeValue::Single(SetType::EtherAddr),
        elem: (!macs.is_empty()).then_some(macs.into()),
        ..Set::default()
    })));
    batch.add(chain(&name, FORWARD, NfHook::Forward, 0));
    batch.add(chain(&name, PREROUTING, NfHook::Prerouting, PRIORITY_DSTNAT));
    let mut rule = |chain: &'static str, expr: Vec<Statement<'static>>| {
        batch.add(NfListObject::Rule(Rule {
            family: FAMILY,
            table: name.clone().into(),
            chain: chain.into(),
            expr: expr.into(),
            ..Rule::default()
        }));
    };
    if let Some(uplink) = &state.network.uplink {
        let (uplink, outer) = (uplink.as_str(), outer);
        rule(FORWARD, vec![is(meta(MetaKey::Iifname), uplink), is(meta(MetaKey::Oifname), outer), drop()]);
        rule(FORWARD, vec![is(meta(MetaKey::Iifname), outer), is(meta(MetaKey::Oifname), uplink), drop()]);
        rule(
            FORWARD,
            vec![is(meta(MetaKey::Oifname), uplink), from_our_vms(), equals(field("udp", "dport"), number(67)), drop()],
        );
    }
    rule(
        PREROUTING,
        vec![
            from_our_vms(),
            is(field("ip", "daddr"), &METADATA_IP.to_string()),
            equals(field("tcp", "dport"), number(80)),
            Statement::Mangle(Mangle { key: field("ether", "daddr"), value: string(inner.as_str()) }),
        ],
    );
    batch.to_nftables()
}

fn chain(table: &str, name: &'static str, hook: NfHook, prio: i32) -> NfListObject<'static> {
    NfListObject::Chain(Chain {
        family: FAMILY,
        table: Cow::Owned(table.to_owned()),
        name: name.into(),
        _type: Some(NfChainType::Filter),
        hook: Some(hook),
        prio: Some(prio),
        policy: Some(NfChainPolicy::Accept),
        ..Chain::default()
    })
}

fn from_our_vms() -> Statement<'static> {
    equals(field("ether", "saddr"), string(&format!("@{MACS}")))
}

fn is(left: Expression<'static>, right: &str) -> Statement<'static> {
    equals(left, string(right))
}

fn equals(left: Expression<'static>, right: Expression<'static>) -> Statement<'static> {
    Statement::Match(Match { left, right, op: Operator::EQ })
}

fn drop() -> Statement<'static> {
    Statement::Drop(None)
}

fn string(text: &str) -> Expression<'static> {
    Expression::String(Cow::Owned(text.to_owned()))
}

fn number(number: u32) -> Expression<'static> {
    Expression::Number(number)
}

fn meta(key: MetaKey) -> Expression<'static> {
    Expression::Named(NamedExpression::Meta(Meta { key }))
}

fn field(protocol: &'static str, field: &'static str) -> Expression<'static> {
    let field = PayloadField { protocol: protocol.into(), field: field.into() };
    Expression::Named(NamedExpression::Payload(Payload::PayloadField(field)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_a_network() {
        let state: L3State = serde_json::from_value(serde_json::json!({
            "network": {
                "l3": "0123456789abcdef0123456789abcdef", "bridge": "br_eth1", "uplink": "eth1",
                "server": "10.0.101.2", "prefix": 24, "gateway": null, "dns": [], "domain": null, "mtu": null,
            },
            "generation": 3,
            "entries": {
                "00000000000000000000000000000001": {
                    "mac": "fa:16:3e:00:00:01", "ip": "10.0.101.100", "hostname": null,
                    "vm": "10000000000000000000000000000001", "default_route": true,
                },
            },
            "userdata": {},
        }))
        .unwrap();
        let inner = Mac::try_from("02:00:00:00:00:01").unwrap();
        let text = serde_json::to_string_pretty(&ruleset(&state, "cd0123456789ab", &inner)).unwrap();
        crate::snapshot::assert("isolation.json", &text);
    }
}
