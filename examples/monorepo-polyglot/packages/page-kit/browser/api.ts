// Calls to the services, all through the page's own origin: `/api/<service>/...` is the gateway's to route.

import { forgetSession, keepSession, session, type User } from "./session.js";

export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

interface Options {
  body?: unknown;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

export async function get<Type>(path: string, options: Options = {}): Promise<Type> {
  return (await call("GET", path, options)).json() as Promise<Type>;
}

export async function post<Type>(path: string, body: unknown, options: Options = {}): Promise<Type> {
  return (await call("POST", path, { ...options, body })).json() as Promise<Type>;
}

/** Saves what a path answers as a file. A link would not carry the token. */
export async function download(path: string, fileName: string): Promise<void> {
  const file = await (await call("GET", path, {})).blob();
  const url = URL.createObjectURL(file);
  const link = document.createElement("a");
  link.href = url;
  link.download = fileName;
  link.click();
  // The browser has begun to read it by the next turn, and a minute is plenty for a page of text.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

export async function signIn(email: string, password: string): Promise<User> {
  const answer = await post<{ token: string; expires_in: number; user: User }>("/api/auth/login", { email, password });
  keepSession(answer.token, answer.expires_in, answer.user);
  return answer.user;
}

export async function signUp(name: string, email: string, password: string): Promise<User> {
  await post("/api/auth/register", { name, email, password });
  return signIn(email, password);
}

async function call(method: string, path: string, { body, headers, signal }: Options): Promise<Response> {
  const sent = new Headers(headers);
  const token = session()?.token;
  if (token) sent.set("authorization", `Bearer ${token}`);
  if (body !== undefined) sent.set("content-type", "application/json");
  const init: RequestInit = { method, headers: sent };
  if (body !== undefined) init.body = JSON.stringify(body);
  if (signal) init.signal = signal;
  const response = await reach(path, init);
  if (response.ok) return response;
  if (response.status === 401 && token) forgetSession();
  throw new ApiError(response.status, await reason(response));
}

async function reach(path: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(path, init);
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiError(0, "The shop cannot be reached. Is the gateway running?");
  }
}

/** What a problem document says, or what can be said without one. */
async function reason(response: Response): Promise<string> {
  try {
    const { detail } = (await response.json()) as { detail?: unknown };
    if (typeof detail === "string") return sentence(detail);
  } catch {
    // Not a problem document: the gateway itself answered.
  }
  if (response.status === 503 || response.status === 502)
    return "That service is not available right now. Try again in a moment.";
  return `The answer was ${response.status}.`;
}

/** Services word their details differently; people read sentences. */
function sentence(detail: string): string {
  const begun = /^[a-z]+ /.test(detail) ? detail.charAt(0).toUpperCase() + detail.slice(1) : detail;
  return /[.!?]$/.test(begun) ? begun : `${begun}.`;
}
