//! One command: sent until accepted, awaited until answered, asked for again when it gets too quiet, told to stop when its
//! job is cancelled.

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use cumulo_agent_rt::{AgentError, LinkError};
use cumulo_kernel::{Kernel, bus::CallContext, cluster::Hold, faults::Point};
use cumulo_proto::{AgentCommand, Failure, Header, Outcome, outcome};
use cumulo_schema::{ErrorCode, Uuid, codes};
use prost::Message;
use tokio_util::sync::CancellationToken;

use crate::{
    peers::Peer,
    waiters::{Waiter, Waiters},
};

/// Pauses before asking again; the last one repeats.
const PAUSES: [Duration; 4] =
    [Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(5), Duration::from_secs(10)];
/// How long an agent may stay unreachable before a call gives up on it: longer than its restart, much shorter than the
/// hours that some calls may take.
const UNREACHABLE: Duration = Duration::from_mins(1);
/// How long an agent may keep its answer for the outcome: longer than most commands take.
const ANSWER_WITHIN: Duration = Duration::from_millis(500);
/// The code with which an agent refuses an older epoch than one it has seen for the same object.
const STALE_EPOCH: &str = "agent.stale-epoch";
/// How long a node waits for the ring that its agent has heard of: another node works by it already.
const NEWER_RING: Duration = Duration::from_secs(30);

/// Runs `command` as `task` on `agent`, which is behind `peer`, and answers how it ended there, well or not.
pub(crate) async fn run<C: AgentCommand>(
    kernel: &Kernel,
    waiters: &Waiters,
    peer: &Peer,
    callback: &str,
    (agent, task): (Uuid, Uuid),
    mut command: C,
) -> Result<Arc<Outcome>, ErrorCode> {
    let faults = kernel.faults();
    faults.check(Point::CallRequest { name: C::NAME })?;
    let context = CallContext::current();
    let cluster = kernel.cluster();
    let mut waiter = waiters.expect(agent, task, C::NAME, context.trace);
    let stop = kernel.work().stop_of(&context);
    let hold = Hold::current();
    let outcome = loop {
        // In this order: what a ring takes away is told before the ring is seen, so this node has the hold in the epoch that
        // the command carries. The other way round it could carry the new owner's.
        let epoch = cluster.epoch();
        if cluster.is_fenced() || hold.is_lost() {
            return Err(handed_over(C::NAME));
        }
        command.set_header(header(callback, task, epoch, &context));
        let exchange = exchange(peer, &command, task, &mut waiter, (context.deadline, &stop));
        let outcome = tokio::select! {
            outcome = exchange => outcome,
            // The agent goes on; who has the flow by then asks for the same task.
            () = hold.left() => return Err(handed_over(C::NAME)),
        };
        match outcome {
            // This node has not looked yet, or is none any more.
            Err(error) if is_stale(&error) && cluster.is_shared() => {
                let newer = cluster.members();
                let patience = NEWER_RING.min(context.remaining());
                if tokio::time::timeout(patience, newer.until(|view| view.ring.epoch() > epoch)).await.is_err() {
                    return Err(error);
                }
            }
            outcome => break outcome?,
        }
    };
    faults.check(Point::CallReply { name: C::NAME })?;
    Ok(outcome)
}

/// What the agent behind `peer` answered to the command.
pub(crate) fn reply<C: AgentCommand>(peer: &Peer, outcome: &Outcome) -> Result<C::Reply, ErrorCode> {
    match outcome.result.as_ref() {
        Some(outcome::Result::Reply(reply)) => C::Reply::decode(reply.clone()).map_err(|cause| {
            ErrorCode::internal(format!("the answer of {} to {} is unreadable", peer.address, C::NAME))
                .because_of(&cause)
        }),
        Some(outcome::Result::Failure(failure)) => Err(failed(&peer.address, failure)),
        None => Err(ErrorCode::internal(format!("the answer of {} to {} is empty", peer.address, C::NAME))),
    }
}

fn header(callback: &str, task: Uuid, epoch: u64, context: &CallContext) -> Header {
    let deadline = SystemTime::now() + context.remaining();
    let deadline = deadline.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    Header {
        task_id: task.to_string(),
        callback_url: callback.to_owned(),
        deadline_ms: u64::try_from(deadline).unwrap_or(u64::MAX),
        epoch,
        trace: context.trace.to_string(),
        answer_within_ms: u32::try_from(ANSWER_WITHIN.as_millis()).unwrap_or(u32::MAX),
    }
}

/// Sends until the outcome is here. That the agent accepted proves little for long: it may restart and need to be asked
/// for the outcome it has on disk, or the outcome may have got lost on the way. Once `stop` fires the agent is told to end it
/// early; whether it can or not, it is waited for, so that nothing overlaps what comes next.
async fn exchange<C: AgentCommand>(
    peer: &Peer,
    command: &C,
    task: Uuid,
    waiter: &mut Waiter,
    (deadline, stop): (Instant, &CancellationToken),
) -> Result<Arc<Outcome>, ErrorCode> {
    let mut pauses = PAUSES.into_iter().chain(std::iter::repeat(PAUSES[PAUSES.len() - 1]));
    let mut reached = Instant::now();
    loop {
        let problem = match cumulo_agent_rt::submit(&*peer.link, command).await {
            Ok(accepted) => {
                reached = Instant::now();
                if let Some(outcome) = accepted.outcome {
                    waiter.deliver(outcome);
                }
                None
            }
            Err(error @ LinkError::Refused { .. }) => return Err(link_error(&peer.address, &error)),
            Err(error) if reached.elapsed() >= UNREACHABLE => return Err(link_error(&peer.address, &error)),
            Err(error) => Some(error),
        };
        let told = stop.is_cancelled();
        if told && let Err(error) = peer.link.cancel(&task.to_string()).await {
            // An older agent cannot; then the command takes the time it takes.
            tracing::debug!(%task, error = %cumulo_agent_rt::Chain(&error), "an agent was not told to stop a task");
        }
        let pause = pauses.next().unwrap_or(UNREACHABLE);
        let left = deadline.saturating_duration_since(Instant::now());
        tokio::select! {
            biased;
            outcome = waiter.outcome() => return Ok(outcome),
            () = stop.cancelled(), if !told => {}
            () = tokio::time::sleep(pause.min(left)) => {
                if left <= pause {
                    return Err(late::<C>(peer, problem.as_ref()));
                }
            }
        }
    }
}

/// Whether an agent refused since it has seen a newer epoch.
fn is_stale(error: &ErrorCode) -> bool {
    error.opaque.as_ref().is_some_and(|facts| facts.get("agentCode").is_some_and(|code| code == STALE_EPOCH))
}

fn handed_over(command: &str) -> ErrorCode {
    let text = format!("{command} is for another management node by now, which goes on with it");
    ErrorCode::new(codes::NODE_UNAVAILABLE, text)
}

fn late<C: AgentCommand>(peer: &Peer, problem: Option<&LinkError>) -> ErrorCode {
    let details = format!("the agent at {} did not finish {} in time; it may still do it", peer.address, C::NAME);
    let error = ErrorCode::new(codes::TIMEOUT, details);
    match problem {
        Some(problem) => error.because(link_error(&peer.address, problem)),
        None => error,
    }
}

/// What the agent failed of, as its words, with where that was.
fn failed(address: &str, failure: &Failure) -> ErrorCode {
    let mut cause: Option<ErrorCode> = None;
    for text in failure.causes.iter().rev() {
        let outer = ErrorCode::operation(text);
        cause = Some(match cause {
            Some(inner) => outer.because(inner),
            None => outer,
        });
    }
    let code = if failure.code == AgentError::CANCELLED { codes::CANCEL } else { codes::OPERATION };
    let error = ErrorCode::new(code, format!("{} (at {address})", failure.message));
    let error = error.with("agentCode", failure.code.clone());
    match cause {
        Some(cause) => error.because(cause),
        None => error,
    }
}

/// A command that did not get through, for an operator.
pub(crate) fn link_error(address: &str, error: &LinkError) -> ErrorCode {
    match error {
        LinkError::Unreachable { cause, .. } => {
            let details = format!("the agent at {address} does not answer; check that its machine and its service run");
            ErrorCode::new(codes::HOST_CONNECTION, details).because_of(&**cause)
        }
        LinkError::Refused { code, message, .. } => {
            let details = format!("the agent at {address} refused: {message}");
            ErrorCode::operation(details).with("agentCode", code.clone())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_agents_words_come_first_and_its_causes_below() {
        let failure = Failure {
            code: "disk.no-space".to_owned(),
            message: "no space left in /vms; free some there".to_owned(),
            causes: vec!["write failed".to_owned(), "No space left on device".to_owned()],
        };
        let error = failed("10.0.0.1:7070", &failure);
        assert_eq!(error.details, "no space left in /vms; free some there (at 10.0.0.1:7070)");
        assert_eq!(error.opaque.as_ref().expect("facts")["agentCode"], "disk.no-space");
        let cause = error.cause.expect("a cause");
        assert_eq!(cause.details, "write failed");
        assert_eq!(cause.cause.expect("its cause").details, "No space left on device");
    }
}
