//! `GetL3NetworkDhcpIpAddress`.

use async_trait::async_trait;
use cumulo_contracts::{
    api::l3::{GetL3NetworkDhcpIpAddress, GetL3NetworkDhcpIpAddressReply},
    message::network::DHCP,
};
use cumulo_kernel::api::{ApiCx, HandleApi};
use cumulo_schema::ErrorCode;

use super::Holder;
use crate::{Networks, store};

#[async_trait]
impl HandleApi<GetL3NetworkDhcpIpAddress> for Networks {
    async fn handle(
        &self,
        _: &ApiCx,
        api: GetL3NetworkDhcpIpAddress,
    ) -> Result<GetL3NetworkDhcpIpAddressReply, ErrorCode> {
        let l3 = api.l3_network_uuid;
        let row = store::used_ip(self.kernel.db(), Holder::Service(DHCP.to_owned()).row(l3)).await?;
        let row = row.ok_or_else(|| {
            ErrorCode::operation(format!(
                "L3 network {l3} has no DHCP server: attach a service DHCP to it and add an IP range"
            ))
        })?;
        Ok(GetL3NetworkDhcpIpAddressReply { ip: Some(row.ip), ip6: None })
    }
}
