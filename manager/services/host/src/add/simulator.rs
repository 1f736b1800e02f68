//! `AddSimulatorHost`: a host that there is not goes through everything that a real one goes through.

use async_trait::async_trait;
use cumulo_contracts::{api::host::AddSimulatorHost, resource::Host};
use cumulo_kernel::api::{ApiCx, HandleApi};
use cumulo_schema::{ErrorCode, Inventory};

use super::{Asked, Kind};
use crate::Hosts;

#[async_trait]
impl HandleApi<AddSimulatorHost> for Hosts {
    async fn handle(&self, cx: &ApiCx, api: AddSimulatorHost) -> Result<Inventory<Host>, ErrorCode> {
        check("cpuCapacity", api.cpu_capacity, i64::from(i32::MAX))?;
        check("memoryCapacity", api.memory_capacity, i64::MAX)?;
        let asked = Asked {
            name: api.name,
            description: api.description,
            management_ip: api.management_ip,
            cluster: api.cluster_uuid,
            kind: Kind::Simulator { cpu_capacity: api.cpu_capacity, memory_capacity: api.memory_capacity },
        };
        self.add(cx, asked).await
    }
}

fn check(field: &str, number: i64, most: i64) -> Result<(), ErrorCode> {
    match (1..=most).contains(&number) {
        true => Ok(()),
        false => Err(ErrorCode::invalid(format!("field[{field}] must be between 1 and {most}, not {number}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn a_host_has_something_of_everything() {
        assert!(check("cpuCapacity", 1, 10).is_ok() && check("cpuCapacity", 10, 10).is_ok());
        for wrong in [0, -1, 11] {
            assert!(check("cpuCapacity", wrong, 10).is_err(), "{wrong}");
        }
    }
}
