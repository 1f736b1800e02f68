//! Packages of the host's operating system, and the door to the tool that its distribution updates them with.

#[cfg(feature = "sim")]
mod fake;
mod real;

use async_trait::async_trait;
use cumulo_proto::kvm;

#[cfg(feature = "sim")]
pub use fake::FakePackages;
pub use real::PackageTools;

use crate::{HostError, OsRelease, PackageName, PackagePattern};

/// Most packages that can be named at once: they have to fit into a command line.
const MOST: usize = 500;

/// What is to be brought up to date, checked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Update {
    /// Only these; all that are installed where empty.
    pub packages: Vec<PackageName>,
    /// Never these.
    pub excluded: Vec<PackagePattern>,
    /// The release to take packages of; the present one where absent.
    pub release: Option<OsRelease>,
}

impl Update {
    /// What `rq` wants.
    ///
    /// # Errors
    /// For names that no package has, and for more of them than fit.
    pub fn checked(rq: kvm::UpdateOs) -> Result<Self, HostError> {
        if rq.packages.len().max(rq.excluded.len()) > MOST {
            let value = format!("{} packages", rq.packages.len().max(rq.excluded.len()));
            return Err(HostError::BadValue { value, why: "at most 500 can be named at once" });
        }
        Ok(Self {
            packages: rq.packages.into_iter().map(PackageName::try_from).collect::<Result<_, _>>()?,
            excluded: rq.excluded.into_iter().map(PackagePattern::try_from).collect::<Result<_, _>>()?,
            release: Some(rq.release).filter(|text| !text.is_empty()).map(OsRelease::try_from).transpose()?,
        })
    }
}

/// How far an update is: percent, and what is being done.
pub type OnProgress<'a> = &'a (dyn Fn(u32, &'static str) + Send + Sync);

/// The door to packages.
#[async_trait]
pub trait Packages: Send + Sync {
    /// Brings packages up to date. Done again it does what is left. It is not called twice at once.
    async fn update(&self, update: &Update, progress: OnProgress<'_>) -> Result<(), HostError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(packages: &[&str], excluded: &[&str], release: &str) -> Result<Update, HostError> {
        let texts = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let (packages, excluded, release) = (texts(packages), texts(excluded), release.to_owned());
        Update::checked(kvm::UpdateOs { packages, excluded, release, ..kvm::UpdateOs::default() })
    }

    #[test]
    fn only_what_can_name_packages_goes_through() {
        let update = wanted(&["g++", "libc6:amd64", "python3.11"], &["kernel*", "*-dkms"], "9.4").unwrap();
        assert_eq!(update.packages[1].as_str(), "libc6:amd64");
        assert_eq!((update.excluded.len(), update.release.unwrap().as_str()), (2, "9.4"));
        assert_eq!(wanted(&[], &[], "").unwrap(), Update::default());
        let long = "a".repeat(129);
        for bad in ["", "-y", "vim-", "a b", "a;b", "a\nb", "$(id)", "kernel*", "/etc/x.deb", "a=1", "a/b", "~n", &long]
        {
            assert!(wanted(&[bad], &[], "").is_err(), "{bad:?}");
        }
        for bad in ["", "-x", "a\nPackage: b", "/x/", "a b", "a?"] {
            assert!(wanted(&[], &[bad], "").is_err(), "{bad:?}");
        }
        for bad in ["-9", "9 4", "9;4", "9/4", "{x}"] {
            assert!(wanted(&[], &[], bad).is_err(), "{bad:?}");
        }
        assert!(wanted(&vec!["vim"; 501], &[], "").is_err());
    }
}
