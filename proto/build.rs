//! Compiles the `.proto` files with protox (so that no `protoc` has to be installed) and writes one `AgentCommand`
//! implementation per command RPC.
//!
//! A command RPC is one that answers `Accepted`; its request message has the RPC's name and its reply message is
//! `<Rpc>Reply`. The build fails where a `.proto` file breaks that rule, so that the rule holds everywhere.

use std::{env, error::Error, fmt::Write as _, fs, path::Path};

use prost_types::{FileDescriptorProto, FileDescriptorSet, MethodDescriptorProto};

const PROTOS: [&str; 3] = ["cumulo/agent/v1/agent.proto", "cumulo/agent/v1/kvm.proto", "cumulo/agent/v1/storage.proto"];
/// Fields that hold secrets; their messages get a hand-written `Debug` in `src/secret.rs`.
const SECRET_MESSAGES: [&str; 3] =
    [".cumulo.agent.v1.kvm.SftpFile", ".cumulo.agent.v1.kvm.Console", ".cumulo.agent.v1.kvm.UserdataEntry"];
const BASE: &str = ".cumulo.agent.v1";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=proto");
    let set = protox::compile(PROTOS, ["proto"])?;
    let out = env::var("OUT_DIR")?;
    fs::write(Path::new(&out).join("commands.rs"), commands(&set)?)?;
    tonic_prost_build::configure()
        .build_transport(false)
        .include_file("cumulo.rs")
        .skip_debug(SECRET_MESSAGES)
        .bytes(".cumulo.agent.v1.Outcome")
        .compile_fds(set)?;
    Ok(())
}

/// The text of all `AgentCommand` implementations and of one list of command names per service.
fn commands(set: &FileDescriptorSet) -> Result<String, Box<dyn Error>> {
    let mut text = String::new();
    for file in &set.file {
        for service in &file.service {
            let commands: Vec<_> = service.method.iter().filter(|m| is_command(m)).collect();
            if commands.is_empty() {
                continue;
            }
            let service = service.name();
            let names: Vec<_> = commands.iter().map(|m| m.name()).collect();
            let constant = screaming(service);
            writeln!(text, "/// Every command of `{service}`, by name.")?;
            writeln!(text, "pub const {constant}_COMMANDS: &[&str] = &{names:?};")?;
            for method in commands {
                write_command(&mut text, file, service, method)?;
            }
        }
    }
    Ok(text)
}

fn is_command(method: &MethodDescriptorProto) -> bool {
    method.output_type() == format!("{BASE}.Accepted")
}

fn write_command(
    text: &mut String,
    file: &FileDescriptorProto,
    service: &str,
    method: &MethodDescriptorProto,
) -> Result<(), Box<dyn Error>> {
    let (name, package) = (method.name(), file.package());
    if method.input_type() != format!(".{package}.{name}") {
        return Err(format!("{service}.{name}: the request message must be called {name}").into());
    }
    let request = file.message_type.iter().find(|m| m.name() == name);
    let header = request.and_then(|m| m.field.iter().find(|f| f.number() == 1));
    if header.map(|f| (f.name(), f.type_name())) != Some(("header", ".cumulo.agent.v1.Header")) {
        return Err(format!("{service}.{name}: field 1 must be `Header header`").into());
    }
    if !file.message_type.iter().any(|m| m.name() == format!("{name}Reply")) {
        return Err(format!("{service}.{name}: there is no message {name}Reply").into());
    }
    let module = package.strip_prefix(BASE.trim_start_matches('.')).unwrap_or("").trim_start_matches('.');
    writeln!(
        text,
        "impl crate::AgentCommand for crate::{module}::{name} {{
    const NAME: &'static str = \"{name}\";
    const SERVICE: &'static str = \"{package}.{service}\";
    const PATH: &'static str = \"/{package}.{service}/{name}\";
    type Reply = crate::{module}::{name}Reply;
    fn header(&self) -> Option<&crate::Header> {{ self.header.as_ref() }}
    fn set_header(&mut self, header: crate::Header) {{ self.header = Some(header); }}
}}"
    )?;
    Ok(())
}

/// `KvmAgent` to `KVM_AGENT`.
fn screaming(name: &str) -> String {
    let mut out = String::new();
    for (i, c) in name.chars().enumerate() {
        if c.is_uppercase() && i > 0 {
            out.push('_');
        }
        out.push(c.to_ascii_uppercase());
    }
    out
}
