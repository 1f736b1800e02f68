//! Prints the tables of the kernel's own resources, as their first migration writes them.

use cumulo_kernel::{api::ApiJob, flow::FlowRow};
use cumulo_schema::{Resource, ddl, system};

fn main() {
    let mut resources = system::RESOURCES.to_vec();
    resources.extend([FlowRow::META, ApiJob::META]);
    for meta in &resources {
        print!("{}", ddl::create_table(meta, &resources));
    }
}
