//! Seeds of `tests/chaos` that once failed, with the program that is tested here. `make chaos` runs as many new ones as one
//! likes.

use std::{path::Path, sync::Arc, time::Duration};

use cumulo_chaos::{Chaos, Servers};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_doubled_or_leaked() {
    let keep = Path::new(env!("CARGO_TARGET_TMPDIR")).join("chaos");
    let program = env!("CARGO_BIN_EXE_cumulo-manager").into();
    let chaos = Chaos { program, longest_freeze: Duration::from_secs(7), keep };
    let servers = Arc::new(tokio::task::spawn_blocking(Servers::start).await.expect("servers"));
    let mut failed = 0;
    // A node that stopped said of jobs that they had failed; hosts were lost with the node that took them over.
    for seed in [13, 100] {
        println!("SEED={seed}");
        let outcome = chaos.run(&servers, seed).await;
        println!("{outcome}");
        failed += usize::from(!outcome.findings.is_empty());
    }
    assert_eq!(failed, 0, "logs are in {}", chaos.keep.display());
}
