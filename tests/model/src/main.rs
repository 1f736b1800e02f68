//! Searches the model within the given bounds: `cumulo-model NODES EPOCHS`. Fails where something does not hold.

use std::{process::ExitCode, time::Instant};

use cumulo_model::{ONE_AT_WORK, Rules, Subject};

fn main() -> ExitCode {
    let bounds = std::env::args().skip(1).map(|bound| bound.parse()).collect::<Result<Vec<u8>, _>>();
    let Ok(&[nodes @ 1..=3, epochs @ 1..=16]) = bounds.as_deref() else {
        eprintln!("usage: cumulo-model NODES EPOCHS, with at most 3 nodes and 16 epochs");
        return ExitCode::FAILURE;
    };
    let mut holds = true;
    for subject in [Subject::Members, Subject::Writes, Subject::Commands] {
        let rules = || Rules::new(subject, nodes.into(), epochs);
        for (clocks, rules) in [("", rules()), (" with bad clocks", rules().with_bad_clocks().beyond(ONE_AT_WORK))] {
            let started = Instant::now();
            let found = rules.search();
            println!("{subject:?}{clocks}: {found}, in {:.1} s", started.elapsed().as_secs_f64());
            holds &= found.wrong.is_empty();
        }
    }
    if holds { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
