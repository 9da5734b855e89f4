//! A private PostgreSQL: loopback only, trust, one `initdb` a machine and a copy of it afterwards.
//!
//! PostgreSQL refuses to run as root, so root starts it as user `postgres` (else `nobody`). That
//! user must be able to enter the data folder: where the project lies in a folder closed to others,
//! the data goes to the system's temporary folder instead.

use super::daemon::Daemon;
use super::record::{Record, Stop};
use super::{Durability, Kind};
use crate::workspace;
use anyhow::{Context, Result, bail};
use std::ffi::OsStr;
use std::fs::{self, DirBuilder};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Settings for tests: enough connections for parallel tests, no background surprises.
const SETTINGS: &[&str] = &[
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
    "max_connections=200",
    "shared_buffers=256MB",
    "logging_collector=off",
    "jit=off",
    "autovacuum_naptime=10s",
    "max_wal_size=2GB",
    "timezone=UTC",
];
/// Added unless the caller wants durability.
const FAST: &[&str] = &[
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
];

/// Folder of PostgreSQL's programs: the newest that Debian installed, else that of the path.
pub(super) fn programs() -> Result<Option<PathBuf>> {
    let mut installed = Vec::new();
    if let Ok(majors) = fs::read_dir("/usr/lib/postgresql") {
        for major in majors {
            let major = major?;
            let number = major
                .file_name()
                .to_string_lossy()
                .parse::<u32>()
                .unwrap_or(0);
            installed.push((number, major.path().join("bin")));
        }
    }
    installed.retain(|(_, bin)| has_server(bin));
    if let Some((_, bin)) = installed.into_iter().max() {
        return Ok(Some(bin));
    }
    let Some(server) = workspace::find_program("postgres")? else {
        return Ok(None);
    };
    Ok(server
        .canonicalize()?
        .parent()
        .filter(|bin| has_server(bin))
        .map(Path::to_path_buf))
}

fn has_server(bin: &Path) -> bool {
    ["postgres", "initdb", "pg_isready"]
        .iter()
        .all(|name| workspace::is_executable(&bin.join(name)))
}

/// Starts PostgreSQL with its record and log in `dir`.
pub(super) fn start(dir: &Path, durability: Durability) -> Result<Record> {
    let bin = programs()?.context("PostgreSQL is not installed")?;
    let account = Account::for_server()?;
    let home = data_home(dir, account.as_ref())?;
    let template = home.template(&bin, account.as_ref())?;
    let data = home.run.clone();
    if data.exists() {
        fs::remove_dir_all(&data)?; // left by a start that was killed
    }
    workspace::run(
        Command::new("cp")
            .args(["-a", "--reflink=auto"])
            .arg(&template)
            .arg(&data),
    )?;

    let command = |port: u16| {
        let mut command = as_account(bin.join("postgres"), account.as_ref(), &data);
        command.arg("-D").arg(&data).arg("-p").arg(port.to_string());
        let fast = if durability == Durability::Fast {
            FAST
        } else {
            &[]
        };
        for setting in SETTINGS.iter().chain(fast) {
            command.args(["-c", setting]);
        }
        Ok(command)
    };
    let answers = |port: u16| {
        Command::new(bin.join("pg_isready"))
            .args([
                "-q",
                "-h",
                "127.0.0.1",
                "-U",
                "postgres",
                "-p",
                &port.to_string(),
            ])
            .stdin(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    };
    Daemon {
        kind: Kind::Pg,
        dir,
        data: data.clone(),
        signal: Stop::Interrupt,
        command: &command,
        answers: &answers,
        url: &|port| format!("postgres://postgres@127.0.0.1:{port}/postgres"),
    }
    .start()
}

/// The unprivileged user that root hands the server to.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Account {
    user: u32,
    group: u32,
}

impl Account {
    /// `None` when we are not root: then the server runs as ourselves.
    fn for_server() -> Result<Option<Self>> {
        if !rustix::process::geteuid().is_root() {
            return Ok(None);
        }
        let passwd = fs::read_to_string("/etc/passwd").context("cannot read the user list")?;
        let found = ["postgres", "nobody"]
            .iter()
            .find_map(|name| Self::parse(&passwd, name));
        found
            .map(Some)
            .context("no user `postgres` or `nobody` to run PostgreSQL as")
    }

    fn parse(passwd: &str, name: &str) -> Option<Self> {
        let fields: Vec<&str> = passwd
            .lines()
            .map(|line| line.split(':').collect::<Vec<_>>())
            .find(|f| f[0] == name)?;
        Some(Self {
            user: fields.get(2)?.parse().ok()?,
            group: fields.get(3)?.parse().ok()?,
        })
    }
}

/// A command in `cwd` as `account`; dropping root that way also drops its supplementary groups.
fn as_account(program: impl AsRef<OsStr>, account: Option<&Account>, cwd: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .current_dir(cwd)
        .env("HOME", cwd)
        .stdin(Stdio::null());
    if let Some(account) = account {
        command.uid(account.user).gid(account.group);
    }
    command
}

/// Where data and template lie.
#[derive(Debug)]
struct DataHome {
    /// Data folder of this run.
    run: PathBuf,
    /// Folder that keeps the template across runs.
    keep: PathBuf,
}

/// Beside the records if the server's user can enter there, else in the temporary folder.
fn data_home(dir: &Path, account: Option<&Account>) -> Result<DataHome> {
    let keep = dir.parent().unwrap_or(dir).join("services-template");
    fs::create_dir_all(&keep)?;
    if may_enter(dir, account)? && may_enter(&keep, account)? {
        return Ok(DataHome {
            run: dir.join("pg-data"),
            keep,
        });
    }
    let mut hasher = DefaultHasher::new();
    dir.hash(&mut hasher);
    let me = rustix::process::geteuid().as_raw();
    let temp = std::env::temp_dir();
    let keep = temp.join(format!("freshtrack-services-{me}"));
    private_folder(&keep, me)?;
    if !may_enter(&keep, account)? {
        bail!(
            "PostgreSQL's user cannot enter {}: set TMPDIR to a folder it can",
            keep.display()
        );
    }
    Ok(DataHome {
        run: keep.join(format!("pg-{:016x}", hasher.finish())),
        keep,
    })
}

/// Whether the server's user may enter `dir`: asked of the kernel, as that user.
fn may_enter(dir: &Path, account: Option<&Account>) -> Result<bool> {
    let status = as_account("test", account, Path::new("/"))
        .arg("-x")
        .arg(dir)
        .status();
    Ok(status.context("cannot run `test`")?.success())
}

/// A folder in a place where anybody may write: ours alone, or refused.
fn private_folder(dir: &Path, owner: u32) -> Result<()> {
    if let Err(error) = DirBuilder::new().mode(0o711).create(dir)
        && error.kind() != std::io::ErrorKind::AlreadyExists
    {
        return Err(error).with_context(|| format!("cannot make {}", dir.display()));
    }
    let meta = fs::symlink_metadata(dir)?;
    if !meta.is_dir() || meta.uid() != owner || meta.mode() & 0o022 != 0 {
        bail!("{} is not a folder of ours alone: remove it", dir.display());
    }
    Ok(())
}

impl DataHome {
    /// The initialised cluster that runs are copied from; made once per version of PostgreSQL.
    fn template(&self, bin: &Path, account: Option<&Account>) -> Result<PathBuf> {
        let version = Command::new(bin.join("postgres"))
            .arg("--version")
            .output()?;
        let version = String::from_utf8_lossy(&version.stdout);
        let number = version
            .split_whitespace()
            .find(|word| word.starts_with(char::is_numeric));
        let template = self
            .keep
            .join(format!("pg-{}", number.unwrap_or("unknown")));
        if template.join("PG_VERSION").exists() {
            return Ok(template);
        }
        let making = self.keep.join(format!("making-{}", std::process::id()));
        if making.exists() {
            fs::remove_dir_all(&making)?;
        }
        DirBuilder::new().mode(0o700).create(&making)?;
        if let Some(account) = account {
            std::os::unix::fs::chown(&making, Some(account.user), Some(account.group))?;
        }
        let mut initdb = as_account(bin.join("initdb"), account, &making);
        initdb.args([
            "-U",
            "postgres",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--locale=C.UTF-8",
        ]);
        workspace::run(
            initdb
                .args(["--no-sync", "-D"])
                .arg(&making)
                .stdout(Stdio::null()),
        )?;
        if fs::rename(&making, &template).is_err() {
            fs::remove_dir_all(&making)?; // another run was first: use its template
        }
        Ok(template)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn the_account_is_read_from_the_user_list() {
        let passwd =
            "daemon:x:1:1:daemon:/usr/sbin:/sbin/nologin\npostgres:x:101:104:,,,:/var:/bin/bash\n";
        assert_eq!(
            Account::parse(passwd, "postgres"),
            Some(Account {
                user: 101,
                group: 104
            })
        );
        assert_eq!(Account::parse(passwd, "nobody"), None);
        assert_eq!(
            Account::parse("postgres:x\n", "postgres"),
            None,
            "a damaged line is no account"
        );
    }

    #[test]
    fn a_shared_folder_in_the_temporary_folder_is_refused() {
        let temp = tempfile::tempdir().unwrap();
        let me = rustix::process::geteuid().as_raw();
        let ours = temp.path().join("ours");
        private_folder(&ours, me).unwrap();
        private_folder(&ours, me).unwrap();
        assert!(
            private_folder(&ours, me + 1).is_err(),
            "somebody else's folder"
        );
        let link = temp.path().join("link");
        std::os::unix::fs::symlink(&ours, &link).unwrap();
        assert!(private_folder(&link, me).is_err(), "a link to anywhere");
    }

    #[test]
    fn a_closed_folder_is_noticed() {
        let temp = tempfile::tempdir().unwrap();
        fs::set_permissions(temp.path(), fs::Permissions::from_mode(0o700)).unwrap();
        let stranger = Account {
            user: 65_534,
            group: 65_534,
        };
        if rustix::process::geteuid().is_root() {
            assert!(!may_enter(temp.path(), Some(&stranger)).unwrap());
            assert!(may_enter(Path::new("/usr"), Some(&stranger)).unwrap());
        }
        assert!(may_enter(temp.path(), None).unwrap());
    }
}
