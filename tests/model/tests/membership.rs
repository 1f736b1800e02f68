//! The protocol holds, and without any one of its pieces it does not.

use cumulo_model::{COMMANDS, EPOCHS, Found, Guard, ONE_AT_WORK, OWNER, Rules, Subject, WRITES};

/// Nothing is wrong, and what the guards are for did happen.
#[track_caller]
fn holds(found: &Found, seen: usize) {
    println!("{found}");
    assert!(found.wrong.is_empty(), "{found}");
    assert_eq!(found.seen.len(), seen, "all of it happens, not only {:?}", found.seen);
}

/// `property` is what goes wrong.
#[track_caller]
fn fails(rules: Rules, property: &str) {
    let found = rules.search();
    assert!(found.refutes(property), "{property} was expected to fail: {found}");
}

fn two(subject: Subject, epochs: u8) -> Rules {
    Rules::new(subject, 2, epochs)
}

#[test]
fn the_membership_holds() {
    holds(&two(Subject::Members, 3).search(), 2);
}

#[test]
fn writes_come_in_order() {
    holds(&two(Subject::Writes, 3).search(), 3);
}

#[test]
fn commands_come_in_order() {
    holds(&two(Subject::Commands, 3).search(), 3);
}

#[test]
fn three_nodes_hold() {
    holds(&Rules::new(Subject::Members, 3, 2).search(), 1);
}

#[test]
fn with_bad_clocks_two_may_work_and_yet_nothing_is_done_out_of_order() {
    fails(two(Subject::Members, 3).with_bad_clocks(), ONE_AT_WORK);
    for (subject, epochs) in [(Subject::Writes, 3), (Subject::Commands, 2)] {
        let found = two(subject, epochs).with_bad_clocks().beyond(ONE_AT_WORK).search();
        assert!(found.wrong.is_empty(), "{found}");
    }
}

#[test]
fn without_what_membership_asks_two_work_at_once() {
    for guard in [&[Guard::WaitForOthers], &[Guard::DrainFirst], &[Guard::FenceYourself]] {
        fails(two(Subject::Members, 3).without(guard), ONE_AT_WORK);
    }
}

#[test]
fn either_of_two_ways_of_not_missing_another_suffices() {
    fails(two(Subject::Members, 4).without(&[Guard::AdoptThenRead, Guard::AdoptTheLatest]), ONE_AT_WORK);
    for guard in [&[Guard::AdoptThenRead], &[Guard::AdoptTheLatest]] {
        let found = two(Subject::Members, 3).without(guard).search();
        assert!(found.wrong.is_empty(), "{found}");
    }
}

#[test]
fn where_forgotten_numbers_can_be_written_again_a_dead_node_owns_for_ever() {
    let found = two(Subject::Members, 2).without(&[Guard::EpochsGrow]).search();
    assert!(found.refutes(EPOCHS) && found.refutes(OWNER), "{found}");
}

#[test]
fn without_the_fence_of_the_database_writes_come_late() {
    for guard in [&[Guard::FenceWrites], &[Guard::FenceLives], &[Guard::WorkEndsWithItsWrites]] {
        fails(two(Subject::Writes, 3).without(guard), WRITES);
    }
}

#[test]
fn without_the_order_of_a_look_commands_carry_the_epoch_of_another() {
    for (guard, epochs) in [(&[Guard::TellThenShow], 2), (&[Guard::StampThenCheck], 2), (&[Guard::ShowThenClaim], 3)] {
        fails(two(Subject::Commands, epochs).without(guard), COMMANDS);
    }
}

#[test]
fn where_agents_do_not_mind_epochs_commands_come_late() {
    for guard in [&[Guard::AgentsRefuse], &[Guard::AgentsListen]] {
        fails(two(Subject::Commands, 2).without(guard), COMMANDS);
    }
}
