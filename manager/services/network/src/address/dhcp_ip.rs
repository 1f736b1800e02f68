//! `GetL3NetworkDhcpIpAddress` and `ChangeL3NetworkDhcpIpAddress`.

use async_trait::async_trait;
use cumulo_contracts::{
    api::l3::{
        ChangeL3NetworkDhcpIpAddress, ChangeL3NetworkDhcpIpAddressReply, GetL3NetworkDhcpIpAddress,
        GetL3NetworkDhcpIpAddressReply,
    },
    message::network::DHCP,
    resource::UsedIp,
};
use cumulo_kernel::api::{ApiCx, HandleApi};
use cumulo_schema::{ErrorCode, Uuid};

use super::Holder;
use crate::{Networks, store};

#[async_trait]
impl HandleApi<GetL3NetworkDhcpIpAddress> for Networks {
    async fn handle(
        &self,
        _: &ApiCx,
        api: GetL3NetworkDhcpIpAddress,
    ) -> Result<GetL3NetworkDhcpIpAddressReply, ErrorCode> {
        Ok(GetL3NetworkDhcpIpAddressReply { ip: Some(self.server(api.l3_network_uuid).await?.ip), ip6: None })
    }
}

#[async_trait]
impl HandleApi<ChangeL3NetworkDhcpIpAddress> for Networks {
    async fn handle(
        &self,
        _: &ApiCx,
        api: ChangeL3NetworkDhcpIpAddress,
    ) -> Result<ChangeL3NetworkDhcpIpAddressReply, ErrorCode> {
        let l3 = api.l3_network_uuid;
        if api.dhcpv6_server_ip.is_some() {
            let text = "field[dhcpv6ServerIp] is not supported: no guest is served over IPv6; leave it out";
            return Err(ErrorCode::invalid(text));
        }
        let to = api.dhcp_server_ip.ok_or_else(|| ErrorCode::invalid("field[dhcpServerIp] is mandatory"))?;
        let server = self.server(l3).await?;
        let lease = self.move_to(l3, &Holder::Service(DHCP.to_owned()), &server, &to).await?;
        // Also where nothing moved: a call that was cut off after the move has hosts still to tell.
        self.refresh_services(l3).await?;
        Ok(ChangeL3NetworkDhcpIpAddressReply { dhcp_server_ip: Some(lease.ip), dhcpv6_server_ip: None })
    }
}

impl Networks {
    /// The address of the DHCP server of `l3`.
    async fn server(&self, l3: Uuid) -> Result<UsedIp, ErrorCode> {
        let row = store::used_ip(self.kernel.db(), Holder::Service(DHCP.to_owned()).row(l3)).await?;
        row.ok_or_else(|| {
            ErrorCode::operation(format!(
                "L3 network {l3} has no DHCP server: attach a service DHCP to it and add an IP range"
            ))
        })
    }
}
