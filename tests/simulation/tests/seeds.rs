//! A few seeds that are always the same, each played twice: what happens is right, and it is the same to the last bit.

use std::{path::PathBuf, process::Command};

/// Plays `seed` with a folder called `name`; answers what was said of it.
fn play(seed: u64, name: &str) -> (bool, String) {
    let keep = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("simulation").join(name);
    let output = Command::new(env!("CARGO_BIN_EXE_cumulo-simulation"))
        .args(["--play", &seed.to_string(), "--keep"])
        .arg(&keep)
        // What a machine is told otherwise must not matter.
        .env_remove("CUMULO_LOG")
        .output()
        .expect("it is run");
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    (output.status.success(), said.into_owned())
}

fn twice(seed: u64) {
    let (one, other) = std::thread::scope(|scope| {
        let one = scope.spawn(|| play(seed, "one"));
        (one.join().expect("played"), play(seed, "other"))
    });
    assert!(one.0, "SEED={seed}: {}", one.1);
    assert!(one.1.contains("digest "), "SEED={seed}: {}", one.1);
    assert_eq!(one, other, "SEED={seed} was played otherwise the second time");
}

#[test]
fn a_seed_is_played_the_same_way_each_time() {
    twice(1);
}

#[test]
fn what_happened_hangs_on_the_seed() {
    assert_ne!(play(2, "two").1, play(3, "three").1);
}
