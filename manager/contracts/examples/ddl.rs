//! Prints the tables of the named resources, as their first migration writes them:
//! `cargo run -p cumulo-contracts --example ddl -- VmInstance VmNic`.

use cumulo_schema::ddl;

fn main() {
    let resources = cumulo_contracts::resources();
    for name in std::env::args().skip(1) {
        match resources.iter().find(|meta| meta.name == name) {
            Some(meta) => print!("{}", ddl::create_table(meta, &resources)),
            None => eprintln!("there is no resource {name}"),
        }
    }
}
