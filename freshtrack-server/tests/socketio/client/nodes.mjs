// Two nodes over Redis that is absent at first, appears, and goes away again (RT-4, RT-6, RT-7, RT-15).
import { api, assert, connected, event, ordered, please, reading, scenario, until, world } from "./world.mjs";

const second = { url: world.second_url };
const bus = async (base) => (await (await fetch(`${base}/health/realtime`)).json()).bus;
// What was committed on the first node acts on connections of the second one within a second (RT-15).
async function authority(state) {
  const promptly = async (what, act, done) => {
    await act();
    const answered = Date.now();
    await until(`${what} with Redis ${state}`, done, 3_000);
    const took = Date.now() - answered;
    assert.ok(took < 1_000, `${what} with Redis ${state} took ${took} ms`);
    console.log(`${what} with Redis ${state}: ${took} ms`);
  };
  const organization = `/organizations/${world.organization_id}`;
  const made = await api("POST", `${organization}/api-keys`, { name: "short-lived", scopes: ["read"] });
  const { socket: machine } = await connected({ token: made.key }, second);
  await promptly("key revocation", () => api("DELETE", `${organization}/api-keys/${made.api_key.id}`), () => machine.ends.length);
  assert.equal(machine.ends[0], "io server disconnect");
  assert.equal(machine.seen.at(-1).payload.reason, "key_revoked");
  await please("promote");
  const { socket: person } = await connected({ token: world.viewer_token }, second);
  const user = JSON.parse(Buffer.from(world.viewer_token.split(".")[1], "base64url")).sub;
  const members = await api("GET", `${organization}/members`);
  const member = members.items.find((m) => m.email === "viewer@kitchen.example") ?? assert.fail(`no member: ${user} ${JSON.stringify(members)}`);
  const path = `${organization}/members/${member.user_id}`;
  await promptly("role change", () => api("PATCH", path, { role: "staff" }), () => person.seen.some((e) => e.name === "auth:changed" && e.payload.role === "staff"));
  assert.deepEqual(person.ends, [], "a changed role ended the connection");
  await promptly("member removal", () => api("DELETE", path), () => person.ends.length);
  assert.equal(person.ends[0], "io server disconnect");
  assert.equal(person.seen.at(-1).payload.reason, "member_removed");
}

const health = async (base) => (await (await fetch(`${base}/health`)).json()).status;

await scenario(async () => {
  assert.equal((await bus(world.url)).status, "down");
  assert.equal(await health(world.url), "degraded");
  const here = await connected({ token: world.owner_token });
  const there = await connected({ token: world.owner_token }, second);
  await reading(3, 3600);
  await reading(15, 3000);
  await event(there.socket, "alert:triggered");
  await authority("never seen");
  await please("redis up");
  for (const base of [world.url, world.second_url]) {
    await until("the bus", async () => (await bus(base)).status === "up", 15_000);
    assert.equal(await health(base), "ok");
  }
  await reading(15, 2000);
  await event(there.socket, "alert:escalated");
  // A bus that has just come back rests from its outage first; for that long the slower look-up of rights holds.
  await new Promise((rested) => setTimeout(rested, 3_000));
  await authority("up");
  await please("redis down");
  await until("the outage", async () => (await bus(world.second_url)).status === "down", 15_000);
  await authority("gone");
  const { items } = await api("GET", `/organizations/${world.organization_id}/alerts`);
  const excursion = items.find((alert) => alert.type === "temp_excursion") ?? items[0];
  await api("POST", `/organizations/${world.organization_id}/alerts/${excursion.id}/acknowledge`, {});
  await event(there.socket, "alert:acknowledged");
  await event(here.socket, "alert:acknowledged");
  const numbers = (socket) => ordered(socket).map((e) => e.payload.seq);
  await until("the same events on both nodes", () => `${numbers(here.socket)}` === `${numbers(there.socket)}`);
  assert.deepEqual(numbers(here.socket), [...new Set(numbers(here.socket))].sort((a, b) => a - b));
  assert.deepEqual([here.socket.ends, there.socket.ends], [[], []]);
  // Back again: no restart, nothing twice, and the other node hears of it over Redis.
  await please("redis up");
  await until("the bus again", async () => (await bus(world.second_url)).status === "up", 15_000);
  await api("POST", `/organizations/${world.organization_id}/alerts/${excursion.id}/resolve`, { note: "x", corrective_action: "y" });
  await event(there.socket, "alert:resolved", (e) => e.alertId === excursion.id);
  await until("the same events again", () => `${numbers(here.socket)}` === `${numbers(there.socket)}`);
  assert.deepEqual(numbers(there.socket), [...new Set(numbers(there.socket))].sort((a, b) => a - b));
});
