//! Whether KVM works, proven by running something.
//!
//! `/dev/kvm` says little: in a VM without nested virtualization in hardware it exists, starts guests and then runs them
//! an instruction at a time, or not at all past their first mode switch. So a boot sector (`proof.s`) is run with KVM
//! that does what a kernel does early on, and has to be through within seconds; real hardware takes a fraction of one.
//! The answer holds until the host boots again.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use cumulo_proto::kvm::Virtualization;
use tokio::{process::Command, sync::OnceCell, time::timeout};
use tracing::{info, warn};

use super::Proven;
use crate::{HostError, config::Mode};

/// Assembled from `proof.s`.
const BOOT_SECTOR: &[u8] = include_bytes!("proof.bin");
/// isa-debug-exit makes the process exit with twice the written value, plus one.
const PASSED: i32 = (0x10 << 1) | 1;
const TIME_LIMIT: Duration = Duration::from_secs(3);
const QEMU: &str = "qemu-system-x86_64";

/// Finds out, once per boot of the host, how VMs run on it.
pub struct VirtualizationProof {
    mode: Mode,
    dir: PathBuf,
    proven: OnceCell<Proven>,
}

impl VirtualizationProof {
    /// Keeps its answer in `dir`.
    pub fn new(mode: Mode, dir: PathBuf) -> Self {
        Self { mode, dir, proven: OnceCell::new() }
    }

    /// How VMs run. The first call of a boot takes up to three seconds.
    ///
    /// # Errors
    /// [`HostError::NoKvm`] where KVM is demanded and does not work.
    pub async fn get(&self) -> Result<Proven, HostError> {
        if self.mode == Mode::Qemu {
            let reason = "the agent is configured to emulate".to_owned();
            return Ok(Proven { virtualization: Virtualization::Qemu, reason });
        }
        let proven = self.proven.get_or_try_init(|| self.prove()).await?.clone();
        match (self.mode, proven.virtualization) {
            (Mode::Kvm, Virtualization::Qemu) => Err(HostError::NoKvm { why: proven.reason }),
            _ => Ok(proven),
        }
    }

    async fn prove(&self) -> Result<Proven, HostError> {
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        let remembered = self.dir.join("virtualization");
        if let Some(proven) = fs::read_to_string(&remembered).ok().and_then(|text| recall(&text, boot.trim())) {
            return Ok(proven);
        }
        let proven = match self.run().await? {
            None => {
                info!("KVM works");
                Proven { virtualization: Virtualization::Kvm, reason: "a test program ran with KVM".to_owned() }
            }
            Some(why) => {
                warn!(why, "KVM does not work; VMs are emulated");
                Proven { virtualization: Virtualization::Qemu, reason: why }
            }
        };
        let text = remember(&proven, boot.trim());
        fs::write(&remembered, text).map_err(HostError::io(format!("write {}", remembered.display())))?;
        Ok(proven)
    }

    /// Runs the boot sector; `Some` says why that failed.
    async fn run(&self) -> Result<Option<String>, HostError> {
        if !Path::new("/dev/kvm").exists() {
            return Ok(Some("there is no /dev/kvm".to_owned()));
        }
        let image = self.dir.join("kvm-proof.img");
        fs::write(&image, BOOT_SECTOR).map_err(HostError::io(format!("write {}", image.display())))?;
        // In QEMU's option lists a comma in a value is doubled.
        let drive = format!("if=floppy,format=raw,readonly=on,file={}", image.display().to_string().replace(',', ",,"));
        let run = Command::new(QEMU)
            .args(["-machine", "pc,accel=kvm", "-cpu", "host", "-m", "16", "-nodefaults", "-no-user-config"])
            .args(["-display", "none", "-device", "isa-debug-exit,iobase=0xf4,iosize=0x04", "-boot", "a"])
            .args(["-drive", &drive])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .output();
        let why = match timeout(TIME_LIMIT, run).await {
            Err(_) => Some("there is a /dev/kvm, but a small test program does not get through with it".to_owned()),
            Ok(Err(error)) => return Err(HostError::Program { program: QEMU, said: error.to_string() }),
            Ok(Ok(output)) if output.status.code() == Some(PASSED) => None,
            Ok(Ok(output)) => {
                let said = String::from_utf8_lossy(&output.stderr);
                let said = said.lines().last().unwrap_or("it gave no reason");
                Some(format!("QEMU does not run with KVM: {said}"))
            }
        };
        _ = fs::remove_file(&image);
        Ok(why)
    }
}

fn remember(proven: &Proven, boot: &str) -> String {
    let how = if proven.virtualization == Virtualization::Kvm { "kvm" } else { "qemu" };
    format!("{boot}\n{how}\n{}\n", proven.reason)
}

fn recall(text: &str, boot: &str) -> Option<Proven> {
    let mut lines = text.lines();
    if boot.is_empty() || lines.next() != Some(boot) {
        return None;
    }
    let virtualization = match lines.next()? {
        "kvm" => Virtualization::Kvm,
        "qemu" => Virtualization::Qemu,
        _ => return None,
    };
    Some(Proven { virtualization, reason: lines.next()?.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_remembered_until_the_next_boot() {
        let proven = Proven { virtualization: Virtualization::Kvm, reason: "it ran".into() };
        let text = remember(&proven, "boot-1");
        assert_eq!(recall(&text, "boot-1"), Some(proven));
        assert_eq!(recall(&text, "boot-2"), None);
        assert_eq!(recall("", ""), None);
    }

    #[test]
    fn the_boot_sector_is_what_its_source_says() {
        let dir = tempfile::tempdir().unwrap();
        let (object, binary) = (dir.path().join("proof.o"), dir.path().join("proof.bin"));
        let run = |program: &str, args: &[&std::ffi::OsStr]| {
            let status = std::process::Command::new(program).args(args).status();
            assert!(status.expect("binutils are installed, as Rust needs a linker").success(), "{program} failed");
        };
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/src/facts/proof.s");
        run("as", &[source.as_ref(), "-o".as_ref(), object.as_ref()]);
        let args =
            ["-m", "elf_x86_64", "--oformat", "binary", "-Ttext", "0x7c00", "-e", "start"].map(std::ffi::OsStr::new);
        run("ld", &[&args[..], &[object.as_ref(), "-o".as_ref(), binary.as_ref()]].concat());
        assert_eq!(fs::read(&binary).unwrap(), BOOT_SECTOR);
        assert_eq!(BOOT_SECTOR.len(), 512);
    }
}
