// RT-12: a server that is killed between commit and publication loses nothing (RT-5 for the unhappy case).
import { assert, event, open, ordered, please, reading, scenario, until, world } from "./world.mjs";

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
  for (let round = 1; round <= 3; round++) {
    // Committed and answered; whether anybody was told when the server dies is a matter of luck.
    await reading(15, 3600 - 300 * round);
    await please("kill");
    await until("the end of the transport", () => socket.ends.length === round, 60_000);
    await please("start");
    await until("the return", () => socket.connected && socket.seen.filter((e) => e.name === "connection:ack").length === round + 1, 30_000);
  }
  await event(socket, "alert:triggered");
  const witness = open({ token: world.owner_token, organizationId: world.organization_id, lastSeq: 1 });
  await event(witness, "resume:complete");
  const numbers = (from) => ordered(from).filter((e) => e.name !== "resume:complete").map((e) => e.payload.seq);
  await until("the same events", () => `${numbers(socket)}` === `${numbers(witness).filter((n) => n >= numbers(socket)[0])}`);
  assert.deepEqual(numbers(socket), [...new Set(numbers(socket))].sort((a, b) => a - b));
  assert.ok(numbers(socket).length >= 2, `${numbers(socket)}`);
});
