//! Installing Debian packages, when we may.

use crate::workspace;
use anyhow::{Context, Result, bail};
use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Debian asks this script whether a package may start its service; 101 means no.
const POLICY: &str = "/usr/sbin/policy-rc.d";

/// Installs `packages` without letting any of them start a service.
///
/// # Errors
/// We are not root: the message says what to install.
pub(super) fn install(packages: &[&str]) -> Result<()> {
    let list = packages.join(" ");
    if !rustix::process::geteuid().is_root() || workspace::find_program("apt-get")?.is_none() {
        bail!("missing: {list}. Install with: apt-get install --no-install-recommends {list}");
    }
    eprintln!("services: installing {list}");
    let _guard = NoAutostart::set(Path::new(POLICY))?;
    apt_get(&["update", "-qq"])?;
    let mut words = vec!["install", "-y", "-qq", "--no-install-recommends"];
    words.extend(packages);
    apt_get(&words)
}

fn apt_get(words: &[&str]) -> Result<()> {
    let mut command = Command::new("apt-get");
    command
        .args(words)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .env("PATH", workspace::search_path()?);
    // Standard output belongs to our caller, who may `eval` it.
    command
        .stdin(std::process::Stdio::null())
        .stdout(std::io::stderr());
    workspace::run(&mut command)
}

/// Forbids packages to start services while it lives; a policy that was there before stays.
#[derive(Debug)]
struct NoAutostart {
    ours: Option<PathBuf>,
}

impl NoAutostart {
    fn set(file: &Path) -> Result<Self> {
        match OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o755)
            .open(file)
        {
            Ok(mut policy) => {
                policy.write_all(b"#!/bin/sh\nexit 101\n")?;
                Ok(Self {
                    ours: Some(file.to_path_buf()),
                })
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(Self { ours: None }),
            Err(error) => Err(error).with_context(|| format!("cannot write {}", file.display())),
        }
    }
}

impl Drop for NoAutostart {
    fn drop(&mut self) {
        if let Some(file) = &self.ours
            && let Err(error) = fs::remove_file(file)
        {
            eprintln!("services: cannot remove {}: {error}", file.display());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_policy_goes_and_a_foreign_one_stays() {
        let temp = tempfile::tempdir().unwrap();
        let file = temp.path().join("policy-rc.d");
        let guard = NoAutostart::set(&file).unwrap();
        assert_eq!(Command::new(&file).status().unwrap().code(), Some(101));
        drop(NoAutostart::set(&file).unwrap());
        assert!(file.exists(), "the second guard did not make it");
        drop(guard);
        assert!(!file.exists());
    }
}
