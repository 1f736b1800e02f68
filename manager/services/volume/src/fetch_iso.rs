//! `FetchIso`.

use async_trait::async_trait;
use cumulo_contracts::message::{image::LocateImage, volume::FetchIso};
use cumulo_kernel::bus::Handle;
use cumulo_schema::ErrorCode;

use crate::Volumes;

#[async_trait]
impl Handle<FetchIso> for Volumes {
    async fn handle(&self, ask: FetchIso) -> Result<String, ErrorCode> {
        let FetchIso { image, host, zone, primary_storage, task } = ask;
        let location = self.kernel.bus().call(LocateImage { image, zone }).await?;
        let (storage, driver) = self.storage(primary_storage).await?;
        driver.fetch_iso(&storage, host, &location, task).await.map_err(|cause| {
            let text = format!("ISO image {image} could not be brought to host {host}: {}", cause.details);
            ErrorCode::operation(text).because(cause)
        })
    }
}
