// What a person tells a breaker: choose, read what follows, and confirm.
import { useState } from "preact/hooks";
import { ApiError, post } from "../api/client";
import type { Breaker } from "../api/types";
import { visible } from "../format";
import { Dialog } from "../parts/dialog";
import { Icon } from "../parts/icon";
import { PolicyState } from "../parts/policy";
import { Foreign } from "../parts/text";
import { say } from "../parts/toast";
import { ORDERS, type Order } from "./policy_list";

type Props = { policy: string; breaker: Breaker | null; close: () => void; done: () => void };

export function BreakerDialog({ policy, breaker, close, done }: Props) {
  const [order, setOrder] = useState<Order | null>(null);
  const [busy, setBusy] = useState(false);
  const state = breaker?.state ?? null;
  const send = async () => {
    if (!order || busy) return;
    setBusy(true);
    await tell(policy, order);
    done();
    close();
  };
  return (
    <Dialog label={`Breaker of ${visible(policy)}`} class="breaker" close={busy ? null : close}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void send();
        }}
      >
        <div class="dialog-head">
          <h2>
            Breaker of <Foreign text={policy} />
          </h2>
          <button type="button" class="button quiet" onClick={close} disabled={busy} aria-label="Close this window">
            <Icon name="close" />
          </button>
        </div>
        <p class="breaker-now">
          It is <PolicyState state={state} />
        </p>
        <fieldset class="orders" disabled={busy}>
          <legend class="hidden">What it shall do</legend>
          {ORDERS.map((one) => (
            <label key={one.word} class="order">
              <input type="radio" name="order" value={one.word} checked={order === one} disabled={one.leads === state} onChange={() => setOrder(one)} />
              <span>
                <b>{one.name}</b> {one.leads === state ? <span class="tag">now</span> : null}
                <span class="order-what">{one.what}</span>
              </span>
            </label>
          ))}
        </fieldset>
        <p class="faint breaker-lasts">{order?.danger ? "It stays so until somebody says otherwise, or changes the policy in the configuration." : ""}</p>
        <div class="dialog-foot button-row">
          <button type="button" class="button" onClick={close} disabled={busy}>
            Cancel
          </button>
          <button type="submit" class={`button ${order === null ? "" : order.danger ? "danger" : "primary"}`} disabled={order === null || busy}>
            {busy ? "Telling…" : order ? `${order.name} now` : "Choose one"}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

async function tell(policy: string, order: Order): Promise<void> {
  try {
    const answer = await post<{ state?: string | null }>(`/v1/resilience/${encodeURIComponent(policy)}/${order.word}`);
    say("ready", `The breaker of ${policy} is ${answer?.state ?? order.leads ?? "told"} now`);
  } catch (error) {
    const hint = error instanceof ApiError ? error.hint : null;
    say("bad", `The breaker of ${policy} was not changed: ${error instanceof Error ? error.message : String(error)}`, hint);
  }
}
