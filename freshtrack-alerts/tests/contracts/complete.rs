//! A law that stands in a suite but not in its macro would never run.

/// Names of the laws a suite's source has, and of those its macro lists.
fn laws(source: &str) -> (Vec<&str>, Vec<&str>) {
    let mut written: Vec<&str> = source
        .lines()
        .filter_map(|line| line.strip_prefix("pub async fn "))
        .filter_map(|rest| rest.split_once('('))
        .map(|(name, _)| name)
        .collect();
    let (_, listed) = source.split_once("$fresh;").expect("a suite has a macro");
    let (listed, _) = listed.split_once('}').expect("a macro has an end");
    let mut listed: Vec<&str> = listed.split_whitespace().collect();
    written.sort_unstable();
    listed.sort_unstable();
    (written, listed)
}

#[test]
fn every_law_is_run() {
    for source in [
        concat!(
            include_str!("../../src/testkit/monitor_store.rs"),
            include_str!("../../src/testkit/monitor_store/commit.rs"),
        ),
        include_str!("../../src/testkit/alert_store.rs"),
        include_str!("../../src/testkit/reading_store.rs"),
    ] {
        let (written, listed) = laws(source);
        assert_eq!(
            written, listed,
            "the macro must list every law of its suite"
        );
        assert!(!written.is_empty(), "a suite has laws");
    }
}
