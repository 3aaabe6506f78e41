// Passwords are kept as scrypt hashes. One takes some 50 ms and 16 MiB, so few are made at a time, and few may wait.

import { randomBytes, scrypt, type ScryptOptions, timingSafeEqual } from "node:crypto";

import { Problem } from "@monorepo-polyglot/http-service";

const COST: ScryptOptions = { N: 16_384, r: 8, p: 1 };
const SALT_BYTES = 16;
const HASH_BYTES = 32;
const RUNNING_MAX = 4;
const WAITING_MAX = 64;

export interface PasswordHash {
  salt: string;
  hash: string;
}

export class Passwords {
  private running = 0;
  private readonly waiting: (() => void)[] = [];
  /** What the password of an unknown account is compared with, so that both answers take as long. */
  private readonly nobody: PasswordHash = { salt: random(SALT_BYTES), hash: random(HASH_BYTES) };

  constructor(private readonly cost: ScryptOptions = COST) {}

  async hash(password: string): Promise<PasswordHash> {
    const salt = randomBytes(SALT_BYTES);
    const hash = await this.derive(password, salt);
    return { salt: salt.toString("base64url"), hash: hash.toString("base64url") };
  }

  async verify(password: string, stored: PasswordHash = this.nobody): Promise<boolean> {
    const expected = Buffer.from(stored.hash, "base64url");
    const actual = await this.derive(password, Buffer.from(stored.salt, "base64url"));
    return actual.length === expected.length && timingSafeEqual(actual, expected);
  }

  private async derive(password: string, salt: Buffer): Promise<Buffer> {
    await this.begin();
    try {
      return await new Promise((resolve, reject) => {
        scrypt(password.normalize("NFKC"), salt, HASH_BYTES, this.cost, (error, key) =>
          error ? reject(error) : resolve(key),
        );
      });
    } finally {
      this.end();
    }
  }

  /** Resolves when it is this one's turn. A turn is handed over, so nobody new gets in between. */
  private async begin(): Promise<void> {
    if (this.running < RUNNING_MAX) {
      this.running += 1;
      return;
    }
    if (this.waiting.length >= WAITING_MAX) {
      throw new Problem(503, "Too many people are logging in. Try again in a moment.", { "retry-after": "1" });
    }
    await new Promise<void>((turn) => this.waiting.push(turn));
  }

  private end(): void {
    const next = this.waiting.shift();
    if (next) next();
    else this.running -= 1;
  }
}

function random(bytes: number): string {
  return randomBytes(bytes).toString("base64url");
}
