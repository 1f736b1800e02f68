//! The doors of the agent on the real thing: the kernel's bridges, dnsmasq, nftables, libvirt, an SSH server. All in
//! namespaces of the tests' own. They need root and the packages that the project's `make test` installs.

mod agent;
mod bridge;
mod dhcp;
mod fixture;
mod libvirt;
mod proof;
mod sftp;
