//! One run of one script: limits, and what stopped it.

use super::super::{CodecFailure, FailureClass};
use super::failure;
use freshtrack_core::time::Timestamp;
use rquickjs::context::{EvalOptions, intrinsic};
use rquickjs::{Context, Ctx, Function, Object, Runtime, Value};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// Runs before every script and gives us the functions that call it.
const PRELUDE: &str = include_str!("prelude.js");

/// Asked in the script's own scope, where `const decodeUplink = …` is visible too.
const ENTRY_POINTS: [&str; 5] = [
    "decodeUplink",
    "normalizeUplink",
    "Decoder",
    "encodeDownlink",
    "decodeDownlink",
];

/// What the language offers a formatter: no `performance`, no weak references.
type Language = (
    intrinsic::Date,
    intrinsic::Eval,
    intrinsic::RegExpCompiler,
    intrinsic::RegExp,
    intrinsic::Json,
    intrinsic::Proxy,
    intrinsic::MapSet,
    intrinsic::TypedArrays,
    intrinsic::Promise,
);

/// How much a script may use.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ScriptLimits {
    /// Heap; real formatters peak below 340 kB.
    pub heap_bytes: usize,
    /// Stack.
    pub stack_bytes: usize,
    /// Interrupt callbacks; one stands for about ten thousand calls and loop turns.
    pub work: u32,
    /// Backstop for what does not call back, and for a machine too busy to work.
    pub deadline: Duration,
}

impl Default for ScriptLimits {
    fn default() -> Self {
        Self {
            heap_bytes: 4 * 1024 * 1024,
            stack_bytes: 256 * 1024,
            work: 400,
            deadline: Duration::from_millis(100),
        }
    }
}

/// Which function of the script is asked.
#[derive(Clone, Copy)]
pub(super) enum Task {
    DecodeUplink,
    EncodeDownlink,
    DecodeDownlink,
}

impl Task {
    const fn name(self) -> &'static str {
        match self {
            Self::DecodeUplink => "uplink",
            Self::EncodeDownlink => "encode",
            Self::DecodeDownlink => "decode",
        }
    }
}

/// What the limits saw; classes of failure are read from here.
#[derive(Default)]
struct Meter {
    work: AtomicU32,
    out_of_work: AtomicBool,
    out_of_time: AtomicBool,
}

/// Runs `task` of `source`; returns the JSON text the prelude wrote.
pub(super) fn execute(
    source: &str,
    task: Task,
    input: &str,
    now: Timestamp,
    limits: &ScriptLimits,
) -> Result<String, CodecFailure> {
    let (first, meter) = attempt(source, task, input, now, limits);
    let used = meter.work.load(Ordering::Relaxed);
    let late = matches!(&first, Err(failure) if failure.class == FailureClass::Deadline);
    // little work done in all that time: the machine was busy, not the script
    if late && used < limits.work / 2 && used > 0 {
        return attempt(source, task, input, now, limits).0;
    }
    first
}

fn attempt(
    source: &str,
    task: Task,
    input: &str,
    now: Timestamp,
    limits: &ScriptLimits,
) -> (Result<String, CodecFailure>, Arc<Meter>) {
    let meter = Arc::new(Meter::default());
    let result = match world(limits, &meter) {
        Ok((_runtime, context)) => {
            context.with(|ctx| script(&ctx, source, task, input, now, &meter))
        }
        Err(_) => Err(failure(
            FailureClass::Memory,
            "the sandbox could not be made",
        )),
    };
    (result, meter)
}

fn world(limits: &ScriptLimits, meter: &Arc<Meter>) -> rquickjs::Result<(Runtime, Context)> {
    let runtime = Runtime::new()?;
    runtime.set_memory_limit(limits.heap_bytes);
    runtime.set_max_stack_size(limits.stack_bytes);
    let watched = Arc::clone(meter);
    let (work, deadline, started) = (limits.work, limits.deadline, Instant::now());
    runtime.set_interrupt_handler(Some(Box::new(move || {
        let used = watched.work.fetch_add(1, Ordering::Relaxed) + 1;
        let out_of_work = used > work;
        let out_of_time = started.elapsed() > deadline;
        watched.out_of_work.fetch_or(out_of_work, Ordering::Relaxed);
        watched.out_of_time.fetch_or(out_of_time, Ordering::Relaxed);
        out_of_work || out_of_time
    })));
    let context = Context::custom::<Language>(&runtime)?;
    Ok((runtime, context))
}

fn script(
    ctx: &Ctx<'_>,
    source: &str,
    task: Task,
    input: &str,
    now: Timestamp,
    meter: &Meter,
) -> Result<String, CodecFailure> {
    let started = prelude(ctx, now);
    let Ok(host) = started else {
        return Err(failure(
            FailureClass::Memory,
            "the sandbox could not be made",
        ));
    };
    let loaded: rquickjs::Result<()> = ctx.eval_with_options(source, sloppy());
    if loaded.is_err() {
        return Err(explain(ctx, &host, meter, true));
    }
    match call(ctx, &host, task, input) {
        Ok(text) => match text.as_str() {
            "!entry" => Err(failure(
                FailureClass::NoEntryPoint,
                "no such function in the script",
            )),
            "!none" => Err(failure(FailureClass::BadOutput, "no script output")),
            "!bad" => Err(failure(
                FailureClass::BadOutput,
                "the output has no JSON form",
            )),
            "!large" => Err(failure(
                FailureClass::TooLarge,
                "the output is too large or too deep",
            )),
            _ => Ok(text),
        },
        Err(_) => Err(explain(ctx, &host, meter, false)),
    }
}

fn prelude<'js>(ctx: &Ctx<'js>, now: Timestamp) -> rquickjs::Result<Object<'js>> {
    let make: Function<'js> = ctx.eval_with_options(PRELUDE, sloppy())?;
    #[expect(
        clippy::cast_precision_loss,
        reason = "milliseconds of the years 1 to 9999 fit 53 bits"
    )]
    let milliseconds = now.as_micros().div_euclid(1_000) as f64;
    make.call((milliseconds,))
}

fn call<'js>(
    ctx: &Ctx<'js>,
    host: &Object<'js>,
    task: Task,
    input: &str,
) -> rquickjs::Result<String> {
    let run: Function<'_> = host.get("run")?;
    let mut found = Vec::with_capacity(ENTRY_POINTS.len());
    for name in ENTRY_POINTS {
        let question = format!("typeof {name} === 'function' ? {name} : undefined");
        let function: Value<'_> = ctx.eval_with_options(question, sloppy())?;
        found.push(function);
    }
    let [decode, normalize, decoder, encode, downlink] = &found[..] else {
        return Err(rquickjs::Error::Unknown);
    };
    run.call((
        task.name(),
        input,
        decode,
        normalize,
        decoder,
        encode,
        downlink,
    ))
}

/// The class of a failure: by the limits first, then by what the engine threw.
fn explain<'js>(ctx: &Ctx<'js>, host: &Object<'js>, meter: &Meter, loading: bool) -> CodecFailure {
    let thrown = ctx.catch();
    if meter.out_of_work.load(Ordering::Relaxed) {
        return failure(FailureClass::WorkBudget, "the script used up its work");
    }
    if meter.out_of_time.load(Ordering::Relaxed) {
        return failure(FailureClass::Deadline, "the script used up its time");
    }
    let said = host
        .get::<_, Function<'_>>("explain")
        .and_then(|f| f.call::<_, String>((thrown,)));
    let Ok(said) = said else {
        // the thrown value defends itself, or nothing is left to look at it with
        let class = match (
            meter.out_of_work.load(Ordering::Relaxed),
            meter.out_of_time.load(Ordering::Relaxed),
        ) {
            (true, _) => FailureClass::WorkBudget,
            (false, true) => FailureClass::Deadline,
            (false, false) => FailureClass::Threw,
        };
        return failure(class, "the script threw something unreadable");
    };
    match said.split_once(':') {
        None if said == "memory" => failure(FailureClass::Memory, "the script used up its memory"),
        None => failure(FailureClass::Stack, "the script used up its stack"),
        Some(("syntax", message)) if loading => failure(FailureClass::Syntax, message),
        Some((_, message)) => failure(FailureClass::Threw, message),
    }
}

fn sloppy() -> EvalOptions {
    let mut options = EvalOptions::default();
    options.strict = false;
    options
}
