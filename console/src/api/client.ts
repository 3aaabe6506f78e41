// The one way to the control API: same origin, JSON, a token if the console was given one. Errors are turned into one
// type, so that each page can show what went wrong and what helps.
import { signal } from "@preact/signals";

const TOKEN_KEY = "trunkline.token";

/** True while the server refuses us for want of a token; the shell then asks for one. */
export const tokenWanted = signal<false | "missing" | "wrong">(false);

/** Grows with each token given, so that what failed is asked for again. */
export const tokenTries = signal(0);

export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly hint: string | null = null,
    readonly mistakes: unknown[] = [],
  ) {
    super(message);
  }
}

function token(): string | null {
  try {
    return sessionStorage.getItem(TOKEN_KEY);
  } catch {
    return null;
  }
}

export function setToken(value: string): void {
  try {
    sessionStorage.setItem(TOKEN_KEY, value);
  } catch {
    // Without storage the token lasts as long as nothing; the page then asks again.
  }
  tokenWanted.value = false;
  tokenTries.value += 1;
}

/** Sends a request and returns the answer if it is a good one. */
export async function send(path: string, options: RequestInit = {}): Promise<Response> {
  const headers = new Headers(options.headers);
  const known = token();
  if (known) headers.set("authorization", `Bearer ${known}`);
  let answer: Response;
  try {
    answer = await fetch(path, { ...options, headers, credentials: "omit", cache: "no-store" });
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new ApiError(0, "unreachable", "Trunkline does not answer", "is `trunkline up` still running?");
  }
  if (answer.status === 401) tokenWanted.value = known ? "wrong" : "missing";
  if (!answer.ok) throw await problem(answer);
  return answer;
}

/** Reads a JSON document. */
export async function get<T>(path: string, signal?: AbortSignal): Promise<T> {
  const answer = await send(path, { headers: { accept: "application/json" }, signal });
  return (await answer.json()) as T;
}

/** Sends a command. */
export async function post<T>(path: string): Promise<T | null> {
  const answer = await send(path, { method: "POST", headers: { accept: "application/json" } });
  const text = await answer.text();
  return text ? (JSON.parse(text) as T) : null;
}

/** Asks a question that is too long for an address. */
export async function ask<T>(path: string, question: unknown, signal?: AbortSignal): Promise<T> {
  const headers = { accept: "application/json", "content-type": "application/json" };
  const answer = await send(path, { method: "POST", headers, body: JSON.stringify(question), signal });
  return (await answer.json()) as T;
}

async function problem(answer: Response): Promise<ApiError> {
  try {
    const body = (await answer.json()) as Record<string, unknown>;
    const text = String(body.detail ?? body.title ?? answer.statusText);
    const hint = typeof body.hint === "string" ? body.hint : null;
    return new ApiError(answer.status, String(body.code ?? ""), text, hint, Array.isArray(body.errors) ? body.errors : []);
  } catch {
    return new ApiError(answer.status, "", `the answer was ${answer.status} ${answer.statusText}`.trim());
  }
}
