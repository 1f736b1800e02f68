//! Images over SFTP from a real OpenSSH server.

use std::{process::Child, sync::Mutex};

use cumulo_agent_rt::storage::{Confined, Roots};
use cumulo_kvm_agent::{
    HostError,
    images::{Expected, ImageStore as _, Purpose, RemoteFile, Sftp},
};
use cumulo_proto::kvm::SftpFile;
use nix::mount::{MsFlags, mount};

use crate::fixture::{eventually, in_namespaces, sh};

pub(crate) const PASSWORD: &str = "pass word'$(x)";
const PORT: u32 = 2222;

/// An SSH server of this namespace whose root has another password; ended with the test.
pub(crate) struct Sshd {
    _child: Child,
    /// Of its host key.
    pub(crate) fingerprint: String,
    /// A private key that lets root in.
    pub(crate) key: String,
}

impl Sshd {
    pub(crate) async fn start() -> Self {
        sh("mkdir -p /run/sshd /run/ssh && chmod 700 /run/ssh");
        sh("ssh-keygen -q -t ed25519 -N '' -f /run/ssh/host && ssh-keygen -q -t ed25519 -N '' -f /run/ssh/user");
        std::fs::write("/run/ssh/password", PASSWORD).unwrap();
        sh("echo \"root:$(openssl passwd -6 -in /run/ssh/password):19000:0:99999:7:::\" > /run/ssh/shadow");
        mount(Some("/run/ssh/shadow"), "/etc/shadow", None::<&str>, MsFlags::MS_BIND, None::<&str>).unwrap();
        std::fs::write(
            "/run/ssh/config",
            format!(
                "Port {PORT}\nHostKey /run/ssh/host\nPidFile none\nUsePAM no\nPermitRootLogin yes\nPasswordAuthentication yes\n\
                 AuthorizedKeysFile /run/ssh/user.pub\nStrictModes no\nSubsystem sftp internal-sftp\n"
            ),
        )
        .unwrap();
        let log = std::fs::File::create("/run/ssh/log").unwrap();
        let child = std::process::Command::new("/usr/sbin/sshd")
            .args(["-D", "-e", "-f", "/run/ssh/config"])
            .stderr(log)
            .spawn();
        eventually("sshd", async || std::net::TcpStream::connect(("127.0.0.1", 2222)).ok()).await;
        let fingerprint = sh("ssh-keygen -l -f /run/ssh/host.pub").split(' ').nth(1).unwrap().to_owned();
        Self { _child: child.unwrap(), fingerprint, key: sh("cat /run/ssh/user") }
    }

    pub(crate) fn source(&self, path: &str) -> SftpFile {
        SftpFile {
            host: "127.0.0.1".into(),
            port: PORT,
            username: "root".into(),
            password: PASSWORD.into(),
            private_key: String::new(),
            host_key_fingerprint: self.fingerprint.clone(),
            path: path.into(),
        }
    }
}

async fn fetch(source: &SftpFile, to: &Confined, expected: &Expected) -> Result<(), HostError> {
    let source = RemoteFile::checked("image-1", Purpose::Fetch, Some(source)).unwrap();
    Sftp.fetch(&source, to, expected, &|_, _| {}).await
}

#[test]
fn an_image_arrives_whole_or_not_at_all() {
    in_namespaces(&["/run"], async || {
        let sshd = Sshd::start().await;
        let roots = Roots::in_memory();
        roots.add("/run/ps").unwrap();
        // Not a multiple of anything.
        sh("head -c 20000003 /dev/urandom > /run/image && sha256sum /run/image | cut -d' ' -f1 > /run/sum");
        let sum = sh("cat /run/sum").trim().to_owned();
        let to = roots.confine("/run/ps/cache/image").unwrap();
        let good = Expected { size: Some(20_000_003), sha256: Some(sum) };

        let seen = Mutex::new(Vec::new());
        let source = RemoteFile::checked("image-1", Purpose::Fetch, Some(&sshd.source("/run/image"))).unwrap();
        Sftp.fetch(&source, &to, &good, &|done, all| seen.lock().unwrap().push((done, all))).await.unwrap();
        sh("cmp /run/image /run/ps/cache/image && test \"$(ls /run/ps/cache)\" = image && rm /run/ps/cache/image");
        let seen = seen.into_inner().unwrap();
        assert!(seen.is_sorted() && seen.last() == Some(&(20_000_003, 20_000_003)), "{:?}", seen.last());

        let with_key = SftpFile { password: String::new(), private_key: sshd.key.clone(), ..sshd.source("/run/image") };
        fetch(&with_key, &to, &Expected::default()).await.unwrap();
        sh("cmp /run/image /run/ps/cache/image && rm /run/ps/cache/image && : > /run/empty");
        fetch(&sshd.source("/run/empty"), &to, &Expected::default()).await.unwrap();
        sh("test -f /run/ps/cache/image && test ! -s /run/ps/cache/image && rm /run/ps/cache/image");

        let source = sshd.source("/run/image");
        let damaged = "it is damaged there, add the image again";
        let wrong_size = Expected { size: Some(5), ..Expected::default() };
        let wrong_sum = Expected { sha256: Some("0".repeat(64)), ..Expected::default() };
        let cases = [
            (source.clone(), wrong_size, damaged),
            (source.clone(), wrong_sum, damaged),
            (sshd.source("/run/none"), Expected::default(), "/run/none on 127.0.0.1 cannot be opened"),
            (
                SftpFile { password: "guess".into(), ..source.clone() },
                Expected::default(),
                "127.0.0.1 does not let root in; check the user and password of the backup storage",
            ),
            (
                SftpFile { host_key_fingerprint: "SHA256:other".into(), ..source.clone() },
                Expected::default(),
                "shows another host key than it had when it was added",
            ),
            (SftpFile { port: 1, ..source.clone() }, Expected::default(), "127.0.0.1:1 cannot be reached over SSH"),
            (
                SftpFile { private_key: "-----BEGIN s3cret".into(), ..source },
                Expected::default(),
                "its private key cannot be read",
            ),
        ];
        for (source, expected, sentence) in cases {
            let error = fetch(&source, &to, &expected).await.unwrap_err();
            let text = cumulo_agent_rt::Chain(&error).to_string();
            assert!(text.starts_with("could not fetch the image image-1: ") && text.contains(sentence), "{text}");
            assert!(!text.contains(PASSWORD) && !text.contains("s3cret"), "{text}");
            sh("test -z \"$(ls /run/ps/cache)\"");
        }
    });
}

#[test]
fn an_image_goes_whole_and_only_where_it_is_expected() {
    in_namespaces(&["/run"], async || {
        let sshd = Sshd::start().await;
        let roots = Roots::in_memory();
        roots.add("/run/ps").unwrap();
        sh("mkdir /run/ps && head -c 20000003 /dev/urandom > /run/ps/image && : > /run/ps/empty && mkdir /run/bs");
        let upload = async |from: &str, to: &SftpFile| {
            let (from, seen) = (roots.confine(from).unwrap(), Mutex::new(Vec::new()));
            let to = RemoteFile::checked("image-1", Purpose::Upload, Some(to)).unwrap();
            let sum = Sftp.upload(&from, &to, &|done, all| seen.lock().unwrap().push((done, all))).await;
            sum.map(|sum| (sum, seen.into_inner().unwrap()))
        };
        let to = sshd.source("/run/bs/image.incoming");
        let refused = async |from: &str, to: &SftpFile, sentence: &str| {
            let text = cumulo_agent_rt::Chain(&upload(from, to).await.unwrap_err()).to_string();
            assert!(text.contains(sentence), "{text}");
            assert!(!text.contains(PASSWORD), "{text}");
        };
        refused("/run/ps/image", &to, "could not upload the image image-1: /run/bs/image.incoming on 127.0.0.1").await;
        sh("test -z \"$(ls /run/bs)\" && : > /run/bs/image.incoming");

        let (sum, seen) = upload("/run/ps/image", &to).await.unwrap();
        assert_eq!(sum, sh("sha256sum /run/ps/image | cut -d' ' -f1").trim());
        assert!(seen.is_sorted() && seen.last() == Some(&(20_000_003, 20_000_003)), "{:?}", seen.last());
        // Twice is once.
        upload("/run/ps/image", &to).await.unwrap();
        sh("cmp /run/ps/image /run/bs/image.incoming && test \"$(ls /run/bs)\" = image.incoming");
        refused("/run/ps/empty", &to, "has 20000003 bytes and not the 0 sent").await;
        sh(": > /run/bs/image.incoming");
        assert!(upload("/run/ps/empty", &to).await.unwrap().1.is_empty());

        let guess = SftpFile { password: "guess".into(), ..to.clone() };
        refused("/run/ps/image", &guess, "127.0.0.1 does not let root in").await;
        let other = SftpFile { host_key_fingerprint: "SHA256:other".into(), ..to.clone() };
        refused("/run/ps/image", &other, "shows another host key than it had when it was added").await;
        sh("mkdir /run/small && mount -t tmpfs -o size=1m tmpfs /run/small && : > /run/small/image");
        refused("/run/ps/image", &sshd.source("/run/small/image"), "127.0.0.1 takes no more of it").await;
    });
}
