// An alert from its first reading to its end, and the same through a resume (RT-11, RT-20, RT-26).
import { api, assert, connected, event, ordered, reading, scenario, world } from "./world.mjs";

await scenario(async () => {
  const { socket, ack } = await connected({ token: world.owner_token });
  await reading(3, 3600);
  for (const ago of [3000, 2400, 1800, 1200, 600, 1]) await reading(15, ago);
  const raised = await event(socket, "alert:triggered", (e) => e.alertType === "temp_excursion");
  for (const field of ["alertId", "unitId", "alertType", "severity", "message", "triggeredAt", "siteId", "temperature", "temperatureUnit", "seq"]) {
    assert.ok(field in raised, field);
  }
  assert.equal(raised.unitId, world.unit_id);
  const escalated = await event(socket, "alert:escalated", (e) => e.alertId === raised.alertId, 10_000);
  assert.ok(escalated.escalationLevel >= 1);
  const alert = `/organizations/${world.organization_id}/alerts/${raised.alertId}`;
  await api("POST", `${alert}/acknowledge`, { note: "on my way" });
  const taken = await event(socket, "alert:acknowledged", (e) => e.alertId === raised.alertId);
  assert.equal(taken.acknowledgedBy, world.owner_id);
  await api("POST", `${alert}/resolve`, { note: "door closed", corrective_action: "closed the door" });
  const ended = await event(socket, "alert:resolved", (e) => e.alertId === raised.alertId);
  assert.equal(ended.kind, "manual");
  const live = ordered(socket);
  const numbers = live.map((e) => e.payload.seq);
  assert.deepEqual(numbers, [...new Set(numbers)].sort((a, b) => a - b), "out of order or twice");
  for (const { name, payload } of live) {
    if (name === "unit:state:changed") assert.notEqual(payload.previousState, payload.newState);
  }
  // Who was away for all of it gets the same events in the same order.
  const { socket: late } = await connected({ token: world.owner_token, lastSeq: ack.seq || 1, epoch: ack.epoch });
  await event(late, "resume:complete");
  const missed = ordered(late).filter((e) => e.payload.seq > (ack.seq || 1) && e.name !== "resume:complete");
  assert.ok(missed.every((e) => e.payload.replayed === true));
  const plain = ({ name, payload: { replayed, ...rest } }) => ({ name, rest });
  assert.deepEqual(missed.map(plain), live.filter((e) => e.payload.seq > (ack.seq || 1)).map(plain));
  // Zero asks for a picture.
  const { socket: fresh } = await connected({ token: world.owner_token, lastSeq: 0 });
  const picture = await event(fresh, "resync");
  assert.equal(picture.reason, "too_old");
  assert.ok(picture.snapshot.units.some((unit) => unit.unitId === world.unit_id));
});
