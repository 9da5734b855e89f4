//! `demo`: passes in its time, and leaves nothing behind when it is stopped.

use crate::program::{end_of, freshtrack, signal, spawn};
use std::path::Path;
use std::time::{Duration, Instant};

fn left_behind(folder: &Path) -> Vec<String> {
    std::fs::read_dir(folder)
        .expect("a folder")
        .filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned()))
        .filter(|name| name.starts_with("freshtrack-demo-"))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_the_demo_passes_within_its_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = freshtrack(folder.path());
    command
        .args(["demo", "--for", "12s"])
        .env("TMPDIR", folder.path());
    let began = Instant::now();
    let ended = end_of(&mut command).await;
    let took = began.elapsed();
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    assert!(
        ended.stdout.trim_end().ends_with("PASSED"),
        "{}",
        ended.stdout
    );
    // Its time, and as much again for a machine that is busy with other tests.
    assert!(took < Duration::from_secs(24), "{took:?}");
    assert_eq!(left_behind(folder.path()), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_ctrl_c_ends_the_demo_with_130_and_leaves_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = freshtrack(folder.path());
    command
        .args(["demo", "--for", "60s"])
        .env("TMPDIR", folder.path());
    let mut child = spawn(&mut command, &folder.path().join("demo.log"));
    for _ in 0..100 {
        if !left_behind(folder.path()).is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(
        left_behind(folder.path()).len(),
        1,
        "the demo works in a folder of its own"
    );
    let asked = Instant::now();
    signal(child.id().expect("it runs"), "INT");
    let status = tokio::time::timeout(Duration::from_secs(20), child.wait()).await;
    let status = status.expect("it ends").expect("its end can be waited for");
    assert_eq!(status.code(), Some(130));
    assert!(
        asked.elapsed() < Duration::from_secs(5),
        "{:?}",
        asked.elapsed()
    );
    assert_eq!(left_behind(folder.path()), Vec::<String>::new());
}
