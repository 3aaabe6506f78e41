// Signed tokens: JWT (RFC 7519) with ES256 (RFC 7518, section 3.4). One algorithm, one key, nothing to negotiate.

import { createHash, createPublicKey, type KeyObject, randomUUID, sign, verify } from "node:crypto";

import type { Account } from "./users.js";

export const LIFETIME_SECONDS = 3_600;
const ISSUER = "auth-service";

export interface PublicKey {
  kty: "EC";
  crv: "P-256";
  x: string;
  y: string;
  kid: string;
  use: "sig";
  alg: "ES256";
}

export class Tokens {
  readonly publicKey: PublicKey;
  private readonly verifier: KeyObject;

  constructor(private readonly key: KeyObject) {
    this.verifier = createPublicKey(key);
    const { x = "", y = "" } = this.verifier.export({ format: "jwk" });
    this.publicKey = { kty: "EC", crv: "P-256", x, y, kid: thumbprint(x, y), use: "sig", alg: "ES256" };
  }

  issue(account: Account, now = Date.now()): string {
    const issued = Math.floor(now / 1000);
    const header = { alg: "ES256", typ: "JWT", kid: this.publicKey.kid };
    const claims = {
      iss: ISSUER,
      sub: account.id,
      email: account.email,
      name: account.name,
      roles: account.roles,
      iat: issued,
      exp: issued + LIFETIME_SECONDS,
      jti: randomUUID(),
    };
    const signed = `${encode(header)}.${encode(claims)}`;
    const signature = sign("sha256", Buffer.from(signed), { key: this.key, dsaEncoding: "ieee-p1363" });
    return `${signed}.${signature.toString("base64url")}`;
  }

  /** The subject of a token that was issued here and has not expired. */
  verify(token: string, now = Date.now()): string | undefined {
    const [header = "", claims = "", signature = "", ...rest] = token.split(".");
    if (rest.length > 0 || decode(header)["alg"] !== "ES256") return undefined;
    const signed = Buffer.from(`${header}.${claims}`);
    const key = { key: this.verifier, dsaEncoding: "ieee-p1363" } as const;
    if (!verify("sha256", signed, key, Buffer.from(signature, "base64url"))) return undefined;
    const { iss, sub, exp } = decode(claims);
    const valid = iss === ISSUER && typeof sub === "string" && typeof exp === "number" && exp > now / 1000;
    return valid ? sub : undefined;
  }
}

/** The name of a key is the hash of its parts in this order (RFC 7638). */
function thumbprint(x: string, y: string): string {
  return createHash("sha256")
    .update(JSON.stringify({ crv: "P-256", kty: "EC", x, y }))
    .digest("base64url");
}

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}

function decode(part: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, "base64url").toString("utf8"));
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
