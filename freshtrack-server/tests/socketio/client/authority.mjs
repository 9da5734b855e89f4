// Live authority: revoked keys, changed roles, refreshed and expiring tokens (RT-15, RT-16).
import { api, assert, connected, event, open, ownerClaims, ownerToken, please, scenario, sign, until, world } from "./world.mjs";

async function revocation() {
  const keys = `/organizations/${world.organization_id}/api-keys`;
  const made = await api("POST", keys, { name: "short-lived", scopes: ["read"] });
  const { socket } = await connected({ token: made.key });
  const { socket: bystander } = await connected({ token: world.read_key });
  await api("DELETE", `${keys}/${made.api_key.id}`);
  const revoked = Date.now();
  await until("the end", () => socket.ends.length === 1, 1_500);
  assert.ok(Date.now() - revoked < 1_000, `it took ${Date.now() - revoked} ms`);
  assert.equal(socket.ends[0], "io server disconnect", "the client would have come back");
  assert.equal((await event(socket, "auth:revoked")).reason, "key_revoked");
  assert.ok(bystander.connected, "somebody else was thrown out");
  let words;
  socket.on("connect_error", (error) => (words = error.message));
  socket.connect();
  await until("a refusal", () => words);
  assert.equal(words, "Invalid or expired token");
}

async function roles() {
  const { socket, ack } = await connected({ token: world.viewer_token });
  assert.equal(ack.role, "viewer");
  await please("promote");
  assert.equal((await event(socket, "auth:changed")).role, "manager");
  assert.deepEqual(socket.ends, []);
}

async function refresh() {
  const { socket } = await connected({ token: ownerToken(40) });
  await event(socket, "auth:expiring");
  const fresh = ownerToken(3_600);
  const answer = await socket.emitWithAck("auth:refresh", { token: fresh });
  assert.equal(answer.ok, true);
  assert.ok(new Date(answer.expiresAt) - Date.now() > 3_500_000, answer.expiresAt);
  const words = async (argument) => (await socket.emitWithAck("auth:refresh", argument)).message;
  assert.equal(await words({ token: sign(ownerClaims(), "another key") }), "Invalid token signature");
  assert.equal(await words({ token: world.viewer_token }), "Invalid token claims");
  assert.equal(await words(undefined), "Authentication token required");
  assert.ok(socket.connected);
}

async function expiry() {
  // Ended 27 s ago, so 3 s of the clock skew are left.
  let tokens = [ownerToken(-27), ownerToken(3_600)];
  const socket = open((answer) => answer({ token: tokens.shift() ?? ownerToken(3_600) }));
  await event(socket, "connection:ack");
  await event(socket, "auth:expired", () => true, 10_000);
  await until("the return", () => socket.seen.filter((e) => e.name === "connection:ack").length === 2, 10_000);
  assert.deepEqual(socket.ends, ["transport close"]);
}

await scenario(async () => {
  await revocation();
  await roles();
  await refresh();
  await expiry();
});
