//! Prints the tables of the kernel's own resources, as their first migration writes them.

use cumulo_kernel::api::ApiJob;
use cumulo_schema::{Resource, ddl, system};

fn main() {
    let mut resources = system::RESOURCES.to_vec();
    resources.push(ApiJob::META);
    for meta in &resources {
        print!("{}", ddl::create_table(meta, &resources));
    }
}
