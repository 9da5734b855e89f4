// The bounds a well-meant client can reach, and organizations of one person (RT-18, RT-21).
import { assert, connected, event, open, reading, scenario, until, world } from "./world.mjs";

async function tooMany() {
  const sockets = [];
  for (let n = 0; n < 20; n++) sockets.push((await connected({ token: world.viewer_token })).socket);
  const surplus = open({ token: world.viewer_token }, { reconnection: false });
  let words;
  surplus.on("connect_error", (error) => (words = error.message));
  await until("a refusal", () => words);
  assert.equal(words, "Too many connections");
  assert.ok(sockets.every((socket) => socket.connected));
  for (const socket of sockets) socket.disconnect();
  await until("a free place", async () => {
    const again = open({ token: world.viewer_token }, { reconnection: false });
    return until("an answer", () => again.seen.length, 500).catch(() => false);
  });
}

async function organizations() {
  const { ack } = await connected({ token: world.owner_token });
  assert.equal(ack.organizationId, world.organization_id, "not the oldest membership");
  const other = world.neighbour;
  const { socket: second, ack: named } = await connected({ token: world.owner_token, organizationId: other.organization_id });
  assert.equal(named.organizationId, other.organization_id);
  const { socket: first } = await connected({ token: world.owner_token, organizationId: world.organization_id });
  await reading(3);
  await event(first, "sensor:readings:batch");
  assert.ok(!second.seen.some((e) => e.name === "sensor:readings:batch"), "the other organization heard it");
  // A number without a name may belong to either: the whole picture, not somebody's replay.
  const unnamed = open({ token: world.owner_token, lastSeq: 1 });
  const resync = await event(unnamed, "resync");
  assert.equal(resync.reason, "other_organization");
}

async function resyncs() {
  const base = { token: world.owner_token, organizationId: world.organization_id };
  for (const [more, reason] of [
    [{ lastSeq: 0 }, "too_old"],
    [{ lastSeq: 1_000_000 }, "reset"],
    [{ lastSeq: 1, epoch: "another" }, "reset"],
  ]) {
    const { socket, ack } = await connected({ ...base, ...more });
    assert.equal(ack.seq, 0);
    const told = await event(socket, "resync", (e) => e.part === e.parts);
    assert.equal(told.reason, reason);
    assert.ok(told.snapshot.units.some((unit) => unit.unitId === world.unit_id));
    assert.ok(Number.isInteger(told.seq));
  }
  for (const lastSeq of [-1, 1.5, "7", 2 ** 54]) {
    const { socket } = await connected({ ...base, lastSeq });
    await event(socket, "error", (e) => e.code === "invalid_argument");
    assert.ok(!socket.seen.some((e) => e.name === "resync"));
  }
}

await scenario(async () => {
  await tooMany();
  await organizations();
  await resyncs();
});
