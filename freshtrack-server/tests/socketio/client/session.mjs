// A session: acknowledgement, rooms, answers, batches, and every way to ask wrongly (RT-1, 2, 8, 9, 22).
import { api, assert, connected, event, pause, reading, scenario, until, world } from "./world.mjs";

const foreign = "00000000-0000-4000-8000-000000000001";

async function transports() {
  for (const query of ["EIO=4&transport=polling", "EIO=4"]) {
    const response = await fetch(`${world.url}/socket.io/?${query}`);
    assert.equal(response.status, 400);
    assert.equal(await response.text(), '{"code":0,"message":"Transport unknown"}');
  }
  const response = await fetch(`${world.url}/socket.io/?EIO=9&transport=websocket`);
  assert.equal(response.status, 400);
}

async function rooms(socket) {
  for (const entity of ["site", "unit"]) {
    const id = world[`${entity}_id`];
    assert.deepEqual(await socket.emitWithAck(`subscribe:${entity}`, id), { ok: true });
    assert.deepEqual(await socket.emitWithAck(`subscribe:${entity}`, id), { ok: true });
    for (const wrong of [foreign, "no id"]) {
      const denied = await socket.emitWithAck(`subscribe:${entity}`, wrong);
      assert.deepEqual(denied, { ok: false, code: "access_denied", message: "Access denied" });
      const told = await event(socket, "subscription:error", (e) => e.entityId === wrong && e.entity === entity);
      assert.deepEqual(told, { entity, entityId: wrong, message: "Access denied", code: "access_denied" });
    }
  }
  const other = await socket.emitWithAck("subscribe:organization", foreign);
  assert.equal(other.code, "access_denied");
}

async function wrongs(socket) {
  const before = socket.id;
  socket.emit("ping");
  socket.emit("get:latest");
  socket.emit("get:latest", { a: [1, { b: null }] });
  socket.emit("subscribe:site");
  socket.emit("subscribe:unit", 7, "more", [1]);
  socket.emit("subscribe:unit", Buffer.from([1, 2, 3]));
  socket.emit("no:such:event", "x");
  assert.equal(await socket.emitWithAck("get:latest", foreign), null);
  assert.equal(await socket.emitWithAck("get:latest", 7), null);
  assert.equal(await socket.emitWithAck("get:latest"), null);
  await event(socket, "error", (e) => e.code === "unknown_event" && e.event === "no:such:event");
  const time = await socket.emitWithAck("ping");
  assert.ok(Math.abs(time - Date.now()) < 5_000, `server time ${time}`);
  assert.equal(socket.id, before, "the connection did not survive");
  assert.deepEqual(socket.ends, []);
}

async function batches(socket) {
  const sent = Date.now();
  const recorded = await reading(3.21);
  const batch = await event(socket, "sensor:readings:batch");
  assert.ok(Date.now() - sent < 2_500, "a batch took longer than its window");
  assert.equal(batch.unitId, world.unit_id);
  assert.equal(batch.siteId, world.site_id);
  assert.equal(batch.count, 1);
  const [one] = batch.readings;
  assert.equal(new Date(one.recordedAt).getTime(), new Date(recorded).getTime());
  assert.equal(one.timestamp, one.recordedAt);
  assert.ok(Number.isInteger(batch.seq) && Number.isInteger(batch.seqFrom));
  const latest = await socket.emitWithAck("get:latest", world.unit_id);
  assert.equal(latest.id, one.id);
  await pause(1_500);
  const batches = socket.seen.filter((e) => e.name === "sensor:readings:batch");
  assert.equal(batches.length, 1, "in three rooms, received more than once");
}

async function leaving(socket) {
  const { socket: elsewhere } = await connected({ token: world.owner_token });
  const area = await api("POST", `/organizations/${world.organization_id}/areas`, { site_id: await secondSite(), name: "Second" });
  const unit = await api("POST", `/organizations/${world.organization_id}/units`, { area_id: area.id, name: "Other", unit_type: "fridge" });
  for (const name of ["organization", "unit"]) {
    assert.deepEqual(await socket.emitWithAck(`unsubscribe:${name}`, world[`${name}_id`]), { ok: true });
  }
  // The later command wins, whatever the first one had to look up.
  socket.emit("subscribe:unit", unit.id);
  assert.deepEqual(await socket.emitWithAck("unsubscribe:unit", unit.id), { ok: true });
  socket.seen.length = 0;
  await reading(3.3, 0, unit.id);
  await reading(3.4);
  await event(socket, "sensor:readings:batch", (b) => b.unitId === world.unit_id);
  await event(elsewhere, "sensor:readings:batch", (b) => b.unitId === unit.id);
  await pause(300);
  assert.ok(!socket.seen.some((e) => e.payload.unitId === unit.id), "a site's client received another site's unit");
}

async function secondSite() {
  const site = await api("POST", `/organizations/${world.organization_id}/sites`, { name: "Second" });
  return site.id;
}

await scenario(async () => {
  await transports();
  const { socket, ack } = await connected({ token: world.owner_token, unknown: [1, 2] });
  assert.equal(ack.socketId, socket.id);
  assert.equal(ack.organizationId, world.organization_id);
  assert.equal(ack.role, "owner");
  assert.match(ack.timestamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  for (const field of ["seq", "epoch", "serverTime", "temperatureUnit"]) assert.ok(field in ack, field);
  const { socket: machine, ack: known } = await connected({ token: world.read_key });
  assert.equal(known.role, "viewer");
  machine.disconnect();
  await rooms(socket);
  await wrongs(socket);
  await batches(socket);
  await leaving(socket);
  await until("still connected", () => socket.connected);
});
