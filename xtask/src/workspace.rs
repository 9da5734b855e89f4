//! Where things are: the repository root, the target directory, the tools, and how commands are run.

use anyhow::{Context, Result, bail};
use std::env;
use std::ffi::{OsStr, OsString};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// How often [`poll`] asks.
const PAUSE: Duration = Duration::from_millis(10);

/// The repository root: the folder above this crate.
pub(crate) fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_path_buf()
}

/// The cargo that runs us, so that every step uses one toolchain.
pub(crate) fn cargo() -> OsString {
    env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"))
}

/// Cargo's target directory, as the environment says or beside the manifest.
pub(crate) fn target_dir() -> PathBuf {
    match env::var_os("CARGO_TARGET_DIR") {
        Some(dir) => root().join(dir),
        None => root().join("target"),
    }
}

/// Folder of the tools that `ci` installs for itself; always first on [`search_path`].
pub(crate) fn tools_dir() -> PathBuf {
    target_dir().join("tools")
}

/// Where the Node of the checks is.
pub(crate) fn node_dir() -> PathBuf {
    tools_dir().join("node")
}

/// `PATH` with our own tools first and the system folders, where daemons live, last.
pub(crate) fn search_path() -> Result<OsString> {
    let inherited = env::var_os("PATH").unwrap_or_default();
    let mut folders = vec![
        tools_dir().join("bin"),
        node_dir().join("node_modules/.bin"),
    ];
    folders.extend(env::split_paths(&inherited));
    folders.extend(["/usr/sbin", "/sbin"].map(PathBuf::from));
    env::join_paths(folders).context("PATH holds a folder with a colon in its name")
}

/// The executable called `name`, if the search path has one.
pub(crate) fn find_program(name: &str) -> Result<Option<PathBuf>> {
    Ok(env::split_paths(&search_path()?)
        .map(|dir| dir.join(name))
        .find(|file| is_executable(file)))
}

/// Whether `file` is a regular file that somebody may execute.
pub(crate) fn is_executable(file: &Path) -> bool {
    file.metadata()
        .is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

/// A command that runs in the repository root with our tools on its path.
pub(crate) fn command(program: impl AsRef<OsStr>) -> Result<Command> {
    let mut command = Command::new(program);
    command.current_dir(root()).env("PATH", search_path()?);
    Ok(command)
}

/// Runs `command` to its end; its output goes where ours goes.
///
/// # Errors
/// It could not be started, or ended in anything but success.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let line = shown(command);
    let status = command
        .status()
        .with_context(|| format!("cannot start `{line}`"))?;
    if !status.success() {
        bail!("`{line}` failed: {status}");
    }
    Ok(())
}

/// Like [`run`], but kills a command that takes longer than `limit`.
pub(crate) fn run_within(command: &mut Command, limit: Duration) -> Result<()> {
    let line = shown(command);
    let mut child = command
        .spawn()
        .with_context(|| format!("cannot start `{line}`"))?;
    let Some(status) = poll(limit, || Ok(child.try_wait()?))? else {
        child.kill()?;
        child.wait()?;
        bail!("`{line}` did not end within {limit:?}");
    };
    if !status.success() {
        bail!("`{line}` failed: {status}");
    }
    Ok(())
}

/// Builds the server, as the checks of the API use it, and gives its program.
///
/// # Errors
/// It does not compile.
pub(crate) fn built_server() -> Result<PathBuf> {
    let mut build = command(cargo())?;
    build.args([
        "build",
        "--locked",
        "-p",
        "freshtrack-server",
        "--all-features",
    ]);
    run(build.args(["--bin", "freshtrack"]))?;
    Ok(target_dir().join("debug").join("freshtrack"))
}

/// Asks `question` until it gives an answer or `patience` is over (`None`).
#[expect(
    clippy::disallowed_methods,
    reason = "no async worker here: this thread may sleep"
)]
pub(crate) fn poll<T>(
    patience: Duration,
    mut question: impl FnMut() -> Result<Option<T>>,
) -> Result<Option<T>> {
    let begin = Instant::now();
    loop {
        if let Some(answer) = question()? {
            return Ok(Some(answer));
        }
        if begin.elapsed() >= patience {
            return Ok(None);
        }
        std::thread::sleep(PAUSE);
    }
}

/// The command as a person would type it.
pub(crate) fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program())
        .file_name()
        .unwrap_or_default();
    std::iter::once(program)
        .chain(command.get_args())
        .map(|word| word.to_string_lossy().into_owned())
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_command_is_an_error_that_names_it() {
        let error = run(Command::new("/bin/sh").args(["-c", "exit 3"]))
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("sh -c exit 3") && error.contains('3'),
            "{error}"
        );
        run(Command::new("/bin/sh").args(["-c", "exit 0"])).unwrap();
    }

    #[test]
    fn our_own_tools_come_before_everything_else_on_the_path() {
        let path = search_path().unwrap();
        assert_eq!(
            env::split_paths(&path).next(),
            Some(tools_dir().join("bin"))
        );
    }

    #[test]
    fn only_executable_files_are_programs() {
        assert!(find_program("sh").unwrap().is_some());
        assert_eq!(find_program("no-such-program-here").unwrap(), None);
        assert!(!is_executable(Path::new("/etc/passwd")));
        assert!(!is_executable(Path::new("/usr")));
    }

    #[test]
    fn a_command_that_does_not_end_is_killed_and_one_that_ends_is_judged() {
        let limit = Duration::from_millis(50);
        let error = run_within(Command::new("sleep").arg("60"), limit)
            .unwrap_err()
            .to_string();
        assert!(error.contains("sleep 60"), "{error}");
        let patience = Duration::from_secs(30);
        assert!(run_within(Command::new("sh").args(["-c", "exit 1"]), patience).is_err());
        run_within(Command::new("sh").args(["-c", "exit 0"]), patience).unwrap();
    }

    #[test]
    fn polling_ends_with_the_patience() {
        assert_eq!(poll(Duration::ZERO, || Ok(None::<()>)).unwrap(), None);
        let mut asked = 0;
        let answer = poll(Duration::from_secs(5), || {
            asked += 1;
            Ok((asked == 3).then_some(asked))
        });
        assert_eq!(answer.unwrap(), Some(3));
    }
}
