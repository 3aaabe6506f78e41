// The key that tokens are signed with: made at the first start, and kept where the accounts are kept.

import { createPrivateKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { mkdir, open, readFile } from "node:fs/promises";
import { join } from "node:path";

const FILE = "signing-key.pem";

export async function openKey(folder: string | undefined): Promise<KeyObject> {
  if (!folder) return generate();
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const path = join(folder, FILE);
  try {
    return createPrivateKey(await readFile(path));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  const key = generate();
  const file = await open(path, "wx", 0o600);
  await file.writeFile(key.export({ type: "pkcs8", format: "pem" }));
  await file.sync();
  await file.close();
  return key;
}

function generate(): KeyObject {
  return generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
}
