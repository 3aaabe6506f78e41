// A file to which entries are only ever added, one JSON object per line. What a crash left half written is not an entry.

import { constants } from "node:fs";
import { type FileHandle, mkdir, open } from "node:fs/promises";
import { dirname } from "node:path";

export class Journal<Entry> {
  private last: Promise<void> = Promise.resolve();

  private constructor(
    private readonly file: FileHandle,
    private length: number,
  ) {}

  static async open<Entry>(path: string): Promise<{ journal: Journal<Entry>; entries: Entry[] }> {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    const file = await open(path, constants.O_RDWR | constants.O_CREAT, 0o600);
    const text = await file.readFile();
    // Up to the last line end: what follows was being written when the process died, and is cut off.
    const length = text.lastIndexOf("\n") + 1;
    await file.truncate(length);
    const lines = text.subarray(0, length).toString("utf8").split("\n").slice(0, -1);
    return { journal: new Journal(file, length), entries: lines.map((line) => JSON.parse(line) as Entry) };
  }

  /** Resolves when the entry is on disk. Entries are written in the order of the calls. */
  append(entry: Entry): Promise<void> {
    const written = this.last.then(() => this.write(Buffer.from(JSON.stringify(entry) + "\n")));
    this.last = written.catch(() => undefined);
    return written;
  }

  private async write(line: Buffer): Promise<void> {
    // At an offset of our own: after a failed write, the next one goes over what it left.
    await this.file.write(line, 0, line.length, this.length);
    await this.file.datasync();
    this.length += line.length;
  }
}
