//! Hostile scripts H1 to H28: contained, and the next decode succeeds.

use crate::js::{class, data, decode};
use freshtrack_ttn::codec::FailureClass::{
    self, BadOutput, Deadline, Memory, NoEntryPoint, ScriptErrors, Stack, Syntax, Threw, TooLarge,
    WorkBudget,
};
use freshtrack_ttn::codec::js::ScriptCodec;
use serde_json::json;
use std::time::{Duration, Instant};

/// An unoptimised engine on a shared machine is far from the 150 ms of a release build.
const CONTAINED: Duration = Duration::from_millis(if cfg!(debug_assertions) { 2_000 } else { 150 });
const GOOD: &str = "function decodeUplink(i) { return {data: {n: i.bytes.length}} }";

/// Runs a hostile script, checks its class and its time, and that a good one still works.
#[track_caller]
fn contained(source: &str, allowed: &[FailureClass]) {
    let started = Instant::now();
    let failure = class(source);
    let took = started.elapsed();
    assert!(
        allowed.contains(&failure),
        "{failure:?} is not one of {allowed:?}"
    );
    assert!(took <= CONTAINED, "took {took:?}");
    assert_eq!(data(GOOD), json!({"n": 3}), "the next decode");
}

/// The same, with the statements inside `decodeUplink`.
#[track_caller]
fn inside(body: &str, allowed: &[FailureClass]) {
    contained(
        &format!("function decodeUplink(input) {{ {body} }}"),
        allowed,
    );
}

const TIME: &[FailureClass] = &[WorkBudget, Deadline];
const SPACE: &[FailureClass] = &[Memory];
const EITHER: &[FailureClass] = &[WorkBudget, Deadline, Memory];

#[test]
fn h01_endless_loop() {
    inside("while (true) {}", TIME);
}

#[test]
fn h02_endless_loop_that_swallows_its_interruption() {
    inside(
        "function again() { try { while (true) {} } catch (e) { again() } finally { again() } } again()",
        TIME,
    );
}

#[test]
fn h03_arrays_for_ever() {
    inside(
        "var a = []; while (true) { a = [a, a, new Array(64).fill(a)] }",
        EITHER,
    );
    inside("var all = []; while (true) all.push([1, 2, 3, 4])", EITHER);
}

#[test]
fn h04_string_doubling() {
    inside("var s = 'x'; while (true) s += s", &[Memory, Threw]);
}

#[test]
fn h05_repeat() {
    inside(
        "return {data: {s: 'x'.repeat(1 << 29)}}",
        &[Memory, Threw, TooLarge],
    );
}

#[test]
fn h06_filling_a_huge_array() {
    inside(
        "return {data: {n: new Array(1e8).fill(7).length}}",
        &[Memory, Threw],
    );
}

#[test]
fn h07_unbounded_recursion() {
    inside("function f() { return f() + 1 } f()", &[Stack]);
    inside("function g() { [1].map(g) } g()", &[Stack]);
}

#[test]
fn h08_exponential_expression() {
    inside("/^(a+)+$/.test('a'.repeat(32) + 'b')", TIME);
}

#[test]
fn h09_back_reference_catastrophe() {
    inside("/(x+x+)+y/.test('x'.repeat(64))", TIME);
}

#[test]
fn h10_deep_json() {
    inside("JSON.parse('['.repeat(1e5))", &[Stack, Memory, Threw]);
}

#[test]
fn h11_huge_typed_array() {
    inside("new Uint8Array(1 << 30)", &[Memory, Threw]);
}

#[test]
fn h12_endless_comparator() {
    inside("[3, 1, 2].sort(function () { while (true) {} })", TIME);
}

#[test]
fn h13_endless_getter_on_data() {
    inside("return { get data() { while (true) {} } }", TIME);
}

#[test]
fn h14_time_and_chance_are_the_same_in_every_run() {
    let source = "function decodeUplink() { return {data: {t: Date.now(), d: new Date(), s: Date(),
        r: [Math.random(), Math.random()], o: new Date().getTimezoneOffset(), l: new Date(2026, 0, 2, 3).getTime()}} }";
    let first = data(source);
    assert_eq!(first, data(source));
    assert_eq!(first["t"], 1_773_470_469_274_i64);
    assert_eq!(first["l"], 1_767_322_800_000_i64);
    assert_ne!(
        first["r"][0], first["r"][1],
        "chance still varies within a run"
    );
}

#[test]
fn h15_promises_never_run() {
    let source = "var ran = 0; function again() { ran++; Promise.resolve().then(again) }
        function decodeUplink() { Promise.resolve().then(again); return {data: {ran: ran}} }";
    assert_eq!(data(source), json!({"ran": 0}));
}

#[test]
fn h16_power_tower() {
    inside(
        "return {data: {s: (9n ** 9n ** 9n).toString()}}",
        &[BadOutput],
    );
    inside("var x = 0x3n; while (true) x *= x", &[BadOutput]);
    // other ways to a first big integer are closed too
    inside("return {data: {x: BigInt(3)}}", &[Threw]);
    inside("return {data: {x: new BigInt64Array(1)[0]}}", &[Threw]);
    inside(
        "return {data: {x: new DataView(new ArrayBuffer(8)).getBigInt64(0)}}",
        &[Threw],
    );
    assert_eq!(
        data("function decodeUplink() { var a1n = 2, n = 0x1f; return {data: {x: a1n + n}} }"),
        json!({"x": 33})
    );
}

#[test]
fn h17_no_code_from_text() {
    for attempt in [
        "eval('1')",
        "Function('return 1')()",
        "new Function('return 1')()",
        "[].constructor.constructor('return 1')()",
        "(function () {}).constructor('return 1')()",
        "(function* () {}).constructor('yield 1')().next()",
        "(async function () {}).constructor('return 1')()",
        "Object.getPrototypeOf(function () {}).constructor('return 1')()",
        "setTimeout('1')",
    ] {
        inside(&format!("return {{data: {{x: {attempt}}}}}"), &[Threw]);
    }
}

#[test]
fn h18_nothing_of_the_outside_is_there() {
    let names = [
        "require",
        "std",
        "os",
        "fetch",
        "process",
        "WebAssembly",
        "XMLHttpRequest",
        "scriptArgs",
        "SharedArrayBuffer",
        "Atomics",
        "performance",
        "setTimeout",
        "Deno",
        "global",
        "window",
        "print",
    ];
    let list = names.map(|n| format!("{n}: typeof {n}")).join(", ");
    let found = data(&format!(
        "function decodeUplink() {{ return {{data: {{{list}}}}} }}"
    ));
    for name in names {
        assert_eq!(found[name], "undefined", "{name}");
    }
    // an import is a promise that nobody keeps
    let imported = "var got = 'nothing'; function decodeUplink() { import('std').then(function (m) { got = m }, function () {});
        return {data: {got: got}} }";
    assert_eq!(data(imported), json!({"got": "nothing"}));
}

#[test]
fn h19_output_beyond_the_limits() {
    inside("return {data: {s: 'x'.repeat(65537)}}", &[TooLarge]);
    inside(
        "var d = {}; var at = d; for (var i = 0; i < 40; i++) { at.a = {}; at = at.a } return {data: d}",
        &[TooLarge],
    );
    inside(
        "var d = {}; d.self = d; return {data: d}",
        &[TooLarge, BadOutput],
    );
    inside(
        "return {data: new Proxy({}, { ownKeys: function () { while (true) {} } })}",
        TIME,
    );
    inside(
        "var n = 0; return {data: new Proxy({}, { ownKeys: function () { var k = []; while (true) k.push('k' + n++) } })}",
        EITHER,
    );
}

#[test]
fn h20_what_has_no_json_form() {
    for bad in [
        "NaN",
        "Infinity",
        "-Infinity",
        "1n",
        "Symbol('s')",
        "new Date(NaN)",
        "[1, [NaN]]",
    ] {
        inside(
            &format!("return {{data: {{a: {{b: {bad}}}}}}}"),
            &[BadOutput],
        );
    }
    let fine = data("function decodeUplink() { return {data: {z: -0, f: function () {}}} }");
    assert_eq!(fine, json!({"z": 0}));
}

#[test]
fn h21_loops_and_throws_during_serialisation() {
    inside("return {data: {get a() { while (true) {} }}}", TIME);
    inside(
        "return {data: {get a() { throw new Error('no') }}}",
        &[Threw],
    );
    // these are not called at all
    let fine = data(
        "function decodeUplink() { function loop() { while (true) {} }
        return {data: {a: 1, toJSON: loop, valueOf: loop, toString: loop}} }",
    );
    assert_eq!(fine, json!({"a": 1}));
}

#[test]
fn h22_poisoned_globals_do_not_reach_us_or_the_next_call() {
    let poison = "Object.prototype.x = 1; Array.prototype.slice = null; JSON.stringify = null; Object.keys = null;
        Array.prototype.push = null; String.prototype.slice = null; Reflect.apply = null; Number.isFinite = null;
        Array.isArray = function () { return true }; Object.defineProperty(Array.prototype, 0, {set: function () { while (true) {} }});
        function decodeUplink(i) { return {data: {n: 1, l: ['a']}, warnings: ['w']} }";
    let output = decode(poison).unwrap();
    assert_eq!(
        (output.data, output.warnings),
        (json!({"n": 1, "l": ["a"]}), vec!["w".to_owned()])
    );
    let clean = "function decodeUplink() { return {data: {x: typeof {}.x, s: typeof [].slice, j: typeof JSON.stringify}} }";
    assert_eq!(
        data(clean),
        json!({"x": "undefined", "s": "function", "j": "function"})
    );
}

#[test]
fn h23_input_is_a_copy_and_globals_do_not_live_on() {
    let source = "var calls = 0; function decodeUplink(i) { calls++; i.bytes[0] = 99; i.bytes.length = 1; return {data: {calls: calls}} }";
    assert_eq!(data(source), json!({"calls": 1}));
    assert_eq!(data(source), json!({"calls": 1}));
    assert_eq!(
        data("function decodeUplink(i) { return {data: {b: i.bytes}} }"),
        json!({"b": [1, 2, 250]})
    );
}

#[test]
fn h24_whatever_is_thrown() {
    inside("throw undefined", &[Threw]);
    // the engine, out of memory, throws the same null
    inside("throw null", &[Threw, Memory]);
    inside(
        "throw {toString: function () { while (true) {} }}",
        &[Threw],
    );
    inside("throw 'x'.repeat(1e6)", &[Threw]);
    inside("throw new Error('x'.repeat(1e6))", &[Threw]);
    inside(
        "var e = new Error(); Object.defineProperty(e, 'message', {get: function () { while (true) {} }}); throw e",
        &[Threw],
    );
    inside(
        "throw new Proxy({}, {getPrototypeOf: function () { while (true) {} }})",
        &[Threw, WorkBudget, Deadline],
    );
    let told = decode("function decodeUplink() { throw new Error('x'.repeat(1e6)) }").unwrap_err();
    assert!(
        told.messages.iter().all(|m| m.len() <= 200),
        "messages are bounded"
    );
}

#[test]
fn h25_top_level_code_is_under_the_same_limits() {
    contained("while (true) {}", TIME);
    contained(
        "var a = []; while (true) a = [a, new Array(100).fill(1)];",
        EITHER,
    );
    contained("throw new Error('top')", &[Threw]);
    contained("function f() { return f() + 1 } f()", &[Stack]);
}

#[test]
fn h26_errors_and_warnings_that_are_not_lists_of_text() {
    for list in ["errors", "warnings"] {
        inside(
            &format!("return {{data: {{}}, {list}: 'text'}}"),
            &[BadOutput],
        );
        inside(
            &format!("return {{data: {{}}, {list}: [{{}}]}}"),
            &[BadOutput],
        );
        inside(
            &format!("return {{data: {{}}, {list}: {{length: 3}}}}"),
            &[BadOutput],
        );
        inside(
            &format!("var l = new Array(1e6); return {{data: {{}}, {list}: l}}"),
            &[TooLarge],
        );
        inside(
            &format!(
                "var l = []; for (var i = 0; i < 1e6; i++) l.push('e' + i); return {{data: {{}}, {list}: l}}"
            ),
            &[TooLarge, Memory, WorkBudget, Deadline],
        );
    }
    inside("return {errors: ['one']}", &[ScriptErrors]);
}

#[test]
fn h27_waiting_async_and_generators() {
    inside(
        "Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)",
        &[Threw],
    );
    assert_eq!(
        data("async function decodeUplink() { while (true) await 1 }"),
        json!(null)
    );
    assert_eq!(
        data("function* decodeUplink() { while (true) yield 1 }"),
        json!(null)
    );
}

#[test]
fn h28_scripts_that_are_no_scripts() {
    let large = format!(
        "function decodeUplink() {{ return {{data: {{}}}} }} //{}",
        "x".repeat(129 * 1024)
    );
    contained(&large, &[TooLarge]);
    for bytes in [
        &b"function decodeUplink() { return '\xFF\xFE' }"[..],
        b"function decodeUplink() {}\0",
    ] {
        assert_eq!(ScriptCodec::new(bytes).unwrap_err().class, Syntax);
    }
    contained(
        "function decodeUplink() { return {data: {}} } /* no end",
        &[Syntax],
    );
    contained("}); while (true) {} ({", &[Syntax]);
    contained("", &[NoEntryPoint]);
}

/// The codec has one way to run a script, and it is the limited one.
#[test]
fn rl_08_formatter_scripts_run_only_in_the_limited_vm() {
    use freshtrack_ttn::codec::CodecInput;
    let codec = ScriptCodec::new(b"while (true) {}").unwrap();
    let now = "2026-03-14T06:41:09Z".parse().unwrap();
    let input = CodecInput {
        bytes: &[],
        port: None,
        received_at: now,
    };
    let classes = [
        freshtrack_ttn::codec::Codec::decode(&codec, &input)
            .unwrap_err()
            .class,
        codec.decode_downlink(&input).unwrap_err().class,
        codec
            .encode_downlink(&json!({}), None, now)
            .unwrap_err()
            .class,
    ];
    assert!(
        classes.iter().all(|class| TIME.contains(class)),
        "{classes:?}"
    );
}

#[test]
fn built_in_loops_that_never_ask_are_bounded() {
    for body in [
        "Array.prototype.indexOf.call({length: 9007199254740991}, 1)",
        "Array.prototype.fill.call({length: 9007199254740991}, 1)",
        "new Array(4294967295).lastIndexOf(1)",
        "Array.from({length: 9007199254740991})",
        "'a'.repeat(1e6).indexOf('a'.repeat(5e5) + 'b')",
        "'a'.repeat(1e6).split('a'.repeat(5e5) + 'b')",
        "var t = new Uint8Array(3e6); while (true) t.fill(1)",
        "while (true) 'x'.repeat(1e6)",
    ] {
        inside(body, &[Threw, Memory]);
    }
}

#[test]
fn memory_returns_after_every_bomb() {
    let resident = || -> Option<u64> {
        let status = std::fs::read_to_string("/proc/self/status").ok()?;
        let line = status.lines().find(|l| l.starts_with("VmRSS"))?;
        line.split_whitespace().nth(1)?.parse().ok()
    };
    let Some(before) = resident() else {
        println!("SKIP: this system does not tell a process its size");
        return;
    };
    for _ in 0..20 {
        inside("var all = []; while (true) all.push([1, 2, 3, 4])", EITHER);
    }
    let grown = resident().unwrap().saturating_sub(before);
    assert!(grown < 32 * 1024, "grew by {grown} kB");
    assert!(SPACE.contains(&Memory));
}
