// The peer: Socket.IO on Node doing the same work. Clients connect with a token and join their organization's
// room; POST /api/v1/ingest/readings turns each unit's readings into one message for the room. It stores and
// evaluates nothing. With REDIS_URL several of these form one server.
import { createServer } from "node:http";
import { randomUUID } from "node:crypto";
import { Server } from "socket.io";

const room = `org:${randomUUID()}`;
let seq = 0;

const http = createServer((request, response) => {
  if (request.method !== "POST") return response.writeHead(200).end("ok");
  const chunks = [];
  request.on("data", (chunk) => chunks.push(chunk));
  request.on("end", () => {
    const { readings } = JSON.parse(Buffer.concat(chunks).toString());
    const units = new Map();
    for (const one of readings) {
      const of = units.get(one.unit_id);
      if (of) of.push(one);
      else units.set(one.unit_id, [one]);
    }
    for (const [unitId, of] of units) {
      seq += 1;
      io.to("everybody").emit("sensor:readings:batch", {
        unitId,
        readings: of.map((one) => ({
          id: randomUUID(),
          temperature: one.temperature,
          humidity: null,
          battery: null,
          signalStrength: null,
          timestamp: one.recorded_at,
          recordedAt: one.recorded_at,
          deviceId: null,
          source: "api",
        })),
        count: of.length,
        seq,
        seqFrom: seq,
        siteId: room.slice(4),
        temperatureUnit: "F",
      });
    }
    response.writeHead(200, { "content-type": "application/json" }).end("{}");
  });
});

const io = new Server(http, { transports: ["websocket"], serveClient: false });
if (process.env.REDIS_URL) {
  const [{ createAdapter }, { createClient }] = await Promise.all([import("@socket.io/redis-adapter"), import("redis")]);
  const publisher = createClient({ url: process.env.REDIS_URL });
  const subscriber = publisher.duplicate();
  await Promise.all([publisher.connect(), subscriber.connect()]);
  io.adapter(createAdapter(publisher, subscriber));
}
io.use((socket, next) => (socket.handshake.auth.token ? next() : next(new Error("Authentication token required"))));
io.on("connection", (socket) => {
  socket.join("everybody");
  socket.emit("connection:ack", { socketId: socket.id, timestamp: new Date().toISOString() });
});
http.listen(Number(process.argv[2]), "127.0.0.1", () => console.log(`listening on http://127.0.0.1:${process.argv[2]}`));
