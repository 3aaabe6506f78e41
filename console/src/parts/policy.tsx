// How the state of a policy is shown: a tone, a shape and its word, never a colour alone.
import type { Owner, Row } from "../pages/policy_list";
import { policyTone, worstFirst } from "../pages/policy_list";
import { visible } from "../format";
import { href } from "../router";
import { Icon, type IconName } from "./icon";
import { Foreign } from "./text";

const ICONS = new Map<string | null, IconName>([
  ["FORCED_OPEN", "lock"],
  ["DISABLED", "idle"],
  ["METRICS_ONLY", "gauge"],
]);

/** Resilience4j's words are written as they are, so that they are found in metrics, logs and its documentation. */
export function PolicyState({ state }: { state: string | null }) {
  if (state === null) return <span class="faint">–</span>;
  const tone = policyTone(state);
  return (
    <span class={`state policy-state tone-${tone}`}>
      <Icon name={ICONS.get(state) ?? tone} />
      <span>{visible(state)}</span>
    </span>
  );
}

/** Which part of a service a policy is for: a route, the calls of one caller, an endpoint. Nothing where it is for all. */
export function Part({ of }: { of: Owner }) {
  const parts = [["route", of.route], ["from", of.caller], ["endpoint", of.endpoint]] as const;
  return (
    <>
      {parts.map(([word, text]) =>
        text ? (
          <span key={word} class="sub policy-part">
            <span class="tag">{word}</span>
            <span class="mono faint clip" title={visible(text)}>
              <Foreign text={text} />
            </span>
          </span>
        ) : null,
      )}
    </>
  );
}

/** Says that breakers of a service are not closed, and leads to them. */
export function BreakerBadge({ service, rows }: { service: string; rows: Row[] | undefined }) {
  const worst = rows && worstFirst(rows)[0];
  if (!worst) return null;
  return (
    <a class={`tag breaker-badge tone-${policyTone(worst.state)}`} href={href("/resilience", { q: service, kind: "breaker" })} title={worst.now}>
      <Icon name={ICONS.get(worst.state) ?? policyTone(worst.state)} /> breaker {visible(worst.state)}
    </a>
  );
}

/** The same in a corner where there is room for a shape alone; its words are read out and shown on touch. */
export function BreakerMark({ rows }: { rows: Row[] | undefined }) {
  const worst = rows && worstFirst(rows)[0];
  if (!worst) return null;
  const tone = policyTone(worst.state);
  return (
    <span class={`breaker-mark tone-${tone}`} title={`breaker ${visible(worst.state)}: ${worst.now}`}>
      <Icon name={tone === "bad" ? "shield_shut" : tone === "busy" ? "shield_half" : "shield_off"} />
      <span class="hidden">breaker {visible(worst.state)}</span>
    </span>
  );
}
