//! The list of problems that clients read: exactly the codes there are, as they are answered.

use freshtrack_server::http::problem::Code;

/// The rows of the table in `docs/problems.md`: status, code, meaning, what to do.
fn rows() -> Vec<[String; 4]> {
    let text = include_str!("../../../docs/problems.md");
    text.lines()
        .filter(|line| line.starts_with("| ") && line.contains('`'))
        .map(|line| {
            let cells: Vec<_> = line.trim_matches('|').split('|').map(str::trim).collect();
            let cells: [&str; 4] = cells
                .try_into()
                .unwrap_or_else(|_| panic!("not four cells: {line}"));
            cells.map(ToOwned::to_owned)
        })
        .collect()
}

#[test]
fn the_documentation_lists_exactly_the_codes_there_are() {
    let documented: Vec<_> = rows()
        .into_iter()
        .map(|[status, code, meaning, _]| (status, code, meaning))
        .collect();
    let real: Vec<_> = Code::ALL
        .iter()
        .map(|code| {
            (
                code.status().to_string(),
                format!("`{}`", code.as_str()),
                format!("{}.", code.title()),
            )
        })
        .collect();
    assert_eq!(documented, real);
}

#[test]
fn each_line_says_what_to_do() {
    for [_, code, _, advice] in rows() {
        assert!(
            advice.len() > 15 && advice.ends_with('.'),
            "{code}: {advice}"
        );
    }
}

#[test]
fn no_two_codes_are_the_same() {
    let codes: std::collections::BTreeSet<_> = Code::ALL.iter().map(|c| c.as_str()).collect();
    assert_eq!(codes.len(), Code::ALL.len());
}
