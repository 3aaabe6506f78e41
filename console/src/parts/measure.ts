// Shares of nothing are nothing: without requests there is no share of errors, whatever the document says.

type Measured = { requests?: number | null; error_share?: number | null };

export function errorShare(of: Measured): number | null {
  return of.requests === 0 ? null : (of.error_share ?? null);
}
