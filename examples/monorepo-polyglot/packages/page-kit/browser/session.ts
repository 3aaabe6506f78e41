// Who is signed in, in this tab: kept for the tab alone, and forgotten when the token expires.

export interface User {
  id: string;
  email: string;
  name: string;
  roles: string[];
}

interface Session {
  token: string;
  expires: number;
  user: User;
}

const KEY = "session";
const CHANGED = new EventTarget();

export function session(): Session | undefined {
  const kept = sessionStorage.getItem(KEY);
  if (!kept) return undefined;
  const value = JSON.parse(kept) as Session;
  return value.expires > Date.now() ? value : undefined;
}

export function keepSession(token: string, lifetimeSeconds: number, user: User): void {
  sessionStorage.setItem(KEY, JSON.stringify({ token, expires: Date.now() + lifetimeSeconds * 1000, user }));
  CHANGED.dispatchEvent(new Event("change"));
}

export function forgetSession(): void {
  sessionStorage.removeItem(KEY);
  CHANGED.dispatchEvent(new Event("change"));
}

/** Calls back now, and whenever somebody signs in or out. */
export function onSession(changed: () => void): void {
  CHANGED.addEventListener("change", changed);
  changed();
}
