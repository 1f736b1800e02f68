//! The real program with agents on the other side of the network: those of a hosts' process, deployed by what the program
//! takes for Ansible, called and called back over mutual TLS. The process is killed, and what it played is as before.

use std::path::Path;

use cumulo_chaos::{Cloud, Ground, Node};
use cumulo_sim_hosts::{Hosts, Network, control::Guest};
use serde_json::{Value, json};

/// A node, and machines for it.
struct Stage {
    node: Node,
    hosts: Hosts,
    network: Network,
    // Dropped last: the process has its folder in it.
    _dir: tempfile::TempDir,
}

impl Stage {
    async fn set() -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let program = Hosts::program().expect("it is built");
        let hosts = Hosts::start(&program, dir.path(), &[]).await.expect("the hosts' process starts");
        let mut node = Node::unborn(Path::new(env!("CARGO_BIN_EXE_cumulo-manager")), "");
        node.deploy_with(hosts.path());
        assert!(node.start("").await, "{}", node.log());
        node.log_in().await;
        Self { node, hosts, network: Network::any(), _dir: dir }
    }

    async fn guests(&self) -> Vec<Guest> {
        let machines = self.hosts.control().machines().await.expect("the process answers");
        machines.into_iter().flat_map(|machine| machine.guests).collect()
    }
}

#[tokio::test]
async fn machines_outlive_the_process_that_plays_them() {
    let mut stage = Stage::set().await;
    let cloud = Cloud::build_on(&stage.node, Ground::Machines(stage.network)).await;
    let vm = stage.node.make("POST", "/vm-instances", cloud.vm("vm")).await;
    assert_eq!(vm["state"], "Running", "{vm}");
    let before = stage.guests().await;
    assert_eq!(before.len(), 1, "{before:?}");
    assert_eq!((before[0].vm.as_str().into(), before[0].power.as_str()), (vm["uuid"].clone(), "running"));
    assert_eq!(Value::from(before[0].macs[0].clone()), vm["vmNics"][0]["mac"]);

    stage.hosts.kill().await.expect("killed");
    stage.hosts.start_again().await.expect("it starts again");
    assert_eq!(stage.guests().await, before, "guests run on without the process that played them");
    let actions = format!("/vm-instances/{}/actions", before[0].vm);
    let stopped = stage.node.make("PUT", &actions, json!({ "stopVmInstance": {} })).await;
    assert_eq!(stopped["state"], "Stopped", "{stopped}");
    assert_ne!(stage.guests().await.first().map(|guest| guest.power.as_str()), Some("running"));
    cloud.expunge(&stage.node, &vm).await;
    assert_eq!(stage.guests().await, []);

    let done = stage.hosts.control().executions().await.expect("the process answers");
    let times = |of: &str| done.iter().filter(|execution| execution.task == of).count();
    assert!(done.iter().all(|execution| times(&execution.task) == 1), "{done:#?}");
    assert_eq!(
        done.iter().filter(|execution| execution.command == "StartVm").count(),
        2,
        "the cloud's first, and this one"
    );
    assert!(done.iter().any(|execution| execution.life == 2 && execution.command == "StopVm"));
    stage.node.stop().await;
}

#[tokio::test]
async fn who_cannot_be_reached_is_said_as_of_a_real_machine() {
    let mut stage = Stage::set().await;
    stage.hosts.kill().await.expect("killed");
    let make = async |path: &str, params: Value| stage.node.make("POST", path, json!({ "params": params })).await;
    let zone = make("/zones", json!({ "name": "zone" })).await;
    let cluster = json!({ "name": "cluster", "hypervisorType": "KVM", "zoneUuid": zone["uuid"] });
    let cluster = make("/clusters", cluster).await;
    let host = json!({ "params": { "name": "host", "managementIp": stage.network.address(11), "username": "root",
                                   "password": "password", "clusterUuid": cluster["uuid"] } });
    let refused = stage.node.call("POST", "/hosts/kvm", &host).await.expect_err("nobody is there");
    assert!(refused.to_string().contains("refuses SSH on port 22"), "{refused}");
    assert_eq!(stage.node.query("/hosts").await.len(), 0);
    stage.node.stop().await;
}
