// What every scenario needs: the server's facts, tokens, requests, and waiting with a deadline.
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { readFileSync } from "node:fs";
import { io } from "socket.io-client";

/** Facts of the server under test, given by the Rust test. */
export const world = JSON.parse(process.argv[2]);
export { assert };

const base64url = (value) => Buffer.from(value).toString("base64url");

/** Claims of the owner's token. */
export const ownerClaims = () => JSON.parse(Buffer.from(world.owner_token.split(".")[1], "base64url"));

/** A token signed with the server's own key, or with another one. */
export function sign(claims, key = readFileSync(world.key_file), header = { alg: "HS256", typ: "JWT" }) {
  const head = base64url(JSON.stringify(header));
  const payload = base64url(typeof claims === "string" ? claims : JSON.stringify(claims));
  const signature = createHmac("sha256", key).update(`${head}.${payload}`).digest("base64url");
  return `${head}.${payload}.${signature}`;
}

/** A token of the owner that ends in so many seconds. */
export function ownerToken(seconds) {
  return sign({ ...ownerClaims(), exp: Math.floor(Date.now() / 1000) + seconds });
}

const sockets = [];

const isOrdered = (name) => /^(alert|unit|entity):/.test(name);

/**
 * Faults that a server could have, made on the way in, so that each scenario can be seen to notice: the
 * Rust tests play them and expect a failure. Each gets the packet and what would have happened.
 */
const saboteurs = {
  /** Ordered events arrive twice (RT-5, RT-8, RT-11). */
  twice: { event: ([name], pass) => (pass(), isOrdered(name) && pass()) },
  /** The first client never hears of the second ordered event (RT-12, RT-24). */
  forgets: { event: ([name], pass, socket) => (socket === sockets[0] && isOrdered(name) && (socket.count = (socket.count ?? 0) + 1) === 2 ? undefined : pass()) },
  /** Ordered events change places (RT-11). */
  reorders: {
    event([name], pass, socket) {
      if (!isOrdered(name)) return pass();
      const held = socket.held;
      socket.held = held ? undefined : pass;
      if (held) pass(), held();
    },
  },
  /** Readings come without the time they were taken (RT-1). */
  timeless: { event: ([, payload], pass) => (payload?.readings?.forEach((one) => delete one.recordedAt), pass()) },
  /** A change of state names the same group twice (RT-26). */
  equal: { event: ([name, payload], pass) => (name === "unit:state:changed" && (payload.newState = payload.previousState), pass()) },
  /** Answers do not come (RT-2). */
  mute: { ack: () => {} },
  /** Refusals have other words (RT-21). */
  words: { refusal: (error) => (error.message += ".") },
  /** A revocation acts after more than a second (RT-15). */
  late: { end: (_, pass) => setTimeout(pass, 1_200) },
  /** The end of a token is final (RT-16). */
  final: { event: ([name], pass, socket) => (pass(), name === "auth:expired" && socket.disconnect()) },
};

/** Lets packets of a client pass through the saboteur, if there is one. */
function sabotage(socket) {
  const how = saboteurs[process.env.SABOTAGE];
  const wrap = (method, spoil, of = (packet) => packet) => {
    if (!spoil) return;
    const real = socket[method].bind(socket);
    socket[method] = (packet) => spoil(of(packet), () => real(packet), socket);
  };
  wrap("onevent", how?.event, (packet) => packet.data);
  wrap("onack", how?.ack);
  wrap("ondisconnect", how?.end);
  if (how?.refusal) {
    const real = socket.emitReserved.bind(socket);
    socket.emitReserved = (name, ...more) => (name === "connect_error" && how.refusal(...more), real(name, ...more));
  }
}

/** The official client, as browsers use it; remembers every event in `socket.seen`. */
export function open(auth, options = {}) {
  const { url = world.url, ...more } = options;
  const socket = io(url, {
    transports: ["websocket"],
    forceNew: true,
    reconnectionDelay: 100,
    reconnectionDelayMax: 500,
    ackTimeout: 10_000,
    auth,
    ...more,
  });
  sabotage(socket);
  socket.seen = [];
  socket.ends = [];
  socket.onAny((name, payload) => socket.seen.push({ name, payload, at: Date.now() }));
  socket.on("disconnect", (reason) => socket.ends.push(reason));
  sockets.push(socket);
  return socket;
}

/** Waits until `look` answers something, or fails. */
export async function until(what, look, ms = 5_000) {
  const deadline = Date.now() + ms;
  for (;;) {
    const found = await look();
    if (found) return found;
    if (Date.now() > deadline) throw new Error(`waited ${ms} ms in vain for: ${what}`);
    await new Promise((resume) => setTimeout(resume, 10));
  }
}

export const pause = (ms) => new Promise((resume) => setTimeout(resume, ms));

/** The first event of this name that fits. */
export function event(socket, name, fits = () => true, ms = 5_000) {
  return until(name, () => socket.seen.find((e) => e.name === name && fits(e.payload)), ms).then((e) => e.payload);
}

/** A connection that has been acknowledged. */
export async function connected(auth, options) {
  const socket = open(auth, options);
  socket.on("connect_error", (error) => console.error(`connect_error: ${error.message}`));
  const ack = await event(socket, "connection:ack");
  return { socket, ack };
}

/** A request to the HTTP API. */
export async function api(method, path, body, headers = { authorization: `Bearer ${world.owner_token}` }) {
  const response = await fetch(`${world.url}/api/v1${path}`, {
    method,
    headers: { "content-type": "application/json", ...headers },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const text = await response.text();
  assert.ok(response.ok, `${method} ${path} answered ${response.status}: ${text}`);
  return text ? JSON.parse(text) : null;
}

/** One reading of a unit, so many seconds ago. */
export async function reading(celsius, secondsAgo = 0, unit = world.unit_id) {
  const recorded_at = new Date(Date.now() - secondsAgo * 1000).toISOString();
  const body = { readings: [{ unit_id: unit, recorded_at, temperature: String(celsius) }] };
  const answer = await api("POST", "/ingest/readings", body, { "x-api-key": world.api_key });
  assert.equal(answer.counts.accepted, 1, JSON.stringify(answer));
  return recorded_at;
}

/** Numbers of the ordered events, as a client remembers them. */
export const ordered = (socket) =>
  socket.seen.filter((e) => Number.isInteger(e.payload?.seq) && !/^(connection:ack|resync|sensor:readings:batch)$/.test(e.name));

/** Runs a scenario; its failure is the exit code. */
export async function scenario(run) {
  try {
    await run();
    console.log("PASSED");
  } catch (error) {
    console.error(error.stack ?? error);
    for (const socket of sockets) console.error(JSON.stringify(socket.seen.slice(-20)), socket.ends);
    process.exitCode = 1;
    // Whatever a failed scenario left open must not keep it alive.
    setTimeout(() => process.exit(1), 2_000).unref();
  } finally {
    for (const socket of sockets) socket.disconnect();
    process.stdin.destroy();
  }
}

/** Asks the Rust test for something and waits until it is done. */
export async function please(what) {
  console.log(`PLEASE ${what}`);
  await new Promise((resume) => process.stdin.once("data", resume));
}
