//! Scripts in the sandbox: formatter semantics.

use freshtrack_ttn::codec::js::ScriptCodec;
use freshtrack_ttn::codec::{Codec, CodecFailure, CodecInput, CodecOutput, FailureClass};
use serde_json::{Value, json};

pub(crate) fn decode(source: &str) -> Result<CodecOutput, CodecFailure> {
    let received_at = "2026-03-14T06:41:09.274Z".parse().unwrap();
    let input = CodecInput {
        bytes: &[1, 2, 250],
        port: Some(7),
        received_at,
    };
    ScriptCodec::new(source.as_bytes())?.decode(&input)
}

pub(crate) fn class(source: &str) -> FailureClass {
    match decode(source) {
        Ok(output) => panic!("expected a failure, got {output:?}"),
        Err(failure) => failure.class,
    }
}

pub(crate) fn data(source: &str) -> Value {
    decode(source).unwrap().data
}

#[test]
fn the_input_is_bytes_port_and_time() {
    let source = "function decodeUplink(input) { return { data: {
        bytes: input.bytes, port: input.fPort, time: input.recvTime, year: input.recvTime.getFullYear(),
        array: Array.isArray(input.bytes) }, warnings: ['w'] } }";
    let output = decode(source).unwrap();
    assert_eq!(
        output.data,
        json!({"bytes": [1, 2, 250], "port": 7,
        "time": "2026-03-14T06:41:09.274Z", "year": 2026, "array": true})
    );
    assert_eq!(output.warnings, ["w"]);
}

#[test]
fn scripts_are_sloppy_and_their_functions_may_be_constants() {
    assert_eq!(
        data("decodeUplink = function (i) { x = i.bytes[0]; return {data: {x: x}} }"),
        json!({"x": 1})
    );
    assert_eq!(
        data("const decodeUplink = (i) => ({data: {o: 010}})"),
        json!({"o": 8})
    );
    let annex_b = "function decodeUplink(i) { with ({a: 1}) { return {data: {a: a, s: 'abc'.substr(1, 1), e: escape('ä')}} } }";
    assert_eq!(data(annex_b), json!({"a": 1, "s": "b", "e": "%E4"}));
}

#[test]
fn the_old_entry_point_gets_bytes_and_port() {
    assert_eq!(
        data("function Decoder(bytes, port) { return {sum: bytes[0] + port} }"),
        json!({"sum": 8})
    );
    assert_eq!(class("function other() {}"), FailureClass::NoEntryPoint);
    assert_eq!(class("var decodeUplink = 3"), FailureClass::NoEntryPoint);
}

#[test]
fn a_normalizer_gets_the_data_and_may_return_one_many_or_none() {
    let with = |body: &str| {
        decode(&format!(
            "function decodeUplink(i) {{ return {{data: {{t: 3.5}}}} }} function normalizeUplink(i) {{ {body} }}"
        ))
    };
    let one = with("return {data: {air: {temperature: i.data.t}}, warnings: ['n']}").unwrap();
    assert_eq!(one.normalized, [json!({"air": {"temperature": 3.5}})]);
    assert_eq!(one.warnings, ["n"]);
    assert_eq!(
        with("return {data: [{battery: 3}, {}]}")
            .unwrap()
            .normalized
            .len(),
        2
    );
    assert_eq!(with("return {data: null}").unwrap().normalized.len(), 0);
    assert_eq!(with("return null").unwrap().normalized.len(), 0);
    let failed = with("return {errors: ['no air']}").unwrap_err();
    assert_eq!(
        (failed.class, failed.messages),
        (FailureClass::ScriptErrors, vec!["no air".to_owned()])
    );
}

#[test]
fn errors_fail_and_nothing_is_no_output() {
    let failed =
        decode("function decodeUplink() { return {data: {a: 1}, errors: ['unknown FPort']} }")
            .unwrap_err();
    assert_eq!(
        (failed.class, failed.messages),
        (FailureClass::ScriptErrors, vec!["unknown FPort".to_owned()])
    );
    assert_eq!(
        data("function decodeUplink() { return {data: {a: 1}, errors: []} }"),
        json!({"a": 1})
    );
    assert_eq!(class("function decodeUplink() {}"), FailureClass::BadOutput);
    assert_eq!(
        class("function decodeUplink() { return 3 }"),
        FailureClass::BadOutput
    );
    assert_eq!(
        class("function decodeUplink() { return {data: [1]} }"),
        FailureClass::BadOutput
    );
    assert_eq!(
        class("function decodeUplink() { throw new Error('x') }"),
        FailureClass::Threw
    );
    assert_eq!(class("function decodeUplink( {"), FailureClass::Syntax);
    let told = decode("function decodeUplink() { throw new Error('x') }").unwrap_err();
    assert_eq!(told.messages, ["x"]);
}

#[test]
fn values_become_json_as_the_network_makes_it() {
    let source = "function decodeUplink() { return {data: {u: undefined, n: null, d: new Date(0), z: -0,
        f: function () {}, big: 1e21, s: 'ä\\u0000\\\"', t: new Uint8Array([1, 2]), nested: {a: [undefined]}}} }";
    assert_eq!(
        data(source),
        json!({"u": null, "n": null, "d": "1970-01-01T00:00:00.000Z", "z": 0,
        "big": 1e21, "s": "ä\u{0}\"", "t": [1, 2], "nested": {"a": [null]}})
    );
}

#[test]
fn variables_reach_the_script() {
    let received_at = "2026-03-14T06:41:09Z".parse().unwrap();
    let codec =
        ScriptCodec::new(b"function decodeUplink(i) { return {data: {v: i.variables.offset}} }")
            .unwrap()
            .with_variables(json!({"offset": "1.5"}));
    let output = codec
        .decode(&CodecInput {
            bytes: &[],
            port: None,
            received_at,
        })
        .unwrap();
    assert_eq!(output.data, json!({"v": "1.5"}));
}

#[test]
fn downlinks_are_encoded_and_decoded() {
    let now = "2026-03-14T06:41:09Z".parse().unwrap();
    let codec = |body: &str| ScriptCodec::new(body.as_bytes()).unwrap();
    let own = codec(
        "function encodeDownlink(i) { return {bytes: [i.data.a, 255], fPort: 9, warnings: ['w']} }",
    );
    let sent = own.encode_downlink(&json!({"a": 5}), Some(3), now).unwrap();
    assert_eq!(
        (sent.bytes, sent.port, sent.warnings),
        (vec![5, 255], 9, vec!["w".to_owned()])
    );
    let plain = codec("function encodeDownlink(i) { return {bytes: []} }");
    assert_eq!(
        plain
            .encode_downlink(&json!({}), Some(3), now)
            .unwrap()
            .port,
        3
    );
    assert_eq!(
        plain.encode_downlink(&json!({}), None, now).unwrap().port,
        1
    );
    let wrong = codec("function encodeDownlink(i) { return {bytes: [256]} }");
    assert_eq!(
        wrong
            .encode_downlink(&json!({}), None, now)
            .unwrap_err()
            .class,
        FailureClass::BadOutput
    );
    let back = codec("function decodeDownlink(i) { return {data: {p: i.fPort, b: i.bytes}} }");
    let input = CodecInput {
        bytes: &[4],
        port: Some(2),
        received_at: now,
    };
    assert_eq!(
        back.decode_downlink(&input).unwrap().data,
        json!({"p": 2, "b": [4]})
    );
    assert_eq!(
        back.encode_downlink(&json!({}), None, now)
            .unwrap_err()
            .class,
        FailureClass::NoEntryPoint
    );
}

#[test]
fn data_that_fits_the_normalised_schema_entirely_is_normalised() {
    let fits =
        decode("function decodeUplink() { return {data: {air: {temperature: 3.5}, battery: 3}} }")
            .unwrap();
    assert_eq!(
        fits.normalized,
        [json!({"air": {"temperature": 3.5}, "battery": 3})]
    );
    let not =
        decode("function decodeUplink() { return {data: {air: {temperature: 3.5}, probe: 3}} }")
            .unwrap();
    assert_eq!(not.normalized.len(), 0);
    let own = "function decodeUplink() { return {data: {battery: 3}} } function normalizeUplink() { return {data: null} }";
    assert_eq!(
        decode(own).unwrap().normalized.len(),
        0,
        "a normalizer's word is final"
    );
}

/// Target S3: a folder `<vendor>/<codec_id>.js` outside the repository, against the shared vectors.
#[test]
fn s3_scripts_of_a_folder_give_what_the_vectors_expect() {
    #[expect(
        clippy::disallowed_methods,
        reason = "scripts and vectors lie outside the repository"
    )]
    let (scripts, vectors) = (
        std::env::var("FRESHTRACK_SCRIPTS"),
        std::env::var("FRESHTRACK_VECTORS"),
    );
    let (Ok(scripts), Ok(vectors)) = (scripts, vectors) else {
        println!("SKIP: FRESHTRACK_SCRIPTS or FRESHTRACK_VECTORS is not set");
        return;
    };
    let path = std::path::Path::new(&vectors).join("vectors/codec-vectors.json");
    let vectors: Vec<Value> = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let (mut ran, mut failures) = (0, Vec::new());
    for vector in &vectors {
        let text = |key: &str| vector[key].as_str().unwrap_or_default();
        let file = format!("{}/{}.js", text("vendor"), text("codec_id"));
        let Ok(source) = std::fs::read(std::path::Path::new(&scripts).join(&file)) else {
            continue;
        };
        ran += 1;
        let bytes = crate::native::hex(text("bytes_hex"));
        let port = vector["f_port"].as_u64().and_then(|p| u8::try_from(p).ok());
        let received_at = "2026-03-14T06:41:09Z".parse().unwrap();
        let output = ScriptCodec::new(&source).and_then(|codec| {
            codec.decode(&CodecInput {
                bytes: &bytes,
                port,
                received_at,
            })
        });
        let expected = &vector["expected_output"];
        let agrees = match &output {
            Ok(output) => same(&output.data, &expected["data"]),
            Err(failure) => {
                failure.class == FailureClass::ScriptErrors
                    && json!(failure.messages) == expected["errors"]
            }
        };
        if !agrees {
            failures.push(format!("{file} {}: {output:?}", text("bytes_hex")));
        }
    }
    println!("{ran} vectors had a script");
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// Equal at 1e-9; what is undefined may be dropped or null.
fn same(ours: &Value, expected: &Value) -> bool {
    match (ours, expected) {
        (Value::Number(a), Value::Number(b)) => {
            (a.as_f64().unwrap() - b.as_f64().unwrap()).abs() <= 1e-9
        }
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Value::Object(a), Value::Object(b)) => a.keys().chain(b.keys()).all(|k| {
            same(
                a.get(k).unwrap_or(&Value::Null),
                b.get(k).unwrap_or(&Value::Null),
            )
        }),
        (a, b) => a == b,
    }
}

#[test]
fn the_comparison_of_s3_sees_differences() {
    assert!(same(
        &json!({"a": 1.0, "n": null}),
        &json!({"a": 1.000_000_000_1})
    ));
    assert!(!same(&json!({"a": 1.0}), &json!({"a": 1.001})));
    assert!(!same(&json!({"a": [1]}), &json!({"a": [1, 2]})));
    assert!(!same(&json!({}), &json!({"a": 1})));
}
