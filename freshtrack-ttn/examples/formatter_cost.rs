//! How long one formatter call takes, fresh sandbox included: `cargo run --release --features js-codecs
//! --example formatter_cost`.

#![expect(clippy::print_stdout, reason = "it prints what it measured")]

use freshtrack_ttn::codec::js::ScriptCodec;
use freshtrack_ttn::codec::{Codec, CodecInput};
use std::time::Instant;

const CALLS: usize = 500;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let script = "function decodeUplink(input) {
        var raw = input.bytes[0] << 8 | input.bytes[1];
        return { data: { temperature: (raw & 0x8000 ? raw - 0x10000 : raw) / 100, port: input.fPort } };
    }";
    let codec = ScriptCodec::new(script.as_bytes())?;
    let received_at = "2026-03-14T06:41:09Z".parse()?;
    let input = CodecInput {
        bytes: &[0xF8, 0xCB],
        port: Some(2),
        received_at,
    };
    let mut micros = Vec::with_capacity(CALLS);
    for _ in 0..CALLS {
        let started = Instant::now();
        codec.decode(&input)?;
        micros.push(started.elapsed().as_micros());
    }
    micros.sort_unstable();
    println!(
        "p50 {} µs, p99 {} µs",
        micros[CALLS / 2],
        micros[CALLS * 99 / 100]
    );
    Ok(())
}
