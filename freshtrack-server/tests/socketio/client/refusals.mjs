// RT-21: every refusal, byte for byte, as the official client reports it.
import { api, assert, open, ownerClaims, ownerToken, scenario, sign, until, world } from "./world.mjs";

async function refusal(auth) {
  const socket = open(auth, { reconnection: false });
  let message;
  socket.on("connect_error", (error) => (message = error.message));
  await until(`a refusal of ${JSON.stringify(auth ?? null).slice(0, 80)}`, () => message);
  assert.equal(socket.seen.length, 0, "a refused client received something");
  socket.disconnect();
  return message;
}

await scenario(async () => {
  const claims = ownerClaims();
  const now = Math.floor(Date.now() / 1000);
  const without = (name) => Object.fromEntries(Object.entries(claims).filter(([key]) => key !== name));
  const stranger = sign({ ...claims, sub: "stranger", email: "stranger@example.org" });
  const ingestOnly = world.api_key;
  const made = await api("POST", `/organizations/${world.organization_id}/api-keys`, { name: "gone", scopes: ["read"] });
  await api("DELETE", `/organizations/${world.organization_id}/api-keys/${made.api_key.id}`);
  const foreign = "00000000-0000-4000-8000-000000000001";
  const table = [
    [undefined, "Authentication token required"],
    [{}, "Authentication token required"],
    [{ token: "" }, "Authentication token required"],
    [{ token: 7 }, "Authentication token required"],
    [{ token: { a: 1 } }, "Authentication token required"],
    [{ token: ownerToken(-3600) }, "Token expired"],
    [{ token: sign({ ...claims, iss: "somebody" }) }, "Invalid token claims"],
    [{ token: sign({ ...claims, aud: "somebody" }) }, "Invalid token claims"],
    [{ token: sign({ ...claims, nbf: now + 3600 }) }, "Invalid token claims"],
    [{ token: sign(without("exp")) }, "Invalid token claims"],
    [{ token: sign(without("sub")) }, "Invalid token claims"],
    [{ token: sign(claims, "another key") }, "Invalid token signature"],
    [{ token: sign("[1]") }, "Invalid or malformed token"],
    [{ token: sign("not json") }, "Invalid or malformed token"],
    [{ token: "not a token" }, "Invalid or expired token"],
    [{ token: sign(claims, undefined, { alg: "none" }) }, "Invalid or expired token"],
    [{ token: made.key }, "Invalid or expired token"],
    [{ token: `${made.key}x` }, "Invalid or expired token"],
    [{ token: ingestOnly }, "Invalid or expired token"],
    [{ token: stranger }, "User has no organization access"],
    [{ token: world.owner_token, organizationId: foreign }, "User has no organization access"],
    [{ token: world.owner_token, organizationId: "no id" }, "User has no organization access"],
    [{ token: world.owner_token, organizationId: 7 }, "User has no organization access"],
  ];
  for (const [auth, words] of table) {
    assert.equal(await refusal(auth), words, JSON.stringify(auth));
  }
});
