//! A libvirtd of this benchmark's own, and the bare way to a running VM.

use std::{
    fs,
    os::unix::net::UnixStream,
    process::{Child, Command},
    time::{Duration, Instant},
};

use anyhow::ensure;
use virt::{connect::Connect, domain::Domain, sys};

/// libvirtd, ended with this value.
pub(crate) struct Libvirtd(Child);

impl Libvirtd {
    pub(crate) async fn start() -> anyhow::Result<Self> {
        fs::write(
            "/etc/libvirt/qemu.conf",
            "security_driver = \"none\"\nuser = \"root\"\ngroup = \"root\"\ndynamic_ownership = 0\nremember_owner = 0\n\
             cgroup_controllers = []\nnamespaces = []\nstdio_handler = \"file\"\n",
        )?;
        fs::write("/etc/libvirt/libvirtd.conf", "auth_unix_rw = \"none\"\nunix_sock_group = \"root\"\n")?;
        let log = fs::File::create("/run/libvirtd.log")?;
        let child = Command::new("/usr/sbin/libvirtd").args(["--pid-file", "/run/libvirtd.pid"]).stderr(log).spawn()?;
        let libvirtd = Self(child);
        let deadline = Instant::now() + Duration::from_secs(30);
        while UnixStream::connect("/run/libvirt/libvirt-sock").is_err() {
            ensure!(Instant::now() < deadline, "libvirtd did not start: {}", fs::read_to_string("/run/libvirtd.log")?);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(libvirtd)
    }
}

impl Drop for Libvirtd {
    fn drop(&mut self) {
        // Nothing is left to do where it has ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Defines and starts a VM as the agent does, with nothing around it.
pub(crate) fn start(connection: &Connect, xml: &str) -> anyhow::Result<()> {
    let domain = Domain::define_xml_flags(connection, xml, sys::VIR_DOMAIN_DEFINE_VALIDATE)?;
    domain.create()?;
    Ok(())
}

/// Takes a VM away.
pub(crate) fn remove(connection: &Connect, name: &str) -> anyhow::Result<()> {
    let domain = Domain::lookup_by_name(connection, name)?;
    domain.destroy()?;
    domain.undefine()?;
    Ok(())
}
