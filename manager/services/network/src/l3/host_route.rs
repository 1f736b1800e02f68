//! `AddHostRouteToL3Network` and `RemoveHostRouteFromL3Network`: routes that guests are told, by DHCP for example.

use async_trait::async_trait;
use cumulo_contracts::{
    api::l3::{AddHostRouteToL3Network, RemoveHostRouteFromL3Network},
    resource::{L3Network, L3NetworkHostRoute},
};
use cumulo_kernel::{
    api::{ApiCx, HandleApi},
    db::DbError,
};
use cumulo_schema::{ErrorCode, Inventory};

use crate::{
    Networks,
    ipv4::{self, Subnet, short},
    store,
};

/// Routes of one network: what fits into one DHCP option of 255 bytes beside the default route and that to the metadata.
const MOST: usize = 24;
/// Calls that may pick the same number before we give up.
const TRIES: usize = 64;

#[async_trait]
impl HandleApi<AddHostRouteToL3Network> for Networks {
    async fn handle(&self, cx: &ApiCx, api: AddHostRouteToL3Network) -> Result<Inventory<L3Network>, ErrorCode> {
        let (db, l3) = (self.kernel.db(), api.l3_network_uuid);
        let (prefix, nexthop) = (destination(&api.prefix)?, ipv4::address("nexthop", &api.nexthop)?.to_string());
        for _ in 0..TRIES {
            let routes = store::host_routes(db, l3).await?;
            let full = routes.len() >= MOST;
            match routes.into_iter().find(|route| route.prefix == prefix) {
                Some(route) if route.nexthop == nexthop => return cx.inventory::<L3Network>(&l3).await,
                Some(route) => {
                    let details = format!("{prefix} goes to {} already; remove that route first", route.nexthop);
                    return Err(ErrorCode::invalid(details));
                }
                None if full => {
                    let details =
                        format!("L3 network {l3} has {MOST} routes, and guests can be told no more; remove one");
                    return Err(ErrorCode::invalid(details));
                }
                None => {}
            }
            let now = cx.now();
            let row = L3NetworkHostRoute {
                id: store::last_host_route(db).await? + 1,
                l3_network_uuid: l3,
                prefix: prefix.clone(),
                nexthop: nexthop.clone(),
                create_date: now,
                last_op_date: now,
            };
            match store::insert(db, &row).await {
                Err(DbError::Conflict { .. }) => {}
                inserted => {
                    inserted?;
                    self.refresh_services(l3).await?;
                    return cx.inventory::<L3Network>(&l3).await;
                }
            }
        }
        Err(ErrorCode::operation(format!("the route to {prefix} could not be numbered, so many are added; try again")))
    }
}

#[async_trait]
impl HandleApi<RemoveHostRouteFromL3Network> for Networks {
    async fn handle(&self, cx: &ApiCx, api: RemoveHostRouteFromL3Network) -> Result<Inventory<L3Network>, ErrorCode> {
        let l3 = api.l3_network_uuid;
        store::remove_host_route(self.kernel.db(), l3, &destination(&api.prefix)?).await?;
        self.refresh_services(l3).await?;
        cx.inventory::<L3Network>(&l3).await
    }
}

/// Networks in their plain form, single addresses and the default route included.
fn destination(text: &str) -> Result<String, ErrorCode> {
    let wrong = || ErrorCode::invalid(format!("prefix '{}' is no network of the form 10.1.0.0/16", short(text)));
    let (network, prefix) = text.split_once('/').ok_or_else(wrong)?;
    let network = ipv4::address("prefix", network)?.to_bits();
    let digits = (1..=2).contains(&prefix.len()) && prefix.bytes().all(|b| b.is_ascii_digit());
    let prefix: u8 = prefix.parse().ok().filter(|prefix| digits && *prefix <= 32).ok_or_else(wrong)?;
    Ok(Subnet::of(network, prefix).to_string())
}

#[cfg(test)]
mod tests {
    use super::destination;

    #[test]
    fn destinations_have_one_form() {
        assert_eq!(destination("10.1.2.3/16").expect("sound"), "10.1.0.0/16");
        assert_eq!(destination("0.0.0.0/0").expect("sound"), "0.0.0.0/0");
        assert_eq!(destination("10.1.2.3/32").expect("sound"), "10.1.2.3/32");
        for bad in ["10.0.0.0", "10.0.0.0/33", "10.0.0.0/-1", "/8", "10.0.0.0/8/8", "x/8"] {
            assert!(destination(bad).is_err(), "{bad}");
        }
    }
}
