// A real OpenID provider on loopback, for one test: `node oidc-provider.mjs CALLBACK`. It prints its port, and reads a line of JSON for each change of who has which groups.
import { createServer } from "node:http";
import { createInterface } from "node:readline";

import Provider from "oidc-provider";

const [callback] = process.argv.slice(2);
const server = createServer();
let people = {};
createInterface({ input: process.stdin }).on("line", (line) => {
  people = JSON.parse(line);
  console.log("known");
});
process.stdin.on("end", () => process.exit(0)); // the test is over

server.listen(0, "127.0.0.1", () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: [{ client_id: "proctor", client_secret: "a-secret-of-the-test", redirect_uris: [callback], grant_types: ["authorization_code"], response_types: ["code"] }],
    claims: { openid: ["sub"], profile: ["name", "preferred_username", "groups"], email: ["email", "email_verified"] },
    pkce: { required: () => true },
    cookies: { keys: ["of the test"] },
    findAccount: (_context, id) => ({ accountId: id, claims: () => ({ sub: id, ...people[id] }) }),
  });
  server.on("request", provider.callback());
  console.log(server.address().port);
});
