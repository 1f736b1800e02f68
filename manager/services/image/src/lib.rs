//! Images: what disks start from, and their copies on backup storages.
//!
//! An image has one row and a reference for each backup storage it is on; deleting marks references first and expunges
//! files later, so that a mistake can be taken back. Files are the storage drivers' business. A file that could not be
//! removed, because its storage was away, becomes a debt ([`expunge`]): the record goes, the file follows.

mod add;
mod boot_mode;
mod candidates;
mod cascade;
mod change_state;
mod config;
mod delete;
mod draft;
mod expunge;
mod interdependent;
mod locate;
mod recover;
mod rounds;
mod store;
mod sync_size;
mod template;
mod update;
mod url;

use std::sync::Arc;

use cumulo_contracts::{
    api::{
        image::{
            AddImage, ChangeImageState, DeleteImage, ExpungeImage, GetCandidateBackupStorageForCreatingImage,
            QueryImage, RecoverImage, SetImageBootMode, SyncImageSize, UpdateImage,
        },
        interdependent::{GetInterdependentL3NetworksBackupStorages, GetInterdependentL3NetworksImages},
    },
    ext::storage::BackupStorageDriver,
    message::image::LocateImage,
    resource::{BackupStorage, Image},
};
use cumulo_kernel::{Kernel, Setup, db::Migration};
use cumulo_schema::{Api, ErrorCode, Resource};

pub use add::flow::NewImage;
pub use draft::{Copy, Draft};
use store::Store;
pub use template::flow::{NewTemplate, TemplateCopy};

/// The image service.
struct Images {
    kernel: Kernel,
    store: Store,
}

impl Images {
    fn new(kernel: Kernel) -> Self {
        Self { store: Store::new(kernel.db().clone()), kernel }
    }

    fn driver(&self, kind: &str) -> Result<Arc<dyn BackupStorageDriver>, ErrorCode> {
        self.kernel.registry().driver::<dyn BackupStorageDriver>("backup storage", kind)
    }
}

/// Installs the service.
pub fn install(setup: &mut Setup) {
    let images = Arc::new(Images::new(setup.kernel().clone()));
    setup
        .migrations(&[
            Migration { name: "20261121_0160_image", sql: include_str!("../migrations/20261121_0160_image.sql") },
            Migration {
                name: "20261121_0161_image_names",
                sql: include_str!("../migrations/20261121_0161_image_names.sql"),
            },
        ])
        .configs(config::CONFIGS)
        .quotas(store::QUOTAS)
        .api::<AddImage>(images.clone())
        .api::<UpdateImage>(images.clone())
        .api::<ChangeImageState>(images.clone())
        .tags(boot_mode::TAGS)
        .api::<SetImageBootMode>(images.clone())
        .api::<SyncImageSize>(images.clone())
        .api::<DeleteImage>(images.clone())
        .api::<RecoverImage>(images.clone())
        .api::<ExpungeImage>(images.clone())
        .api::<GetCandidateBackupStorageForCreatingImage>(images.clone())
        .api::<GetInterdependentL3NetworksImages>(images.clone())
        .api::<GetInterdependentL3NetworksBackupStorages>(images.clone())
        .query(QueryImage::META)
        .message::<LocateImage>(images.clone())
        .gc_runner(expunge::RUNNER, images.clone())
        .cascade(Image::META, &[BackupStorage::META.vo, cascade::ACCOUNT], images.clone())
        .step::<NewImage>(draft::Record(images.clone()))
        .step(add::flow::Download(images.clone()))
        .step::<NewImage>(draft::MarkReady(images.clone()));
    template::install(setup, &images);
}

/// Starts what the service does by itself; call once the kernel has started.
pub fn start(kernel: &Kernel) {
    kernel.spawn(rounds::run(Images::new(kernel.clone())));
}
