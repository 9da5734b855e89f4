// RT-25: Socket.IO, WebSocket and server-sent events tell the same; RT-23: nothing is written twice.
import { api, assert, connected, event, reading, scenario, until, world } from "./world.mjs";
import { WebSocket } from "ws";

const headers = { authorization: `Bearer ${world.owner_token}` };
const live = /^(alert|unit|sensor|entity):/;

function plain() {
  const seen = [];
  const socket = new WebSocket(`${world.url.replace("http", "ws")}/api/v1/stream`, { headers });
  socket.on("message", (text) => seen.push(JSON.parse(text)));
  socket.on("error", (error) => seen.push({ event: "error", data: error.message }));
  return { seen, end: () => socket.close() };
}

async function events() {
  const seen = [];
  const gone = new AbortController();
  const response = await fetch(`${world.url}/api/v1/stream`, { headers: { ...headers, accept: "text/event-stream" }, signal: gone.signal });
  assert.equal(response.status, 200);
  (async () => {
    let text = "";
    for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
      text += chunk;
      for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
        const fields = Object.fromEntries(text.slice(0, end).split("\n").map((line) => [line.slice(0, line.indexOf(": ")), line.slice(line.indexOf(": ") + 2)]));
        if (fields.event) seen.push({ event: fields.event, data: JSON.parse(fields.data), id: Number(fields.id) });
        text = text.slice(end + 2);
      }
    }
  })().catch(() => {});
  return { seen, end: () => gone.abort() };
}

const metric = async (name) => {
  const page = await (await fetch(`${world.url}/metrics`)).text();
  const lines = page.split("\n").filter((line) => line.startsWith(`freshtrack_realtime_${name}`));
  return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" "))), 0);
};

await scenario(async () => {
  const { socket } = await connected({ token: world.owner_token });
  const [ws, sse] = [plain(), await events()];
  for (const one of [ws, sse]) await until("the acknowledgement", () => one.seen.some((e) => e.event === "connection:ack"));
  await reading(3, 3600);
  for (const ago of [3000, 2400, 1800, 1200, 600, 1]) await reading(15, ago);
  const { alertId } = await event(socket, "alert:triggered", (e) => e.alertType === "temp_excursion");
  const alert = `/organizations/${world.organization_id}/alerts/${alertId}`;
  await api("POST", `${alert}/acknowledge`, { note: "on my way" });
  await api("POST", `${alert}/resolve`, { note: "closed", corrective_action: "closed the door" });
  await event(socket, "alert:resolved");
  await api("POST", `/organizations/${world.organization_id}/sites`, { name: "Annex" });
  await event(socket, "entity:changed", (e) => e.entity === "site");
  await event(socket, "sensor:readings:batch");
  const mine = () => socket.seen.filter((e) => live.test(e.name)).map((e) => [e.name, e.payload]);
  const theirs = (one) => one.seen.filter((e) => live.test(e.event)).map((e) => [e.event, e.data]);
  for (const one of [ws, sse]) {
    await until("as many messages", () => theirs(one).length === mine().length);
    assert.deepEqual(theirs(one), mine());
  }
  const ids = sse.seen.map((e) => e.id);
  assert.deepEqual(ids, ids.toSorted((a, b) => a - b), "an id went back");
  const [serialized, taken] = [await metric("serializations_total"), await metric("events_total")];
  assert.ok(serialized > 0 && serialized <= taken, `${serialized} serializations of ${taken} events`);
  ws.end();
  sse.end();
});
