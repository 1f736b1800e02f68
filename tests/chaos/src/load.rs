//! Clients at work, each on VMs of its own, who know what has to become of these.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use cumulo_schema::{ErrorCode, Uuid, codes};
use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use serde_json::{Value, json};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::{
    Cloud,
    caller::{Caller, uuid},
    model::{Act, Power, Shape},
    outcome::Finding,
};

/// VMs of one client at once.
const VMS: usize = 3;
/// Longest pause between two calls of one client, in milliseconds.
const LONGEST_PAUSE: u64 = 100;

/// What VMs are made of.
#[derive(Debug)]
pub(crate) struct Made {
    pub(crate) cloud: Cloud,
    /// The L3 network that NICs come to and go from.
    pub(crate) second_l3: String,
}

/// How often the host must have been given a command.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Times {
    /// At least: calls that were answered as done.
    pub(crate) sure: usize,
    /// And so many more at most: calls that failed, and may have got that far.
    pub(crate) maybe: usize,
}

/// A VM as its owner knows it.
#[derive(Debug)]
pub(crate) struct Vm {
    pub(crate) uuid: Uuid,
    /// What it is; `None` where it is gone or never was.
    pub(crate) shape: Option<Shape>,
    /// False once an answer did not come or was not true; nothing more is expected of it.
    pub(crate) is_known: bool,
    pub(crate) commands: BTreeMap<&'static str, Times>,
    /// It was to be stopped or destroyed, and its host was not heard of any more: nobody knows whether the guest is off, before
    /// the host tells, and what is off is not started for it.
    may_be_off: bool,
    second_nic: Option<String>,
}

/// A client.
#[derive(Debug)]
pub(crate) struct Client {
    caller: Caller,
    random: StdRng,
    made: Arc<Made>,
    name: String,
    pub(crate) vms: Vec<Vm>,
    pub(crate) findings: Vec<Finding>,
    pub(crate) calls: usize,
    pub(crate) failed: usize,
}

impl Client {
    pub(crate) fn new(name: String, caller: Caller, made: Arc<Made>, seed: u64) -> Self {
        let random = StdRng::seed_from_u64(seed);
        Self { caller, random, made, name, vms: vec![], findings: vec![], calls: 0, failed: 0 }
    }

    /// Works until told to stop, and then to the end of the call under way.
    pub(crate) async fn work(mut self, stop: CancellationToken) -> Self {
        while !stop.is_cancelled() {
            sleep(Duration::from_millis(self.random.random_range(0..LONGEST_PAUSE))).await;
            let usable: Vec<usize> = self.usable().collect();
            match usable.choose(&mut self.random).copied() {
                Some(vm) if usable.len() == VMS || self.random.random_ratio(2, 3) => self.change(vm).await,
                _ => self.create().await,
            }
        }
        self
    }

    fn usable(&self) -> impl Iterator<Item = usize> {
        self.vms.iter().enumerate().filter(|(_, vm)| vm.is_known && vm.shape.is_some()).map(|(n, _)| n)
    }

    async fn create(&mut self) {
        let uuid = uuid(&mut self.random);
        let mut body = self.made.cloud.vm(&format!("{}-{}", self.name, self.vms.len()));
        body["params"]["resourceUuid"] = uuid.to_string().into();
        let answer = self.call("POST", "/vm-instances", &body).await;
        let mut vm =
            Vm { uuid, shape: None, is_known: true, commands: BTreeMap::new(), may_be_off: false, second_nic: None };
        let shape = if matches!(answer, Ok(Ok(_))) { Some(Shape::NEW) } else { None };
        self.learn(&mut vm, "create", Some("start"), shape, &answer).await;
        self.vms.push(vm);
    }

    async fn change(&mut self, n: usize) {
        let mut vm = self.vms.swap_remove(n);
        if let Some(before) = vm.shape
            && let Some(act) = before.choices().choose(&mut self.random).copied()
        {
            let (method, path, body) = self.request(&vm, act);
            let answer = self.call(method, &path, &body).await;
            let after = if matches!(answer, Ok(Ok(_))) { before.after(act) } else { Some(before) };
            if !matches!(answer, Ok(Ok(_)))
                && let Some(opposite) = before.opposite(act)
            {
                vm.commands.entry(opposite).or_default().maybe += 1;
            }
            if let Ok(Err(error)) = &answer
                && before.is_left_off_by(act)
                && error.comes_of(codes::HOST_CONNECTION)
            {
                vm.may_be_off = true;
                // Of whoever hears that it is, to be sure.
                vm.commands.entry("stop").or_default().maybe += 1;
            }
            self.learn(&mut vm, &format!("{act:?}"), before.command(act), after, &answer).await;
        }
        self.vms.push(vm);
    }

    fn request(&self, vm: &Vm, act: Act) -> (&'static str, String, Value) {
        let path = format!("/vm-instances/{}", vm.uuid);
        let action = |name: &str| ("PUT", format!("{path}/actions"), json!({ name: {} }));
        match act {
            Act::Start => action("startVmInstance"),
            Act::Stop => action("stopVmInstance"),
            Act::Reboot => action("rebootVmInstance"),
            Act::Pause => action("pauseVmInstance"),
            Act::Resume => action("resumeVmInstance"),
            Act::Recover => action("recoverVmInstance"),
            Act::Expunge => action("expungeVmInstance"),
            Act::Destroy => ("DELETE", path, Value::Null),
            Act::Attach => ("POST", format!("{path}/l3-networks/{}", self.made.second_l3), json!({ "params": {} })),
            Act::Detach => {
                let nic = vm.second_nic.as_deref().unwrap_or_default();
                ("DELETE", format!("/vm-instances/nics/{nic}"), Value::Null)
            }
        }
    }

    async fn call(&mut self, method: &str, path: &str, body: &Value) -> Result<Result<Value, ErrorCode>, Finding> {
        self.calls += 1;
        let answer = self.caller.call(method, path, body).await;
        self.failed += usize::from(!matches!(answer, Ok(Ok(_))));
        answer
    }

    /// Takes in what became of `vm`, which must be `shape` now, and asks whether it is so.
    async fn learn(
        &mut self,
        vm: &mut Vm,
        what: &str,
        command: Option<&'static str>,
        shape: Option<Shape>,
        answer: &Result<Result<Value, ErrorCode>, Finding>,
    ) {
        if let Some(command) = command {
            let times = vm.commands.entry(command).or_default();
            match answer {
                Ok(Ok(_)) => times.sure += 1,
                _ => times.maybe += 1,
            }
        }
        vm.shape = shape;
        let end = match answer {
            Ok(Ok(_)) => "was done",
            Ok(Err(_)) => "failed",
            Err(finding) => {
                self.findings.push(finding.clone());
                vm.is_known = false;
                return;
            }
        };
        let found = match self.caller.query(&format!("/vm-instances?q=uuid={}", vm.uuid)).await {
            Ok(found) => found,
            Err(finding) => return self.findings.push(finding),
        };
        vm.second_nic = found.first().and_then(|vm| nic_on(vm, &self.made.second_l3));
        if matches!(answer, Ok(Ok(_))) {
            vm.may_be_off = false;
        }
        vm.hear_whether_off(found.first());
        if let Some(differs) = difference(vm.shape, found.first(), &self.made.second_l3) {
            vm.is_known = false;
            self.findings.push(Finding::lost(format!("{what} of VM {} {end}, and {differs}", vm.uuid)));
        }
    }

    /// Asks once more of every VM whether it is what it must be.
    pub(crate) async fn compare(&mut self) {
        let mut vms = std::mem::take(&mut self.vms);
        for vm in vms.iter_mut().filter(|vm| vm.is_known) {
            match self.caller.query(&format!("/vm-instances?q=uuid={}", vm.uuid)).await {
                Ok(found) => {
                    vm.hear_whether_off(found.first());
                    if let Some(differs) = difference(vm.shape, found.first(), &self.made.second_l3) {
                        vm.is_known = false;
                        self.findings.push(Finding::lost(format!("in the end, of VM {}, {differs}", vm.uuid)));
                    }
                }
                Err(finding) => self.findings.push(finding),
            }
        }
        self.vms = vms;
    }
}

impl Vm {
    /// Goes by what was `found` of it, where it may be off and that is what it is.
    fn hear_whether_off(&mut self, found: Option<&Value>) {
        if let (true, Some(shape), Some(found)) = (self.may_be_off, &mut self.shape, found)
            && found["state"] == Power::Stopped.word()
        {
            shape.power = Power::Stopped;
        }
    }
}

/// The NIC of `vm` on the L3 network `l3`.
fn nic_on(vm: &Value, l3: &str) -> Option<String> {
    let nics = vm["vmNics"].as_array()?;
    let nic = nics.iter().find(|nic| nic["l3NetworkUuid"] == *l3)?;
    nic["uuid"].as_str().map(str::to_owned)
}

/// How `found` is not what `shape` says, if it is not.
fn difference(shape: Option<Shape>, found: Option<&Value>, second_l3: &str) -> Option<String> {
    let (shape, found) = match (shape, found) {
        (None, None) => return None,
        (None, Some(found)) => return Some(format!("it is there, {}", found["state"])),
        (Some(_), None) => return Some("it is not there".to_owned()),
        (Some(shape), Some(found)) => (shape, found),
    };
    if found["state"] != shape.power.word() {
        return Some(format!("it is {} and not {}", found["state"], shape.power.word()));
    }
    let nics = found["vmNics"].as_array().map_or(0, Vec::len);
    let expected = 1 + usize::from(shape.second_nic);
    if nics != expected || nic_on(found, second_l3).is_some() != shape.second_nic {
        return Some(format!("it has {nics} NICs and not {expected}"));
    }
    let volumes = found["allVolumes"].as_array().map_or(0, Vec::len);
    (volumes != 1).then(|| format!("it has {volumes} volumes"))
}
