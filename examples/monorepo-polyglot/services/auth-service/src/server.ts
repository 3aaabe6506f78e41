// The process of the auth service. What it answers is in app.ts.

import { createLog, Metrics, serve } from "@monorepo-polyglot/http-service";

import { createRoutes } from "./app.js";
import { normaliseEmail } from "./input.js";
import { openKey } from "./key.js";
import { Passwords } from "./passwords.js";
import { Tokens } from "./tokens.js";
import { Users } from "./users.js";

const name = "auth-service";
const folder = process.env.DATA_DIR;
const adminEmail = process.env.ADMIN_EMAIL;
const metrics = new Metrics();
const users = await Users.open(folder, adminEmail && normaliseEmail(adminEmail));
const tokens = new Tokens(await openKey(folder));

serve(
  { name, metrics, log: createLog(name), routes: createRoutes({ users, tokens, passwords: new Passwords(), metrics }) },
  3002,
);
