// RT-5, RT-10, RT-11: across a graceful restart the official client comes back by itself and has every
// ordered event once.
import { api, assert, event, open, ordered, please, reading, scenario, until, world } from "./world.mjs";

await scenario(async () => {
  let last;
  const auth = (answer) => answer({ token: world.owner_token, organizationId: world.organization_id, lastSeq: last });
  const socket = open(auth);
  socket.onAny((name, payload) => {
    if (name === "connection:ack") last = payload.seq;
    else if (name === "resync") last = payload.seq ?? last;
    else if (Number.isInteger(payload?.seq)) last = Math.max(last, payload.seq);
  });
  await event(socket, "connection:ack");
  await reading(3, 3600);
  for (const ago of [3000, 2400, 1800]) await reading(15, ago);
  await event(socket, "alert:triggered");
  await reading(15, 1500);
  await please("stop");
  await until("the end of the transport", () => socket.ends.length === 1);
  assert.equal(socket.ends[0], "transport close");
  await event(socket, "server:draining", (e) => e.reconnectAfterMs >= 0 && e.reconnectAfterMs <= 5_000);
  const flushed = socket.seen.flatMap((e) => (e.name === "sensor:readings:batch" ? e.payload.readings : []));
  assert.equal(flushed.length, 5, "readings that were gathered at the stop were lost");
  await please("start");
  // Somebody acts before this client is back, or just after: either way it is told once.
  const { items } = await api("GET", `/organizations/${world.organization_id}/alerts`);
  await api("POST", `/organizations/${world.organization_id}/alerts/${items[0].id}/acknowledge`, {});
  await until("the return", () => socket.connected && socket.seen.filter((e) => e.name === "connection:ack").length === 2, 15_000);
  await event(socket, "alert:acknowledged", (e) => e.alertId === items[0].id);
  // RT-3: nothing of the latest readings is in memory any more, and it is known all the same.
  const latest = await socket.emitWithAck("get:latest", world.unit_id);
  assert.ok(latest && latest.unitId === world.unit_id, JSON.stringify(latest));
  await api("POST", `/organizations/${world.organization_id}/alerts/${items[0].id}/resolve`, { note: "x", corrective_action: "y" });
  await event(socket, "alert:resolved");
  const numbers = ordered(socket).filter((e) => e.name !== "resume:complete").map((e) => e.payload.seq);
  assert.deepEqual(numbers, [...new Set(numbers)].sort((a, b) => a - b), "lost, twice or out of order");
  const witness = open({ token: world.owner_token, lastSeq: 1 });
  await event(witness, "resume:complete");
  const all = ordered(witness).filter((e) => e.name !== "resume:complete").map((e) => e.payload.seq);
  assert.deepEqual(numbers, all.filter((n) => n >= numbers[0]), "the witness saw other events");
});
