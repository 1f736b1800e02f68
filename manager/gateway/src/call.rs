//! One command: sent until accepted, awaited until answered, asked for again when it gets too quiet, told to stop when its
//! job is cancelled.
//!
//! An agent that does not accept is given up after seconds (the setting [`PATIENCE`]), or as soon as it is known to be away:
//! accepting is writing a line down, and who waits can do something else. One that accepted works, perhaps for hours, and is
//! given up only when it has not been reached for a minute. Either way nobody knows what became of the command: one that was
//! not accepted may still be on its way. So who gives up owes its undoing.

use std::{
    pin::pin,
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use cumulo_agent_rt::{AgentError, LinkError};
use cumulo_kernel::{
    Kernel,
    bus::CallContext,
    cluster::Hold,
    config::{ConfigDef, ConfigRule},
    faults::Point,
};
use cumulo_proto::{Accepted, AgentCommand, Failure, Header, Outcome, PingReply, outcome};
use cumulo_schema::{ErrorCode, Uuid, codes};
use prost::Message;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::{
    peers::Peer,
    reach::Reach,
    waiters::{Waiter, Waiters},
};

/// How long an agent may leave a command without accepting it. Longer than its restart, which is all that is to be waited for;
/// shorter than the watch of hosts takes at its usual settings, so that nobody depends on that.
pub(crate) const PATIENCE: ConfigDef = ConfigDef {
    category: "agent",
    name: "accept.timeout",
    description: "How long an agent may leave a command unaccepted before the command fails, in seconds",
    default: "15",
    rule: ConfigRule::Integer(1, 600),
};
/// How long one try to have a command accepted may take: an agent that is alive takes milliseconds, and a try that is lost
/// with its connection is lost for good.
const TRY: Duration = Duration::from_secs(5);
/// And how long it may in any case, however little patience is left.
const SHORTEST: Duration = Duration::from_secs(1);
/// Pauses before asking again; the last one repeats.
const PAUSES: [Duration; 4] =
    [Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(5), Duration::from_secs(10)];
/// How long an agent that accepted a command may stay unreachable before the command is given up: much shorter than the hours
/// that some take.
const UNREACHABLE: Duration = Duration::from_mins(1);
/// How long an agent may keep its answer for the outcome: longer than most commands take.
const ANSWER_WITHIN: Duration = Duration::from_millis(500);
/// The code with which an agent refuses an older epoch than one it has seen for the same object.
const STALE_EPOCH: &str = "agent.stale-epoch";
/// How long a node waits for the ring that its agent has heard of: another node works by it already.
const NEWER_RING: Duration = Duration::from_secs(30);

/// Whom a command is for.
#[derive(Clone, Copy)]
pub(crate) struct Addressee<'a> {
    pub(crate) agent: Uuid,
    pub(crate) peer: &'a Peer,
    pub(crate) reach: &'a Reach,
    /// Whether it is tried also where the agent is known to be away: it finds out whether that is still so.
    pub(crate) finds_out: bool,
}

/// Runs `command` as `task` and answers how it ended there, well or not.
pub(crate) async fn run<C: AgentCommand>(
    kernel: &Kernel,
    waiters: &Waiters,
    to: Addressee<'_>,
    callback: &str,
    task: Uuid,
    mut command: C,
) -> Result<Arc<Outcome>, ErrorCode> {
    let agent = to.agent;
    let faults = kernel.faults();
    faults.check(Point::CallRequest { name: C::NAME })?;
    let context = CallContext::current();
    let cluster = kernel.cluster();
    let mut waiter = waiters.expect(agent, task, C::NAME, context.trace);
    let stop = kernel.work().stop_of(&context);
    let patience = Duration::from_secs(kernel.configs().get(PATIENCE.category, PATIENCE.name)?);
    let limits = Limits { deadline: context.deadline, patience, stop };
    let hold = Hold::current();
    let outcome = loop {
        // In this order: what a ring takes away is told before the ring is seen, so this node has the hold in the epoch that
        // the command carries. The other way round it could carry the new owner's.
        let epoch = cluster.epoch();
        if cluster.is_fenced() || hold.is_lost() {
            return Err(handed_over(C::NAME));
        }
        command.set_header(header(callback, task, epoch, &context));
        let exchange = exchange(to, &command, task, &mut waiter, &limits);
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

/// What ends the wait for an outcome.
struct Limits {
    deadline: Instant,
    patience: Duration,
    /// The agent is to end the command early.
    stop: CancellationToken,
}

/// Sends until the outcome is here. That the agent accepted proves little for long: it may restart and need to be asked
/// for the outcome it has on disk, or the outcome may have got lost on the way. Once told to stop, the agent is told to end it
/// early; whether it can or not, it is waited for, so that nothing overlaps what comes next.
async fn exchange<C: AgentCommand>(
    to: Addressee<'_>,
    command: &C,
    task: Uuid,
    waiter: &mut Waiter,
    limits: &Limits,
) -> Result<Arc<Outcome>, ErrorCode> {
    let mut pauses = PAUSES.into_iter().chain(std::iter::repeat(PAUSES[PAUSES.len() - 1]));
    let mut lost = pin!(to.reach.lost(to.agent));
    let begun = Instant::now();
    // When the agent last had the command for sure.
    let mut accepted = None;
    to.unless_given_up::<C>(limits.patience).await?;
    loop {
        let left = limits.deadline.saturating_duration_since(Instant::now());
        let patience = match accepted {
            None => limits.patience.saturating_sub(begun.elapsed()),
            Some(_) => UNREACHABLE,
        };
        let longest = TRY.min(patience).max(SHORTEST);
        let answer = tokio::select! {
            biased;
            outcome = waiter.outcome() => return Ok(outcome),
            answer = to.submit(command, longest.min(left)) => answer,
            () = &mut lost, if accepted.is_none() && !to.finds_out => return Err(to.lost::<C>()),
        };
        let problem = match answer {
            Ok(answer) => {
                accepted = Some(Instant::now());
                if let Some(outcome) = answer.outcome {
                    waiter.deliver(outcome);
                }
                None
            }
            Err(Unanswered { error: error @ LinkError::Refused { .. }, .. }) => return Err(to.problem(&error)),
            Err(Unanswered { error, silent }) => {
                match accepted {
                    Some(reached) if reached.elapsed() >= UNREACHABLE => return Err(to.left_alone::<C>(&error)),
                    Some(_) => {}
                    None if !to.finds_out && to.reach.look(to.agent).await => return Err(to.lost::<C>()),
                    None if begun.elapsed() >= limits.patience => return Err(to.problem(&error)),
                    None if !to.finds_out && silent >= limits.patience => return Err(to.problem(&error)),
                    None => {}
                }
                Some(error)
            }
        };
        let told = limits.stop.is_cancelled();
        if told {
            to.tell_to_stop(task).await;
        }
        let pause = pauses.next().unwrap_or(UNREACHABLE);
        // The last try is at the end of the patience, not before the pause that would take longer.
        let pause = if accepted.is_none() { pause.min(limits.patience.saturating_sub(begun.elapsed())) } else { pause };
        let left = limits.deadline.saturating_duration_since(Instant::now());
        tokio::select! {
            biased;
            outcome = waiter.outcome() => return Ok(outcome),
            () = &mut lost, if accepted.is_none() && !to.finds_out => return Err(to.lost::<C>()),
            () = limits.stop.cancelled(), if !told => {}
            () = tokio::time::sleep(pause.min(left)) => {
                if left <= pause {
                    return Err(to.late::<C>(problem.as_ref()));
                }
            }
        }
    }
}

/// A try that nothing came of.
struct Unanswered {
    error: LinkError,
    /// For how long the agent has been silent.
    silent: Duration,
}

impl Addressee<'_> {
    /// Refuses what is not worth trying.
    async fn unless_given_up<C: AgentCommand>(&self, patience: Duration) -> Result<(), ErrorCode> {
        let text = match () {
            () if self.finds_out => return Ok(()),
            () if self.reach.is_away(self.agent).await? => "was found not to answer",
            () if !self.reach.is_worth_a_try(self.agent, patience) => "does not answer",
            () => return Ok(()),
        };
        let address = &self.peer.address;
        let details = format!("the agent at {address} {text}, so {} was not sent; {CHECK}", C::NAME);
        Err(ErrorCode::unreachable(self.agent, details))
    }

    async fn submit<C: AgentCommand>(&self, command: &C, longest: Duration) -> Result<Accepted, Unanswered> {
        let submitted = cumulo_agent_rt::submit(&*self.peer.link, command);
        self.answer(longest, submitted).await
    }

    /// Asks whether the agent lives, once.
    pub(crate) async fn ping(&self) -> Result<PingReply, ErrorCode> {
        let answer = self.answer(Duration::MAX, self.peer.link.ping()).await;
        answer.map_err(|unanswered| self.problem(&unanswered.error))
    }

    /// What comes of `asked` in time, which tells whether the agent is there.
    async fn answer<T>(
        &self,
        longest: Duration,
        asked: impl Future<Output = Result<T, LinkError>>,
    ) -> Result<T, Unanswered> {
        let begun = tokio::time::Instant::now();
        let late = |_| LinkError::Unreachable {
            address: self.peer.address.clone(),
            cause: "it did not accept in time".into(),
        };
        match timeout(longest, asked).await.map_err(late).flatten() {
            Err(error @ LinkError::Unreachable { .. }) => {
                Err(Unanswered { error, silent: self.reach.unanswered(self.agent, begun) })
            }
            answer => {
                self.reach.answered(self.agent);
                answer.map_err(|error| Unanswered { error, silent: Duration::ZERO })
            }
        }
    }

    async fn tell_to_stop(&self, task: Uuid) {
        let told = self.answer(TRY, self.peer.link.cancel(&task.to_string())).await;
        if let Err(Unanswered { error, .. }) = told {
            // An older agent cannot; then the command takes the time it takes.
            tracing::debug!(%task, error = %cumulo_agent_rt::Chain(&error), "an agent was not told to stop a task");
        }
    }

    /// A command that did not get through, for an operator.
    fn problem(&self, error: &LinkError) -> ErrorCode {
        let address = &self.peer.address;
        match error {
            LinkError::Unreachable { cause, .. } => {
                let details = format!("the agent at {address} does not answer; {CHECK}");
                ErrorCode::unreachable(self.agent, details).because_of(&**cause)
            }
            LinkError::Refused { code, message, .. } => {
                let details = format!("the agent at {address} refused: {message}");
                ErrorCode::operation(details).with("agentCode", code.clone())
            }
        }
    }

    /// The watch found it away before it accepted.
    fn lost<C: AgentCommand>(&self) -> ErrorCode {
        let (address, name) = (&self.peer.address, C::NAME);
        let details = format!("the agent at {address} was found not to answer before it accepted {name}; {CHECK}");
        ErrorCode::unreachable(self.agent, details)
    }

    /// It accepted, and has not been reached since.
    fn left_alone<C: AgentCommand>(&self, error: &LinkError) -> ErrorCode {
        let (address, name) = (&self.peer.address, C::NAME);
        let details =
            format!("the agent at {address} accepted {name} and does not answer any more; it may still do it");
        ErrorCode::unreachable(self.agent, details).because(self.problem(error))
    }

    fn late<C: AgentCommand>(&self, problem: Option<&LinkError>) -> ErrorCode {
        let (address, name) = (&self.peer.address, C::NAME);
        let details = format!("the agent at {address} did not finish {name} in time; it may still do it");
        let error = ErrorCode::new(codes::TIMEOUT, details);
        match problem {
            Some(problem) => error.because(self.problem(problem)),
            None => error,
        }
    }
}

/// What an operator does about an agent that does not answer.
const CHECK: &str = "check that its machine and its service run";

/// Whether an agent refused since it has seen a newer epoch.
fn is_stale(error: &ErrorCode) -> bool {
    error.opaque.as_ref().is_some_and(|facts| facts.get("agentCode").is_some_and(|code| code == STALE_EPOCH))
}

fn handed_over(command: &str) -> ErrorCode {
    let text = format!("{command} is for another management node by now, which goes on with it");
    ErrorCode::new(codes::NODE_UNAVAILABLE, text)
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
