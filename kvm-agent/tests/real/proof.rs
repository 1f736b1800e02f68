//! How VMs run on this very machine. What the answer is depends on the machine; that it is one answer does not.

use std::time::{Duration, Instant};

use cumulo_kvm_agent::{HostError, Mode, facts::VirtualizationProof};
use cumulo_proto::kvm::Virtualization;

#[tokio::test]
async fn kvm_is_proven_once_and_the_answer_remembered() {
    let dir = tempfile::tempdir().unwrap();
    let prove = |mode| VirtualizationProof::new(mode, dir.path().to_owned());
    let proven = prove(Mode::Auto).get().await.unwrap();
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "only the answer is left");

    let asked = Instant::now();
    assert_eq!(prove(Mode::Auto).get().await.unwrap(), proven);
    assert!(asked.elapsed() < Duration::from_millis(500), "it was proven again");
    match (proven.virtualization, prove(Mode::Kvm).get().await) {
        (Virtualization::Kvm, Ok(same)) => assert_eq!(same, proven),
        (Virtualization::Qemu, Err(HostError::NoKvm { why })) => assert_eq!(why, proven.reason),
        other => panic!("{other:?}"),
    }
    assert_eq!(prove(Mode::Qemu).get().await.unwrap().virtualization, Virtualization::Qemu);
}
