// The journey of one kitchen, through the client that is generated from openapi/v1.json: places are
// made, a reading is too warm, the alert is read, taken and closed. Every wrong answer ends the program.
//
// KITCHEN_URL     where the server is, e.g. http://127.0.0.1:8080
// KITCHEN_TOKEN   the token of an owner or admin, as `freshtrack bootstrap` prints it
// KITCHEN_ORG     the organization's id

import assert from "node:assert/strict";
import createClient from "openapi-fetch";
import type { components, paths } from "./generated.js";

type Problem = components["schemas"]["Problem"];

function setting(name: string): string {
  const value = process.env[name];
  assert(value, `${name} is not set`);
  return value;
}

/** The body of a success; a problem ends the program with its code. */
function expect<T>(answer: { data?: T; error?: Problem; response: Response }): T {
  if (answer.data === undefined) {
    const { error, response } = answer;
    throw new Error(`${response.status} ${error?.code}: ${error?.detail ?? error?.title}`);
  }
  return answer.data;
}

const baseUrl = setting("KITCHEN_URL");
const org_id = setting("KITCHEN_ORG");
const owner = createClient<paths>({
  baseUrl,
  headers: { authorization: `Bearer ${setting("KITCHEN_TOKEN")}` },
});
const params = { path: { org_id } };
const O = "/api/v1/organizations/{org_id}";

// A hierarchy of its own, so that the program may run again on the same server.
const site = expect(
  await owner.POST(`${O}/sites`, {
    params,
    body: { name: `Harbour ${crypto.randomUUID()}`, timezone: "Europe/Berlin" },
  }),
);
const area = expect(
  await owner.POST(`${O}/areas`, { params, body: { name: "Cold room", site_id: site.id } }),
);
const unit = expect(
  await owner.POST(`${O}/units`, {
    params,
    body: { name: "Fish fridge", area_id: area.id, unit_type: "fridge" },
  }),
);
const inUnit = { path: { org_id, unit_id: unit.id } };
assert.equal(expect(await owner.GET(`${O}/units/{unit_id}`, { params: inUnit })).name, "Fish fridge");

// A machine posts what it measures; its key may do nothing else.
const { key } = expect(
  await owner.POST(`${O}/api-keys`, { params, body: { name: "logger", scopes: ["ingest"] } }),
);
const machine = createClient<paths>({ baseUrl, headers: { "x-api-key": key } });
const minutesAgo = (minutes: number) => new Date(Date.now() - minutes * 60_000).toISOString();
const posted = expect(
  await machine.POST("/api/v1/ingest/readings", {
    body: {
      temperature_unit: "C",
      readings: [
        { unit_id: unit.id, recorded_at: minutesAgo(11), temperature: 8.2 },
        { unit_id: unit.id, recorded_at: minutesAgo(0), temperature: 8.4 },
      ],
    },
  }),
);
assert.equal(posted.counts.accepted, 2);
const readings = expect(
  await owner.GET(`${O}/units/{unit_id}/readings`, {
    params: { ...inUnit, query: { temperature_unit: "C", limit: 2 } },
  }),
);
assert.deepEqual(
  readings.items.map((reading) => reading.temperature),
  [8.4, 8.2],
);

// Above the limit for longer than the ten minutes that confirm: a critical alert.
const alerts = expect(
  await owner.GET(`${O}/alerts`, {
    params: { ...params, query: { unit_id: unit.id, status: ["active"], type: ["temp_excursion"] } },
  }),
);
const alert = alerts.items[0];
assert(alert && alerts.items.length === 1, "one alert");
assert.equal(alert.severity, "critical");
const ofAlert = { path: { org_id, alert_id: alert.id } };
const taken = expect(
  await owner.POST(`${O}/alerts/{alert_id}/acknowledge`, {
    params: ofAlert,
    body: { note: "on my way" },
  }),
);
assert.equal(taken.status, "acknowledged");
assert.equal(taken.acknowledged?.note, "on my way");
const closed = expect(
  await owner.POST(`${O}/alerts/{alert_id}/resolve`, {
    params: ofAlert,
    body: { note: "the door was ajar" },
  }),
);
assert.equal(closed.status, "resolved");

// Refusals are typed, too: one problem schema, decided by its stable code.
const again = await owner.POST(`${O}/alerts/{alert_id}/acknowledge`, { params: ofAlert, body: {} });
assert.equal(again.response.status, 409);
assert.equal(again.error?.code, "alert-resolved");
const stranger = await createClient<paths>({ baseUrl }).GET(`${O}/alerts`, { params });
assert.equal(stranger.error?.code, "unauthenticated");

console.log(`client-typescript: alert ${alert.id} raised, taken and closed`);
