// What a page shows instead of its content: nothing yet, nothing at all, or what went wrong and what helps.
import type { ComponentChildren } from "preact";
import type { ApiError } from "../api/client";
import type { Reading } from "../hooks";
import { visible } from "../format";
import { Icon, type IconName } from "./icon";

export function Empty({ icon = "empty", title, children }: { icon?: IconName; title: string; children?: ComponentChildren }) {
  return (
    <div class="notice">
      <Icon name={icon} class="large" />
      <p class="notice-title">{title}</p>
      {children ? <div class="notice-text">{children}</div> : null}
    </div>
  );
}

export function Failure({ error, retry }: { error: ApiError; retry?: () => void }) {
  return (
    <div class="notice" role="alert">
      <Icon name={error.status === 401 ? "lock" : error.status === 0 ? "plug" : "bad"} class="large" />
      <p class="notice-title">{visible(error.message)}</p>
      <div class="notice-text">
        {error.hint ? <p>{visible(error.hint)}</p> : null}
        {error.code ? (
          <p class="faint">
            <code>{visible(error.code)}</code> {error.status ? `· ${error.status}` : ""}
          </p>
        ) : null}
      </div>
      {retry ? (
        <button type="button" class="button" onClick={retry}>
          <Icon name="restart" /> Try again
        </button>
      ) : null}
    </div>
  );
}

/** Grey lines where rows will be, so that the page does not jump. */
export function Skeleton({ rows = 6 }: { rows?: number }) {
  return (
    <div class="skeleton" role="status" aria-label="Loading">
      {Array.from({ length: rows }, (_, row) => (
        <div class="skeleton-row" key={row}>
          <span />
          <span />
          <span />
        </div>
      ))}
    </div>
  );
}

/** Loading, failed, or the content. Old content stays under an error, with a word about it. */
export function Shown<T>({ of, rows, children }: { of: Reading<T>; rows?: number; children: (data: T) => ComponentChildren }) {
  if (of.data === null || (of.loading && of.data === null)) {
    return of.error ? <Failure error={of.error} retry={of.refresh} /> : <Skeleton rows={rows} />;
  }
  return <>{children(of.data)}</>;
}
