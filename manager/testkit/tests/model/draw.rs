//! Random sequences: a cloud that VMs can live in, and then what people do to it. The model says of each call what comes of
//! it, so about one in five can be one that must be refused.

use std::collections::BTreeMap;

use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};

use crate::{
    cloud::{Answer, Cloud, State, addresses},
    op::{Change, Id, Kind, NewVm, Op, Switch},
    script::has_switch,
};

/// One call in so many must be refused.
const REFUSED: u32 = 5;
/// So often a call is drawn anew that is not of the sort wanted.
const TRIES: usize = 200;
/// Of what there is no more than so much at once.
const MOST: [(Kind, usize); 10] = [
    (Kind::Zone, 2),
    (Kind::Cluster, 3),
    (Kind::Host, 4),
    (Kind::Primary, 3),
    (Kind::Backup, 2),
    (Kind::Image, 5),
    (Kind::Offering, 4),
    (Kind::L2, 3),
    (Kind::L3, 4),
    (Kind::Vm, 6),
];
/// Renamed, switched and deleted.
const KINDS: [Kind; 12] = [
    Kind::Zone,
    Kind::Cluster,
    Kind::Host,
    Kind::Primary,
    Kind::Backup,
    Kind::Image,
    Kind::Offering,
    Kind::L2,
    Kind::L3,
    Kind::Range,
    Kind::Account,
    Kind::Tag,
];

/// Draws a sequence.
pub(crate) struct Draw {
    random: StdRng,
    cloud: Cloud,
    next: BTreeMap<Kind, u32>,
    ops: Vec<Op>,
}

/// The sequence of `seed`: what VMs need, and `length` more calls.
pub(crate) fn sequence(seed: u64, length: usize) -> Vec<Op> {
    let random = StdRng::seed_from_u64(seed);
    let mut draw = Draw { random, cloud: Cloud::new(None), next: BTreeMap::new(), ops: vec![] };
    draw.found();
    let founded = draw.ops.len();
    while draw.ops.len() < founded + length {
        // Where nothing is left that a VM could be made of, all is built again.
        if draw.is_bare() && draw.random.random_ratio(1, 3) {
            draw.found();
        }
        let refused = draw.random.random_ratio(1, REFUSED);
        draw.one(refused);
    }
    draw.ops
}

impl Draw {
    /// Takes a call that is done, or one that is refused, if one is found.
    fn one(&mut self, refused: bool) {
        for _ in 0..TRIES {
            let next = self.next.clone();
            if let Some(op) = self.any() {
                let mut after = self.cloud.clone();
                let answer = after.apply(&op);
                if answer.is_some_and(|answer| (answer != Answer::Done) == refused) {
                    self.cloud = after;
                    return self.ops.push(op);
                }
            }
            self.next = next;
        }
    }

    fn take(&mut self, op: Op) {
        self.cloud.apply(&op);
        self.ops.push(op);
    }

    /// Builds what VMs need.
    fn found(&mut self) {
        let (zone, cluster, primary) = (self.fresh(Kind::Zone), self.fresh(Kind::Cluster), self.fresh(Kind::Primary));
        let (backup, l2) = (self.fresh(Kind::Backup), self.fresh(Kind::L2));
        self.take(Op::Zone(zone));
        self.take(Op::Cluster { cluster, zone });
        for _ in 0..2 {
            let host = self.fresh(Kind::Host);
            self.take(Op::Host { host, cluster, address: host.1 });
        }
        self.take(Op::Primary { primary, zone });
        self.take(Op::Join { what: primary, to: cluster });
        self.take(Op::Backup(backup));
        self.take(Op::Join { what: backup, to: zone });
        for is_iso in [false, true] {
            let image = self.fresh(Kind::Image);
            self.take(Op::Image { image, backup, is_iso });
        }
        self.take(Op::L2 { l2, zone, interface: 0 });
        self.take(Op::Join { what: l2, to: cluster });
        for part in 0..2 {
            let (l3, range) = (self.fresh(Kind::L3), self.fresh(Kind::Range));
            self.take(Op::L3 { l3, l2 });
            self.take(Op::Range { range, l3, part });
        }
        for is_large in [false, true] {
            let offering = self.fresh(Kind::Offering);
            self.take(Op::Offering { offering, is_large });
        }
        if self.cloud.of_kind(Kind::Account, true).is_empty() {
            let account = self.fresh(Kind::Account);
            self.take(Op::Account(account));
        }
    }

    fn is_bare(&self) -> bool {
        let kinds = [Kind::Host, Kind::Primary, Kind::Image, Kind::Offering, Kind::L3];
        kinds.iter().any(|kind| self.cloud.of_kind(*kind, true).is_empty())
    }

    /// One that there has not been.
    fn fresh(&mut self, kind: Kind) -> Id {
        let next = self.next.entry(kind).or_insert(0);
        *next += 1;
        Id(kind, *next)
    }

    /// One of what there is, now and then one that is gone.
    fn some(&mut self, kind: Kind) -> Option<Id> {
        let there = !self.random.random_ratio(1, 12);
        self.cloud.of_kind(kind, there).choose(&mut self.random).copied()
    }

    fn any(&mut self) -> Option<Op> {
        match self.random.random_range(0..100) {
            0..17 => self.vm(),
            17..58 => self.life(),
            58..68 => self.network(),
            68..78 => self.make(),
            78..83 => self.join(),
            83..91 => self.word(),
            91..94 => self.tag(),
            94..96 => self.image(),
            _ => self.delete(),
        }
    }

    /// Where to start a VM. Of several hosts that are as good nobody knows which it will be, so mostly one is asked for.
    fn host(&mut self) -> Option<Id> {
        if self.random.random_ratio(4, 5) { self.some(Kind::Host) } else { None }
    }

    fn vm(&mut self) -> Option<Op> {
        let l3s = self.random.random_range(0..3);
        let mut l3s: Vec<Id> = (0..l3s).filter_map(|_| self.some(Kind::L3)).collect();
        l3s.sort();
        l3s.dedup();
        let by = if self.random.random_ratio(1, 3) { self.some(Kind::Account) } else { None };
        let (offering, image) = (self.some(Kind::Offering)?, self.some(Kind::Image)?);
        let host = self.host();
        let vm = self.limited(Kind::Vm)?;
        let is_stopped = self.random.random_ratio(1, 6);
        Some(Op::Vm { vm, new: NewVm { by, offering, image, l3s, host, is_stopped } })
    }

    /// What becomes of a VM: something that can, or anything.
    fn life(&mut self) -> Option<Op> {
        use Change::{Destroy, Expunge, Pause, Reboot, Recover, Resume, Stop};
        let vm = self.some(Kind::Vm)?;
        let row = self.cloud.vms.get(&vm);
        let (owner, state) = (row.and_then(|vm| vm.owner), row.map(|vm| vm.state));
        let by = owner.filter(|_| self.random.random_bool(0.5));
        match self.random.random_range(0..20) {
            0..2 => return Some(Op::Resize { vm, offering: self.some(Kind::Offering)? }),
            2..4 => return Some(Op::Insert { vm, iso: self.some(Kind::Image)? }),
            4 => return Some(Op::Eject { vm }),
            _ => {}
        }
        let fitting = state.filter(|_| self.random.random_ratio(3, 4));
        let changes: &[Option<Change>] = match fitting {
            Some(State::Running) => &[Some(Stop), Some(Stop), Some(Reboot), Some(Pause), Some(Pause), Some(Destroy)],
            Some(State::Paused) => &[Some(Resume), Some(Resume), Some(Stop), Some(Destroy)],
            Some(State::Stopped) => &[None, None, None, Some(Destroy)],
            Some(State::Destroyed) => &[Some(Recover), Some(Recover), Some(Expunge)],
            None => &[
                None,
                Some(Stop),
                Some(Reboot),
                Some(Pause),
                Some(Resume),
                Some(Destroy),
                Some(Recover),
                Some(Expunge),
            ],
        };
        // Starting is no change: it needs a place.
        Some(match *changes.choose(&mut self.random)? {
            Some(change) => Op::Change { vm, by, change },
            None => Op::Start { vm, by, host: self.host() },
        })
    }

    fn network(&mut self) -> Option<Op> {
        let (vm, l3) = (self.some(Kind::Vm)?, self.some(Kind::L3)?);
        let part = self.random.random_range(0..3);
        let ips: Vec<u32> = addresses(part).collect();
        match self.random.random_range(0..8) {
            0..2 => return Some(Op::Detach { vm, l3 }),
            2..4 => return Some(Op::Claim { vm, l3, ip: *ips.choose(&mut self.random)? }),
            4 => return Some(Op::Unclaim { vm, l3 }),
            _ => {}
        }
        let ip = if self.random.random_ratio(1, 3) { ips.choose(&mut self.random).copied() } else { None };
        Some(Op::Attach { vm, l3, ip })
    }

    /// A new one, if there are not too many.
    fn limited(&mut self, kind: Kind) -> Option<Id> {
        let most = MOST.iter().find(|(of, _)| *of == kind).map(|(_, most)| *most);
        let there = self.cloud.of_kind(kind, true).len();
        most.is_none_or(|most| there < most).then(|| self.fresh(kind))
    }

    fn make(&mut self) -> Option<Op> {
        Some(match self.random.random_range(0..24) {
            0 => Op::Zone(self.limited(Kind::Zone)?),
            1 => Op::Cluster { zone: self.some(Kind::Zone)?, cluster: self.limited(Kind::Cluster)? },
            2..6 => {
                let (cluster, host) = (self.some(Kind::Cluster)?, self.limited(Kind::Host)?);
                let taken = self.random.random_ratio(1, 4);
                let other = self.cloud.hosts.values().next().map(|host| host.address).filter(|_| taken);
                Op::Host { host, cluster, address: other.unwrap_or(host.1) }
            }
            6..8 => Op::Primary { zone: self.some(Kind::Zone)?, primary: self.limited(Kind::Primary)? },
            8 => Op::Backup(self.limited(Kind::Backup)?),
            9..12 => {
                let (backup, image) = (self.some(Kind::Backup)?, self.limited(Kind::Image)?);
                Op::Image { image, backup, is_iso: self.random.random_bool(0.5) }
            }
            12..16 => {
                let (vm, backup) = (self.some(Kind::Vm)?, self.some(Kind::Backup)?);
                Op::Template { image: self.limited(Kind::Image)?, vm, backup }
            }
            16..18 => Op::Offering { offering: self.limited(Kind::Offering)?, is_large: self.random.random_bool(0.3) },
            18 => {
                let (zone, l2) = (self.some(Kind::Zone)?, self.limited(Kind::L2)?);
                Op::L2 { l2, zone, interface: self.random.random_range(0..2) }
            }
            19..21 => Op::L3 { l2: self.some(Kind::L2)?, l3: self.limited(Kind::L3)? },
            _ => {
                let (l3, range) = (self.some(Kind::L3)?, self.fresh(Kind::Range));
                Op::Range { range, l3, part: self.random.random_range(0..3) }
            }
        })
    }

    fn join(&mut self) -> Option<Op> {
        let kind = *[Kind::Primary, Kind::Backup, Kind::L2].choose(&mut self.random)?;
        let what = self.some(kind)?;
        let other = self.some(if kind == Kind::Backup { Kind::Zone } else { Kind::Cluster })?;
        Some(match self.random.random_ratio(1, 4) {
            true => Op::Part { what, from: other },
            false => Op::Join { what, to: other },
        })
    }

    /// What is said of a thing: its name, and what it is there for.
    fn word(&mut self) -> Option<Op> {
        let kind = *KINDS.choose(&mut self.random)?;
        let named = self.random.random_ratio(1, 4);
        if named || kind == Kind::Tag {
            let kind = if kind == Kind::Tag || kind == Kind::Account { Kind::Vm } else { kind };
            return Some(Op::Rename { of: self.some(kind)?, to: self.random.random_range(0..100) });
        }
        // What is switched off should not stay so for long.
        let off: Vec<Id> = self.off();
        if !off.is_empty() && self.random.random_bool(0.6) {
            return Some(Op::Switch { of: *off.choose(&mut self.random)?, to: Switch::Enable });
        }
        let to = *[Switch::Enable, Switch::Disable, Switch::Maintain].choose(&mut self.random)?;
        has_switch(kind, to).then_some(Op::Switch { of: self.some(kind)?, to })
    }

    fn off(&self) -> Vec<Id> {
        let all = self.cloud.made.iter().copied();
        all.filter(|id| self.cloud.there(*id) && self.cloud.state(*id) != Switch::Enable).collect()
    }

    fn tag(&mut self) -> Option<Op> {
        let kind = *[Kind::Vm, Kind::Zone, Kind::Host, Kind::Image, Kind::L3, Kind::Range].choose(&mut self.random)?;
        let on = self.some(kind)?;
        let text = self.random.random_range(0..2);
        Some(Op::Tag { tag: self.fresh(Kind::Tag), on, text })
    }

    fn image(&mut self) -> Option<Op> {
        let image = self.some(Kind::Image)?;
        Some(match self.random.random_range(0..3) {
            0 => Op::Delete(image),
            1 => Op::RecoverImage(image),
            _ => Op::ExpungeImage(image),
        })
    }

    fn delete(&mut self) -> Option<Op> {
        let kind = *KINDS.choose(&mut self.random)?;
        // A zone takes nearly everything.
        let rare = matches!(kind, Kind::Zone | Kind::Cluster | Kind::Backup | Kind::Account);
        if rare && self.random.random_ratio(2, 3) {
            return None;
        }
        Some(Op::Delete(self.some(kind)?))
    }
}
