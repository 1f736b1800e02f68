//! The flat-network tutorial, as people type it, over the real declarations: what each line becomes on the wire.

use std::fmt::Write;

use serde_json::json;

use crate::{Place, Reply, run, text};

const TUTORIAL: &str = r#"
LogInByAccount accountName=admin password=password
CreateZone name=ZONE1 description='zone 1'                                                        -> zone
CreateCluster name=CLUSTER1 hypervisorType=KVM zoneUuid=$zone                                     -> cluster
AddKVMHost name=HOST1 managementIp=$HOST_IP username=root password=$HOST_PASSWORD clusterUuid=$cluster   -> host
AddLocalPrimaryStorage name=PRIMARY-STORAGE1 url=/cumulo_ps zoneUuid=$zone                        -> ps
AttachPrimaryStorageToCluster primaryStorageUuid=$ps clusterUuid=$cluster
AddSftpBackupStorage name=BACKUP-STORAGE1 hostname=$HOST_IP username=root password=$HOST_PASSWORD url=/cumulo_bs  -> bs
AttachBackupStorageToZone backupStorageUuid=$bs zoneUuid=$zone
AddImage name=image mediaType=RootVolumeTemplate platform=Linux url=$IMAGE_URL backupStorageUuids=$bs format=qcow2  -> image
CreateL2NoVlanNetwork name=FLAT-L2 physicalInterface=$NIC zoneUuid=$zone                          -> l2
AttachL2NetworkToCluster l2NetworkUuid=$l2 clusterUuid=$cluster
CreateL3Network name=FLAT-L3 l2NetworkUuid=$l2                                                    -> l3
AddIpRange name=FLAT-IP-RANGE l3NetworkUuid=$l3 startIp=10.0.101.100 endIp=10.0.101.150 netmask=255.255.255.0 gateway=10.0.101.1
AddDnsToL3Network l3NetworkUuid=$l3 dns=8.8.8.8
QueryNetworkServiceProvider type=Flat                                                             -> flat
AttachNetworkServiceToL3Network networkServices="{'$flat':['Userdata','DHCP','Eip']}" l3NetworkUuid=$l3
CreateInstanceOffering name=small-instance memorySize=134217728 cpuNum=1                          -> offering
CreateVmInstance name=VM1 instanceOfferingUuid=$offering imageUuid=$image l3NetworkUuids=$l3      -> vm
# The VM is Running, its nic has an address of the range, it got exactly that address by DHCP, and it answers ping.
QueryVmNic fields=ip vmInstance.name=VM1 l3Network.name=FLAT-L3
"#;

/// What the lines become; the answers to these requests call their inventories after the request's last path segment.
const WIRE: &str = r#"PUT /accounts/login {"logInByAccount":{"accountName":"admin","password":"b109f3bb…"}}
POST /zones {"params":{"description":"zone 1","name":"ZONE1"}}
POST /clusters {"params":{"hypervisorType":"KVM","name":"CLUSTER1","zoneUuid":"zones"}}
POST /hosts/kvm {"params":{"clusterUuid":"clusters","managementIp":"192.0.2.1","name":"HOST1","password":"it's","username":"root"}}
POST /primary-storage/local-storage {"params":{"name":"PRIMARY-STORAGE1","url":"/cumulo_ps","zoneUuid":"zones"}}
POST /clusters/clusters/primary-storage/local-storage {"params":{}}
POST /backup-storage/sftp {"params":{"hostname":"192.0.2.1","name":"BACKUP-STORAGE1","password":"it's","url":"/cumulo_bs","username":"root"}}
POST /zones/zones/backup-storage/sftp {"params":{}}
POST /images {"params":{"backupStorageUuids":["sftp"],"format":"qcow2","mediaType":"RootVolumeTemplate","name":"image","platform":"Linux","url":"http://192.0.2.1/i?a=b&c=d,e"}}
POST /l2-networks/no-vlan {"params":{"name":"FLAT-L2","physicalInterface":"eth0","zoneUuid":"zones"}}
POST /l2-networks/no-vlan/clusters/clusters {"null":{}}
POST /l3-networks {"params":{"l2NetworkUuid":"no-vlan","name":"FLAT-L3"}}
POST /l3-networks/l3-networks/ip-ranges {"params":{"endIp":"10.0.101.150","gateway":"10.0.101.1","name":"FLAT-IP-RANGE","netmask":"255.255.255.0","startIp":"10.0.101.100"}}
POST /l3-networks/l3-networks/dns {"params":{"dns":"8.8.8.8"}}
GET /network-services/providers?q=type%3DFlat
POST /l3-networks/l3-networks/network-services {"params":{"networkServices":{"providers":["Userdata","DHCP","Eip"]}}}
POST /instance-offerings {"params":{"cpuNum":1,"memorySize":134217728,"name":"small-instance"}}
POST /vm-instances {"params":{"imageUuid":"images","instanceOfferingUuid":"instance-offerings","l3NetworkUuids":["l3-networks"],"name":"VM1"}}
GET /vm-instances/nics?fields=ip&q=vmInstance.name%3DVM1&q=l3Network.name%3DFLAT-L3
"#;

#[tokio::test]
async fn every_line_of_the_tutorial_becomes_the_request_it_should() {
    let place = Place::new().await;
    for request in WIRE.lines() {
        let line = request.split([' ', '?']).take(2).collect::<Vec<_>>().join(" ");
        let uuid = line.rsplit('/').next().unwrap_or_default();
        let reply = match line.as_bytes()[0] {
            b'G' => Reply::Json(200, json!({"inventories": [{"uuid": uuid}]})),
            _ => Reply::Json(200, json!({"inventory": {"uuid": uuid}})),
        };
        place.node.on(&line, [reply]);
    }
    let file = place.path("flat-network");
    std::fs::write(&file, TUTORIAL).expect("written");
    let mut program = place.program();
    program.arg("scenario").arg(&file).args([
        "--var",
        "HOST_IP=192.0.2.1",
        "--var",
        "NIC=eth0",
        "--var",
        "HOST_PASSWORD",
    ]);
    program.args(["--var", "IMAGE_URL=http://192.0.2.1/i?a=b&c=d,e"]).env("HOST_PASSWORD", "it's");
    let output = run(program).await;
    let mut wire = String::new();
    for call in place.node.calls() {
        let line = call.line.replace("/zstack/v1", "");
        let (mark, query) = if call.query.is_empty() { ("", "") } else { ("?", call.query.as_str()) };
        let body = if call.body.is_null() { String::new() } else { format!(" {}", call.body) };
        writeln!(wire, "{line}{mark}{query}{body}").expect("memory takes it");
    }
    let (start, end) = (wire.find("b109f3bb").expect("the hash") + 8, wire.find("\"}}").expect("the end of the login"));
    wire.replace_range(start..end, "…");
    assert_eq!(wire, WIRE, "{}{}", text(&output.stdout), text(&output.stderr));
    assert!(text(&output.stdout).ends_with("scenario: flat-network passed\n"));
}
