//! A corner of this machine for tests that change its network: a thread in network and mount namespaces of its own, so
//! that nothing it makes is seen outside and all of it goes with it. Needs root.

use std::{
    fs,
    future::Future,
    os::unix::fs::MetadataExt as _,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    path::{Path, PathBuf},
    process::{Command, Output},
    thread,
    time::Duration,
};

use nix::{
    mount::{MsFlags, mount},
    sched::{CloneFlags, unshare},
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tokio::time::{Instant, sleep};

/// Runs a test in namespaces of its own. `hidden` folders are empty and private there.
pub(crate) fn in_namespaces<F: Future<Output = ()>>(
    hidden: &'static [&'static str],
    test: impl FnOnce() -> F + Send + 'static,
) {
    let thread = thread::spawn(move || {
        unshare(CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWNS).expect("this test needs root");
        mount(None::<&str>, "/", None::<&str>, MsFlags::MS_PRIVATE | MsFlags::MS_REC, None::<&str>).unwrap();
        for dir in hidden {
            std::fs::create_dir_all(dir).unwrap();
            mount(Some("tmpfs"), *dir, Some("tmpfs"), MsFlags::empty(), Some("mode=755")).unwrap();
        }
        // What it tells about network devices is that of the namespace in which it was mounted.
        mount(Some("sysfs"), "/sys", Some("sysfs"), MsFlags::empty(), None::<&str>).unwrap();
        sh("ip link set lo up");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let done = catch_unwind(AssertUnwindSafe(|| runtime.block_on(test())));
        end_all();
        if let Err(panic) = done {
            resume_unwind(panic);
        }
    });
    if let Err(panic) = thread.join() {
        resume_unwind(panic);
    }
}

/// Ends what still runs in the namespaces of this thread and in those it made.
fn end_all() {
    let inode = |path: &Path| fs::metadata(path).map(|meta| meta.ino()).ok();
    let made = fs::read_dir("/run/netns").into_iter().flatten().flatten().map(|entry| entry.path());
    let ours: Vec<_> = made.chain([PathBuf::from("/proc/thread-self/ns/net")]).filter_map(|p| inode(&p)).collect();
    for process in fs::read_dir("/proc").unwrap().flatten() {
        let Ok(pid) = process.file_name().to_string_lossy().parse() else { continue };
        let of = inode(&process.path().join("ns/net"));
        if pid != std::process::id().cast_signed() && of.is_some_and(|of| ours.contains(&of)) {
            // It may have ended by itself.
            _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
    }
}

/// Runs a command line that must succeed and returns what it printed.
pub(crate) fn sh(line: &str) -> String {
    let output = try_sh(line);
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{line}: {out}{err}");
    out.into_owned()
}

/// Runs a command line.
pub(crate) fn try_sh(line: &str) -> Output {
    Command::new("sh").args(["-c", line]).output().unwrap()
}

/// Waits until `look` finds something.
pub(crate) async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        sleep(Duration::from_millis(20)).await;
    }
}

/// A guest without a VM: a namespace with a NIC on a bridge.
pub(crate) struct Guest {
    name: &'static str,
}

impl Guest {
    /// With the NIC `eth0`, of this MAC address, on `bridge`.
    pub(crate) fn plug(name: &'static str, mac: &str, bridge: &str) -> Self {
        sh(&format!(
            "ip netns add {name} && ip link add tap-{name} type veth peer name eth0 address {mac} netns {name} \
             && ip link set tap-{name} master {bridge} up && ip -n {name} link set eth0 up && ip -n {name} link set lo up"
        ));
        Self { name }
    }

    /// Asks for an address by DHCP as a small Linux guest does; returns what was set up, or nothing.
    pub(crate) fn dhcp(&self) -> Option<Lease> {
        let script = "/run/udhcpc.sh";
        std::fs::write(
            script,
            "#!/bin/sh\n[ \"$1\" = bound ] && echo \"LEASE;$ip;$mask;$router;$dns;$hostname;$domain;$mtu;$staticroutes\"\nexit 0\n",
        )
        .unwrap();
        sh(&format!("chmod +x {script}"));
        let run = format!(
            "ip netns exec {} busybox udhcpc -f -n -q -t 4 -T 1 -A 0 -i eth0 -s {script} -O mtu -O staticroutes",
            self.name
        );
        let output = try_sh(&run);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let lease = text.lines().find_map(|line| line.strip_prefix("LEASE;"))?;
        let mut fields = lease.split(';').map(ToOwned::to_owned);
        let mut next = || fields.next().unwrap_or_default();
        Some(Lease {
            ip: next(),
            mask: next(),
            router: next(),
            dns: next(),
            hostname: next(),
            domain: next(),
            mtu: next(),
            routes: next(),
        })
    }

    /// The command line that runs something inside.
    pub(crate) fn line(&self, line: &str) -> String {
        format!("ip netns exec {} {line}", self.name)
    }

    /// Runs something inside.
    pub(crate) fn run(&self, line: &str) -> Output {
        try_sh(&self.line(line))
    }
}

/// What a guest learnt by DHCP.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Lease {
    pub(crate) ip: String,
    pub(crate) mask: String,
    pub(crate) router: String,
    pub(crate) dns: String,
    pub(crate) hostname: String,
    pub(crate) domain: String,
    pub(crate) mtu: String,
    pub(crate) routes: String,
}
