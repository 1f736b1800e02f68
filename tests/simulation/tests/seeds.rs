//! Seeds that are always the same: what happens is right, it is the same to the last bit each time, and it hangs on the seed.

use std::{path::PathBuf, process::Command, thread};

/// Plays `seed` with a folder called `name`; answers what was said of it.
fn play(seed: u64, name: &str) -> String {
    let keep = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("simulation").join(name);
    let output = Command::new(env!("CARGO_BIN_EXE_cumulo-simulation"))
        .args(["--play", &seed.to_string(), "--keep"])
        .arg(&keep)
        .output()
        .expect("it is run");
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "SEED={seed}: {said}\nits history and log are in {}", keep.display());
    said.into_owned()
}

fn digest(said: &str) -> &str {
    said.split_once("digest ").expect("it says a digest").1.trim()
}

#[test]
fn a_seed_is_played_the_same_way_each_time_and_another_one_otherwise() {
    thread::scope(|scope| {
        let one = scope.spawn(|| play(1, "one"));
        let [again, other] = [play(1, "again"), play(2, "other")];
        let one = one.join().expect("played");
        assert_eq!(one, again, "two plays of one seed differ; --trace shows where");
        assert_ne!(digest(&one), digest(&other));
    });
}
