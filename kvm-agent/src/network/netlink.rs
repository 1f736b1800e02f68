//! The few verbs of rtnetlink that the agent needs, with errors that say what was tried.

use std::{net::IpAddr, os::fd::RawFd};

use futures::{StreamExt as _, TryStreamExt as _};
use rtnetlink::{
    Error, Handle, LinkBridge, LinkMessageBuilder, LinkUnspec, LinkVeth, LinkVlan, RouteMessageBuilder, new_connection,
    packet_route::{
        address::{AddressAttribute, AddressMessage, AddressScope},
        link::{BridgeStpState, InfoData, InfoKind, InfoVlan, LinkAttribute, LinkFlags, LinkInfo, LinkMessage},
        route::{RouteAttribute, RouteHeader, RouteMessage},
    },
};
use tokio::task::JoinHandle;

use crate::{HostError, IfName};

const ENODEV: i32 = -19;
const EEXIST: i32 = -17;

/// A netlink socket of the network namespace in which it was opened.
pub(crate) struct Netlink {
    handle: Handle,
    socket: JoinHandle<()>,
}

/// A network device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Link {
    pub(crate) index: u32,
    pub(crate) name: String,
    pub(crate) mac: Vec<u8>,
    pub(crate) mtu: u32,
    pub(crate) up: bool,
    pub(crate) controller: Option<u32>,
    pub(crate) is_bridge: bool,
    /// The device it is on.
    pub(crate) parent: Option<u32>,
    /// Its id, where it is a VLAN.
    pub(crate) vlan: Option<u16>,
    /// What whoever made it wrote about it.
    pub(crate) alias: Option<String>,
}

impl Drop for Netlink {
    fn drop(&mut self) {
        self.socket.abort();
    }
}

impl Netlink {
    /// Opens a socket in the current thread's namespace.
    pub(crate) fn open() -> Result<Self, HostError> {
        let (connection, handle, _) = new_connection().map_err(HostError::io("open a netlink socket"))?;
        Ok(Self { handle, socket: tokio::spawn(connection) })
    }

    pub(crate) async fn link(&self, name: &str) -> Result<Option<Link>, HostError> {
        let mut found = self.handle.link().get().match_name(name).execute();
        match found.next().await {
            None => Ok(None),
            Some(Ok(message)) => Ok(Some(Link::from(message))),
            Some(Err(Error::NetlinkError(error))) if error.raw_code() == ENODEV => Ok(None),
            Some(Err(cause)) => Err(failed(format!("look at {name}"))(cause)),
        }
    }

    pub(crate) async fn links(&self) -> Result<Vec<Link>, HostError> {
        let links = self.handle.link().get().execute();
        links.map_ok(Link::from).try_collect().await.map_err(failed("list network devices"))
    }

    pub(crate) async fn add_bridge(&self, name: &IfName, mac: &[u8]) -> Result<(), HostError> {
        // No spanning tree: the host is a leaf, and a port must forward at once.
        let bridge = LinkBridge::new(name.as_str())
            .stp_state(BridgeStpState::Disabled)
            .forward_delay(0)
            .address(mac.to_vec())
            .build();
        self.handle.link().add(bridge).execute().await.map_err(failed(format!("make the bridge {name}")))
    }

    pub(crate) async fn add_vlan(&self, name: &IfName, parent: &Link, id: u16) -> Result<(), HostError> {
        let vlan = LinkVlan::new(name.as_str(), parent.index, id).build();
        let what = format!("make VLAN {id} of {} as {name}", parent.name);
        self.handle.link().add(vlan).execute().await.map_err(failed(what))
    }

    pub(crate) async fn add_veth(&self, one: &str, other: &str) -> Result<(), HostError> {
        let pair = LinkVeth::new(one, other).build();
        self.handle.link().add(pair).execute().await.map_err(failed(format!("make the pair {one} and {other}")))
    }

    pub(crate) async fn remove(&self, link: &Link) -> Result<(), HostError> {
        match self.handle.link().del(link.index).execute().await {
            Err(Error::NetlinkError(error)) if error.raw_code() == ENODEV => Ok(()),
            done => done.map_err(failed(format!("remove {}", link.name))),
        }
    }

    pub(crate) async fn set_up(&self, link: &Link) -> Result<(), HostError> {
        self.set(link, "switch on", LinkMessageBuilder::up).await
    }

    pub(crate) async fn set_mtu(&self, link: &Link, mtu: u32) -> Result<(), HostError> {
        self.set(link, "set the MTU of", |message| message.mtu(mtu)).await
    }

    /// Writes a word about it that stays as long as it does.
    pub(crate) async fn set_alias(&self, link: &Link, alias: &str) -> Result<(), HostError> {
        self.set(link, "label", |message| message.alias(alias)).await
    }

    pub(crate) async fn set_name(&self, link: &Link, name: &str) -> Result<(), HostError> {
        self.set(link, "rename", |message| message.name(name)).await
    }

    /// Makes it a port of `controller`, or of nothing.
    pub(crate) async fn set_controller(&self, link: &Link, controller: Option<&Link>) -> Result<(), HostError> {
        self.set(link, "connect", |message| message.controller(controller.map_or(0, |c| c.index))).await
    }

    /// Moves it to another network namespace.
    pub(crate) async fn set_namespace(&self, link: &Link, namespace: RawFd) -> Result<(), HostError> {
        self.set(link, "move to its namespace", |message| message.setns_by_fd(namespace)).await
    }

    pub(crate) async fn addresses(&self, link: &Link) -> Result<Vec<AddressMessage>, HostError> {
        let all = self.handle.address().get().execute();
        let all: Vec<_> = all.try_collect().await.map_err(failed(format!("list the addresses of {}", link.name)))?;
        Ok(all.into_iter().filter(|a| a.header.index == link.index).collect())
    }

    /// The addresses by which others can reach this host.
    pub(crate) async fn global_ips(&self) -> Result<Vec<IpAddr>, HostError> {
        let all = self.handle.address().get().execute();
        let all: Vec<_> = all.try_collect().await.map_err(failed("list addresses"))?;
        let global = all.into_iter().filter(|a| a.header.scope == AddressScope::Universe);
        Ok(global.filter_map(|a| address_ip(&a)).filter(|ip| !ip.is_loopback()).collect())
    }

    /// Adds `address/prefix`; there already is fine.
    pub(crate) async fn add_address(&self, link: &Link, address: IpAddr, prefix: u8) -> Result<(), HostError> {
        let request = self.handle.address().add(link.index, address, prefix);
        exists_is_fine(request.execute().await).map_err(failed(format!("add {address}/{prefix} to {}", link.name)))
    }

    /// Adds an address as it was on another device; there already is fine.
    pub(crate) async fn copy_address(&self, link: &Link, mut address: AddressMessage) -> Result<(), HostError> {
        let text = address_text(&address);
        address.header.index = link.index;
        // The label names the old device; the kernel wants none or the new one.
        address.attributes.retain(|a| !matches!(a, AddressAttribute::Label(_) | AddressAttribute::CacheInfo(_)));
        let mut request = self.handle.address().add(link.index, IpAddr::from([0, 0, 0, 0]), 0);
        *request.message_mut() = address;
        exists_is_fine(request.execute().await).map_err(failed(format!("add {text} to {}", link.name)))
    }

    pub(crate) async fn remove_address(&self, link: &Link, address: AddressMessage) -> Result<(), HostError> {
        let text = address_text(&address);
        let removed = self.handle.address().del(address).execute().await;
        removed.map_err(failed(format!("remove {text} from {}", link.name)))
    }

    /// Routes of the main table that go out of `link`, IPv4 first.
    pub(crate) async fn routes(&self, link: &Link) -> Result<Vec<RouteMessage>, HostError> {
        let mut routes = Vec::new();
        for wanted in [
            RouteMessageBuilder::<std::net::Ipv4Addr>::new().build(),
            RouteMessageBuilder::<std::net::Ipv6Addr>::new().build(),
        ] {
            let all = self.handle.route().get(wanted).execute();
            let all: Vec<_> = all.try_collect().await.map_err(failed("list routes"))?;
            routes.extend(all.into_iter().filter(|r| {
                r.header.table == RouteHeader::RT_TABLE_MAIN
                    && r.attributes.iter().any(|a| matches!(a, RouteAttribute::Oif(index) if *index == link.index))
            }));
        }
        Ok(routes)
    }

    /// Sets a route, in place of one to the same destination.
    pub(crate) async fn replace_route(&self, route: RouteMessage) -> Result<(), HostError> {
        let replaced = self.handle.route().add(route).replace().execute().await;
        replaced.map_err(failed("move a route"))
    }

    pub(crate) async fn remove_route(&self, route: RouteMessage) -> Result<(), HostError> {
        self.handle.route().del(route).execute().await.map_err(failed("remove a route"))
    }

    async fn set(
        &self,
        link: &Link,
        what: &str,
        change: impl FnOnce(LinkMessageBuilder<LinkUnspec>) -> LinkMessageBuilder<LinkUnspec>,
    ) -> Result<(), HostError> {
        let message = change(LinkUnspec::new_with_index(link.index)).build();
        self.handle.link().change(message).execute().await.map_err(failed(format!("{what} {}", link.name)))
    }
}

impl From<LinkMessage> for Link {
    fn from(message: LinkMessage) -> Self {
        let mut link = Self {
            index: message.header.index,
            name: String::new(),
            mac: Vec::new(),
            mtu: 0,
            up: message.header.flags.contains(LinkFlags::Up),
            controller: None,
            is_bridge: false,
            parent: None,
            vlan: None,
            alias: None,
        };
        for attribute in message.attributes {
            match attribute {
                LinkAttribute::IfName(name) => link.name = name,
                LinkAttribute::Address(mac) => link.mac = mac,
                LinkAttribute::Mtu(mtu) => link.mtu = mtu,
                LinkAttribute::Controller(index) if index > 0 => link.controller = Some(index),
                LinkAttribute::Link(index) => link.parent = Some(index),
                LinkAttribute::IfAlias(alias) => link.alias = Some(alias),
                LinkAttribute::LinkInfo(infos) => {
                    link.is_bridge = infos.iter().any(|i| matches!(i, LinkInfo::Kind(InfoKind::Bridge)));
                    link.vlan = infos.iter().find_map(vlan_id);
                }
                _ => {}
            }
        }
        link
    }
}

fn vlan_id(info: &LinkInfo) -> Option<u16> {
    let LinkInfo::Data(InfoData::Vlan(infos)) = info else { return None };
    infos.iter().find_map(|info| if let InfoVlan::Id(id) = info { Some(*id) } else { None })
}

impl Link {
    /// Its address, with colons.
    pub(crate) fn mac_text(&self) -> String {
        self.mac.iter().map(|b| format!("{b:02x}")).collect::<Vec<_>>().join(":")
    }
}

/// `10.0.0.1/24`
pub(crate) fn address_text(address: &AddressMessage) -> String {
    let ip = address_ip(address).map(|ip| ip.to_string()).unwrap_or_default();
    format!("{ip}/{}", address.header.prefix_len)
}

/// The host's own end: on a point-to-point link `Address` is the other one's.
pub(crate) fn address_ip(address: &AddressMessage) -> Option<IpAddr> {
    let find = |wanted: fn(&AddressAttribute) -> Option<IpAddr>| address.attributes.iter().find_map(wanted);
    find(|a| if let AddressAttribute::Local(ip) = a { Some(*ip) } else { None })
        .or_else(|| find(|a| if let AddressAttribute::Address(ip) = a { Some(*ip) } else { None }))
}

fn exists_is_fine(done: Result<(), Error>) -> Result<(), Error> {
    match done {
        Err(Error::NetlinkError(error)) if error.raw_code() == EEXIST => Ok(()),
        done => done,
    }
}

fn failed(what: impl Into<String>) -> impl FnOnce(Error) -> HostError {
    let what = what.into();
    move |cause| HostError::Netlink { what, cause }
}
