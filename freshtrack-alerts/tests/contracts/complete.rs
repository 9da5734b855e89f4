//! A law that stands in a suite but not in its macro would never run; one without a saboteur has never
//! been seen to fail.

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

/// A suite and the saboteurs of its port.
macro_rules! port {
    ($port:literal $(, $more:literal)*) => {
        (
            concat!(
                include_str!(concat!("../../src/testkit/", $port, ".rs")),
                $(include_str!(concat!("../../src/testkit/", $more, ".rs")),)*
            ),
            include_str!(concat!("saboteurs/", $port, ".rs")),
        )
    };
}

#[test]
fn every_law_is_run_and_has_a_saboteur() {
    for (suite, saboteurs) in [
        port!("monitor_store", "monitor_store/commit"),
        port!("alert_store"),
        port!("incident_store"),
        port!("reading_series"),
        port!("reading_store"),
        port!("rule_store"),
        port!("records", "records/suppressions", "records/unit_history"),
    ] {
        let (written, listed) = laws(suite);
        assert_eq!(
            written, listed,
            "the macro must list every law of its suite"
        );
        assert!(!written.is_empty(), "a suite has laws");
        for law in written {
            let caught = saboteurs.contains(&format!("    {law}: "));
            assert!(caught, "no saboteur shows that `{law}` can fail");
        }
    }
}
