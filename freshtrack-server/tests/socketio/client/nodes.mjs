// Two nodes over Redis that is absent at first, appears, and goes away again (RT-4, RT-6, RT-7, RT-15).
import { api, assert, connected, event, ordered, please, reading, scenario, until, world } from "./world.mjs";

const second = { url: world.second_url };
const bus = async (base) => (await (await fetch(`${base}/health/realtime`)).json()).bus;
const health = async (base) => (await (await fetch(`${base}/health`)).json()).status;

await scenario(async () => {
  assert.equal((await bus(world.url)).status, "down");
  assert.equal(await health(world.url), "degraded");
  const here = await connected({ token: world.owner_token });
  const there = await connected({ token: world.owner_token }, second);
  await reading(3, 3600);
  await reading(15, 3000);
  await event(there.socket, "alert:triggered");
  await please("redis up");
  for (const base of [world.url, world.second_url]) {
    await until("the bus", async () => (await bus(base)).status === "up", 15_000);
    assert.equal(await health(base), "ok");
  }
  await reading(15, 2000);
  await event(there.socket, "alert:escalated");
  const keys = `/organizations/${world.organization_id}/api-keys`;
  const made = await api("POST", keys, { name: "short-lived", scopes: ["read"] });
  const { socket: machine } = await connected({ token: made.key }, second);
  await please("redis down");
  await until("the outage", async () => (await bus(world.second_url)).status === "down", 15_000);
  await api("DELETE", `${keys}/${made.api_key.id}`);
  await until("the revocation on the other node", () => machine.ends.length === 1, 2_000);
  const { items } = await api("GET", `/organizations/${world.organization_id}/alerts`);
  const excursion = items.find((alert) => alert.type === "temp_excursion") ?? items[0];
  await api("POST", `/organizations/${world.organization_id}/alerts/${excursion.id}/acknowledge`, {});
  await event(there.socket, "alert:acknowledged");
  await event(here.socket, "alert:acknowledged");
  const numbers = (socket) => ordered(socket).map((e) => e.payload.seq);
  await until("the same events on both nodes", () => `${numbers(here.socket)}` === `${numbers(there.socket)}`);
  assert.deepEqual(numbers(here.socket), [...new Set(numbers(here.socket))].sort((a, b) => a - b));
  assert.deepEqual([here.socket.ends, there.socket.ends], [[], []]);
});
