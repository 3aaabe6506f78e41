// The policies as they are now, for every page that shows some: read each few seconds, and at once when something happens.
import { useEffect } from "preact/hooks";
import { policyEvents } from "../api/live";
import type { Policies } from "../api/types";
import { type Reading, useDocument } from "../hooks";

export function usePolicies(everyMs: number): Reading<Policies> {
  const reading = useDocument<Policies>("/v1/resilience", everyMs);
  const last = policyEvents.value[policyEvents.value.length - 1]?.number;
  useEffect(() => {
    if (last !== undefined) reading.refresh();
  }, [last]);
  return reading;
}
