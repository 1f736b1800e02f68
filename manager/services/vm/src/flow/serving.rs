//! Telling the host of a VM that runs what its guest is to be told.

use cumulo_contracts::message::network::{ServeNics, ServedNic};
use cumulo_schema::{ErrorCode, Uuid};

use crate::{Vms, api::system_tags, key_pair, store, tags::Wishes};

impl Vms {
    /// Gives all NICs of a VM the services of their networks on `host`, as is recorded now. What is served is served anew.
    pub(crate) async fn serve_all(&self, vm: Uuid, host: Uuid, task: Uuid) -> Result<(), ErrorCode> {
        let db = self.kernel.db();
        let default_l3 = store::find(db, vm).await?.default_l3_network_uuid;
        let rows = store::nics(db, vm).await?;
        let nics: Vec<ServedNic> = rows.iter().filter_map(|nic| store::served(nic, default_l3)).collect();
        if nics.is_empty() {
            return Ok(());
        }
        let tags = system_tags(db, vm).await?;
        let Wishes { hostname, user_data, ssh_keys, .. } = Wishes::of(tags.iter().map(String::as_str))?;
        let ssh_keys = key_pair::with_attached(db, vm, ssh_keys).await?;
        self.kernel.bus().call(ServeNics { vm, host, hostname, user_data, ssh_keys, nics, task }).await
    }
}
