// What examples/live-client promises, compiled strictly and run against a server that comes and goes.
import { api, assert, ownerToken, pause, please, reading, scenario, until, world } from "./world.mjs";
import { Cache } from "./built/cache.js";
import { Live } from "./built/live.js";

function page() {
  const seen = { tokens: 0, colours: [], errors: [], toasts: [], alerts: 0, refetched: 0 };
  let tokens = [];
  return {
    seen,
    nextTokens: (...next) => (tokens = next),
    async token() {
      seen.tokens++;
      const next = tokens.shift() ?? ownerToken(3_600);
      if (next === "fail") throw new Error("no token");
      return next;
    },
    indicator(colour, error) {
      seen.colours.push(colour);
      seen.errors.push(error);
    },
    toast: (toast) => seen.toasts.push(toast),
    alertsChanged: () => seen.alerts++,
    refetch: () => seen.refetched++,
  };
}

const last = (list) => list.at(-1);

async function session() {
  const mine = page();
  const live = new Live(world.url, world.organization_id, mine);
  assert.equal(live.isCurrent(), false);
  live.start();
  await until("green", () => last(mine.seen.colours) === "green");
  assert.ok(!mine.seen.colours.includes("yellow"), "it flickered");
  assert.equal(mine.seen.tokens, 1);
  assert.ok(live.isCurrent());
  assert.equal(live.isCurrent(Date.now() + 46_000), false, "silence is not current");
  await reading(3, 3600);
  for (const ago of [3000, 2400, 1800]) await reading(15, ago);
  await until("readings", () => live.cache.view(world.unit_id)?.readings.length === 4);
  await until("a toast", () => mine.seen.toasts.length > 0);
  assert.match(mine.seen.toasts[0].id, /^alert-.+-(triggered|escalated)$/);
  assert.ok(mine.seen.alerts > 0, "lists of alerts were not invalidated");
  assert.notEqual(live.cache.view(world.unit_id).state, undefined);
  // Away for a restart: red, a new token, green, and nothing is told twice.
  const before = mine.seen.toasts.map((toast) => toast.id);
  await please("stop");
  await until("red", () => last(mine.seen.colours) === "red");
  assert.equal(live.isCurrent(), false);
  await please("start");
  const { items } = await api("GET", `/organizations/${world.organization_id}/alerts`);
  await api("POST", `/organizations/${world.organization_id}/alerts/${items[0].id}/acknowledge`, {});
  await until("green again", () => last(mine.seen.colours) === "green", 30_000);
  assert.equal(last(mine.seen.errors), undefined, "the error text stayed");
  assert.ok(mine.seen.tokens >= 2, "no new token for a new connection");
  await until("what was missed", () => mine.seen.toasts.some((toast) => toast.id === `alert-${items[0].id}-acknowledged`));
  const ids = mine.seen.toasts.map((toast) => toast.id);
  assert.deepEqual(ids, [...new Set(ids)], "a toast came twice");
  assert.deepEqual(ids.slice(0, before.length), before);
  assert.equal(mine.seen.refetched, 0, "everything was fetched again without need");
  live.stop();
  const said = mine.seen.colours.length;
  await reading(15, 1);
  await pause(1_500);
  assert.equal(mine.seen.colours.length, said, "it was heard after logout");
  assert.equal(live.cache.view(world.unit_id), undefined);
}

async function slowly() {
  // Connecting takes a while: yellow, but only after half a second.
  const mine = page();
  const soon = mine.token;
  mine.token = async () => {
    await pause(1_200);
    return soon();
  };
  const live = new Live(world.url, world.organization_id, mine);
  const begun = Date.now();
  live.start();
  await until("yellow", () => last(mine.seen.colours) === "yellow");
  assert.ok(Date.now() - begun >= 450, "yellow flickers");
  await until("green", () => last(mine.seen.colours) === "green");
  assert.deepEqual(mine.seen.colours, ["yellow", "green"]);
  live.stop();
}

async function tokens() {
  const mine = page();
  // No token at first, then one that has ended, then one that ends soon and is refreshed.
  mine.nextTokens("fail", ownerToken(-3_600), ownerToken(40));
  const live = new Live(world.url, world.organization_id, mine);
  live.start();
  await until("green", () => last(mine.seen.colours) === "green", 20_000);
  for (const words of ["Authentication token required", "Token expired"]) assert.ok(mine.seen.errors.includes(words), words);
  await until("the refresh", () => mine.seen.tokens >= 4);
  await pause(500);
  assert.equal(last(mine.seen.colours), "green");
  assert.equal(last(mine.seen.errors), undefined, "the refresh was refused");
  live.stop();
}

function cache() {
  const kept = new Cache();
  const batch = (from, count) => ({
    unitId: "u",
    readings: Array.from({ length: count }, (_, n) => ({ id: `${from + n}`, recordedAt: new Date(1_000 * (from + n)).toISOString() })),
  });
  kept.append(batch(0, 60));
  kept.append(batch(50, 80));
  const ids = kept.view("u").readings.map((one) => Number(one.id));
  assert.equal(ids.length, 100);
  assert.deepEqual(ids, Array.from({ length: 100 }, (_, n) => 30 + n));
}

await scenario(async () => {
  cache();
  await slowly();
  await session();
  await tokens();
});
