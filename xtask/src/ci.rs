//! The project's test command: every check, in order, stopping at the first that fails.
//!
//! All steps share one target directory. Cargo compiles a crate again for each set of features and
//! dev-dependencies that it is used with, so steps are worded to use one: `clippy`, `build`, `tests`
//! and `doctests` all select the whole workspace with all features and all targets, `doc` names
//! `--examples` only to get the same set, and later steps execute what `build` made instead of
//! calling `cargo run -p`. Only `alone`, whose point is another set, compiles its own (check only).

use crate::services::{self, Durability, Kind};
use crate::workspace::{self, cargo, command, find_program, run as run_command, target_dir};
use crate::{clients, openapi, schemathesis, tidy};
use anyhow::{Context, Result, bail};
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Whole workspace, all features, all targets: the selection that steps share.
const EVERYTHING: &[&str] = &["--locked", "--workspace", "--all-features"];
/// Crates that must build by themselves with default features.
const DOMAIN: &[&str] = &[
    "freshtrack-core",
    "freshtrack-alerts",
    "freshtrack-realtime",
    "freshtrack-jobs",
    "freshtrack-ttn",
];
/// Programs under `examples/` that run to their end without arguments.
const EXAMPLES: &[&str] = &[
    "hello-monitor",
    "embedded",
    "embed-realtime",
    "ttn-to-alert",
    "jobs-standalone",
    "alert-rules",
];
/// How long the demo runs, and how long it may take in all.
const DEMO: (&str, Duration) = ("20s", Duration::from_mins(2));
/// How long an example may take.
const EXAMPLE_LIMIT: Duration = Duration::from_mins(1);

/// `cargo xtask ci`
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Run only this step; may be repeated.
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// List the steps and end.
    #[arg(long)]
    list: bool,
}

/// One check.
struct Step {
    name: &'static str,
    what: &'static str,
    run: fn(&mut Report) -> Result<()>,
}

/// What steps leave for the end of the run.
#[derive(Debug, Default)]
struct Report {
    /// The test runner's closing line.
    tests: Option<String>,
}

const STEPS: &[Step] = &[
    Step {
        name: "fmt",
        what: "every source is formatted",
        run: fmt,
    },
    Step {
        name: "clippy",
        what: "no lint anywhere, tests included",
        run: clippy,
    },
    Step {
        name: "build",
        what: "everything compiles; later steps run what it makes",
        run: build,
    },
    Step {
        name: "tests",
        what: "all tests, on private PostgreSQL, Redis and Mosquitto",
        run: tests,
    },
    Step {
        name: "doctests",
        what: "the examples in the documentation",
        run: doctests,
    },
    Step {
        name: "alone",
        what: "each library by itself with default features",
        run: alone,
    },
    Step {
        name: "doc",
        what: "the documentation builds without a warning",
        run: doc,
    },
    Step {
        name: "deny",
        what: "bans, licences and sources of dependencies",
        run: deny,
    },
    Step {
        name: "openapi",
        what: "the checked-in API description is current",
        run: openapi_current,
    },
    Step {
        name: "clients",
        what: "clients generated from it compile and pass, on both databases",
        run: generated_clients,
    },
    Step {
        name: "schemathesis",
        what: "no answer breaks it, on both databases",
        run: attacked,
    },
    Step {
        name: "tidy",
        what: "crate edges, file lengths, named paths, contracts",
        run: tidy_tree,
    },
    Step {
        name: "examples",
        what: "every example program runs",
        run: examples,
    },
    Step {
        name: "demo",
        what: "the demo runs and ends by itself",
        run: demo,
    },
];

/// Runs the steps.
///
/// # Errors
/// A step failed: the message names it. Steps after it are not run.
pub(crate) fn run(args: &Args) -> Result<()> {
    if args.list {
        for step in STEPS {
            println!("{:12} {}", step.name, step.what);
        }
        return Ok(());
    }
    run_steps(&chosen(STEPS, &args.only)?)
}

fn chosen<'a>(steps: &'a [Step], only: &[String]) -> Result<Vec<&'a Step>> {
    if let Some(unknown) = only
        .iter()
        .find(|name| !steps.iter().any(|step| step.name == **name))
    {
        bail!("no step `{unknown}`; see `cargo xtask ci --list`");
    }
    let wanted = |step: &&Step| only.is_empty() || only.iter().any(|name| name == step.name);
    Ok(steps.iter().filter(wanted).collect())
}

fn run_steps(steps: &[&Step]) -> Result<()> {
    let begin = Instant::now();
    let mut report = Report::default();
    let mut times = Vec::new();
    for step in steps {
        println!("ci: {} ({})", step.name, step.what);
        let started = Instant::now();
        let result = (step.run)(&mut report);
        let seconds = started.elapsed().as_secs_f64();
        let verdict = if result.is_ok() { "ok" } else { "FAILED" };
        println!("ci: {} {verdict} in {seconds:.1} s", step.name);
        times.push((step.name, verdict, seconds));
        if let Err(error) = result {
            summarise(&times, begin.elapsed());
            return Err(error.context(format!("step `{}` failed", step.name)));
        }
    }
    summarise(&times, begin.elapsed());
    if let Some(line) = &report.tests {
        println!("{line}");
    }
    Ok(())
}

fn summarise(times: &[(&str, &str, f64)], total: Duration) {
    println!("ci: summary");
    for (name, verdict, seconds) in times {
        println!("  {name:12} {verdict:6} {seconds:7.1} s");
    }
    println!("  {:12} {:6} {:7.1} s", "total", "", total.as_secs_f64());
}

/// `cargo <verb>` on the shared selection.
fn cargo_everything(verb: &[&str]) -> Result<Command> {
    let mut command = command(cargo())?;
    command.args(verb).args(EVERYTHING);
    Ok(command)
}

fn fmt(_: &mut Report) -> Result<()> {
    run_command(command(cargo())?.args(["fmt", "--all", "--check"]))
}

fn clippy(_: &mut Report) -> Result<()> {
    run_command(cargo_everything(&["clippy"])?.args(["--all-targets", "--", "-D", "warnings"]))
}

fn build(_: &mut Report) -> Result<()> {
    run_command(cargo_everything(&["build"])?.arg("--all-targets"))
}

fn tests(report: &mut Report) -> Result<()> {
    install_tool("cargo-nextest", "0.9.143")?;
    services::install_node()?;
    services::with(&Kind::ALL, Durability::Fast, |variables| {
        let mut nextest = cargo_everything(&["nextest", "run"])?;
        nextest
            .args(["--profile", "ci"])
            .env("FRESHTRACK_REQUIRE_BACKENDS", "1");
        nextest.envs(variables.iter().map(|(key, value)| (key, value)));
        report.tests = run_and_find(&mut nextest, "Summary [")?;
        Ok(())
    })
}

/// Runs `command`, lets its error output through, and gives the last line of it with `mark`.
fn run_and_find(command: &mut Command, mark: &str) -> Result<Option<String>> {
    let line = workspace::shown(command);
    let mut child = command
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start `{line}`"))?;
    let output = child.stderr.take().context("the error output is piped")?;
    let mut marked = None;
    for said in BufReader::new(output).lines() {
        let said = said?;
        eprintln!("{said}");
        if said.contains(mark) {
            marked = Some(said);
        }
    }
    let status = child.wait()?;
    if !status.success() {
        bail!("`{line}` failed: {status}");
    }
    Ok(marked)
}

fn doctests(_: &mut Report) -> Result<()> {
    run_command(cargo_everything(&["test", "--doc"])?.arg("--quiet"))
}

fn alone(_: &mut Report) -> Result<()> {
    for name in DOMAIN {
        run_command(command(cargo())?.args(["check", "--locked", "-p", name]))?;
    }
    let embedded_store = ["--no-default-features", "--features", "sqlite"];
    let mut server = command(cargo())?;
    run_command(
        server
            .args(["check", "--locked", "-p", "freshtrack-server"])
            .args(embedded_store),
    )
}

fn doc(_: &mut Report) -> Result<()> {
    let mut doc = cargo_everything(&["doc", "--no-deps", "--document-private-items"])?;
    doc.args(["--lib", "--bins", "--examples"])
        .env("RUSTDOCFLAGS", "-Dwarnings");
    run_command(&mut doc)
}

fn deny(_: &mut Report) -> Result<()> {
    install_tool("cargo-deny", "0.20.2")?;
    // The generated Rust client has a lock file of its own, and the same rules.
    for manifest in ["Cargo.toml", clients::RUST] {
        // Offline, the check reads every crate of the lock file that we build for: have them all here.
        run_command(command(cargo())?.args([
            "fetch",
            "--locked",
            "--manifest-path",
            manifest,
            "--target",
            "x86_64-unknown-linux-gnu",
        ]))?;
        let mut deny = command(cargo())?;
        deny.args(["deny", "--offline", "--manifest-path", manifest]);
        deny.args(["--config", "deny.toml", "check", "--hide-inclusion-graph"]);
        run_command(deny.args(["bans", "licenses", "sources"]))?;
    }
    Ok(())
}

/// Installs a cargo tool under the target directory unless one is on the path.
fn install_tool(name: &str, version: &str) -> Result<()> {
    if find_program(name)?.is_some() {
        return Ok(());
    }
    println!("ci: installing {name} {version}");
    let mut install = command(cargo())?;
    install.args([
        "install",
        "--locked",
        "--quiet",
        name,
        "--version",
        version,
        "--root",
    ]);
    run_command(install.arg(workspace::tools_dir()))
}

/// The program called `name`, as `build` makes it; next to nothing to do when it is current.
fn built(name: &str, report: &mut Report) -> Result<PathBuf> {
    build(report)?;
    let file = target_dir().join("debug").join(name);
    if !workspace::is_executable(&file) {
        bail!("the build made no program `{name}`");
    }
    Ok(file)
}

fn openapi_current(report: &mut Report) -> Result<()> {
    openapi::check_with(&built("freshtrack", report)?)
}

fn generated_clients(report: &mut Report) -> Result<()> {
    clients::check_with(&built("freshtrack", report)?)
}

fn attacked(report: &mut Report) -> Result<()> {
    let server = built("freshtrack", report)?;
    schemathesis::check_with(&server, &schemathesis::Args::default())
}

fn tidy_tree(_: &mut Report) -> Result<()> {
    tidy::run()
}

fn examples(report: &mut Report) -> Result<()> {
    for name in EXAMPLES {
        let program = built(name, report)?;
        println!("ci: example {name}");
        workspace::run_within(&mut command(program)?, EXAMPLE_LIMIT)?;
    }
    Ok(())
}

fn demo(report: &mut Report) -> Result<()> {
    let program = built("freshtrack", report)?;
    // A folder of its own: whatever the demo keeps, it starts from nothing.
    let folder = target_dir().join("ci-demo");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    let mut demo = command(program)?;
    demo.current_dir(&folder).args(["demo", "--for", DEMO.0]);
    workspace::run_within(&mut demo, DEMO.1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    thread_local! {
        static RAN: Cell<u32> = const { Cell::new(0) };
    }

    #[expect(clippy::unnecessary_wraps, reason = "the shape of a step")]
    fn passes(_: &mut Report) -> Result<()> {
        RAN.set(RAN.get() + 1);
        Ok(())
    }

    fn fails(_: &mut Report) -> Result<()> {
        bail!("broken on purpose")
    }

    const TWO: &[Step] = &[
        Step {
            name: "good",
            what: "",
            run: passes,
        },
        Step {
            name: "bad",
            what: "",
            run: fails,
        },
        Step {
            name: "after",
            what: "",
            run: passes,
        },
    ];

    #[test]
    fn the_first_failing_step_ends_the_run_and_is_named() {
        let error = run_steps(&chosen(TWO, &[]).unwrap()).unwrap_err();
        assert_eq!(format!("{error:#}"), "step `bad` failed: broken on purpose");
        assert_eq!(RAN.get(), 1, "nothing runs after a failure");
    }

    #[test]
    fn only_the_named_steps_run_and_an_unknown_name_is_refused() {
        let only = ["after".to_owned(), "good".to_owned()];
        run_steps(&chosen(TWO, &only).unwrap()).unwrap();
        assert_eq!(RAN.get(), 2);
        assert!(chosen(TWO, &["typo".to_owned()]).is_err());
    }

    #[test]
    fn step_names_are_unique() {
        let mut names: Vec<_> = STEPS.iter().map(|step| step.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), STEPS.len());
    }

    #[test]
    fn the_closing_line_is_found_and_a_failure_is_not_hidden_by_it() {
        let mut shell = Command::new("sh");
        shell.args(["-c", "echo '  Summary [ 1s] 3 tests run: 3 passed' >&2"]);
        let found = run_and_find(&mut shell, "Summary [").unwrap().unwrap();
        assert!(found.ends_with("3 passed"));
        let mut shell = Command::new("sh");
        shell.args([
            "-c",
            "echo 'Summary [ 1s] 3 tests run: 2 passed' >&2; exit 100",
        ]);
        assert!(run_and_find(&mut shell, "Summary [").is_err());
    }
}
