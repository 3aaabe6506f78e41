// The policies of one service, of its routes and endpoints, and of the calls from and to it, a line for each.
import { Part, PolicyState } from "../parts/policy";
import { Foreign } from "../parts/text";
import { href } from "../router";
import { usePolicies } from "./policies";
import { sortTargets, summary, targets } from "./policy_list";

export function ServicePolicies({ name }: { name: string }) {
  const { data } = usePolicies(3000);
  const found = sortTargets(targets(data).filter((target) => target.service === name || target.caller === name), "name");
  if (found.length === 0) return null;
  return (
    <section>
      <div class="section-head">
        <h2 class="section-title">Policies</h2>
        <a href={href("/resilience", { q: name })}>Numbers, events and orders</a>
      </div>
      <ul class="table-frame service-policies" aria-label={`Policies of ${name}`}>
        {found.flatMap((target) =>
          target.rows.map((row) => (
            <li key={`${target.policy} ${row.kind}`}>
              <span>{row.kind}</span>
              <PolicyState state={row.state} />
              <span class="sub">
                {target.service === name ? null : (
                  <span class="tag">
                    calls to <Foreign text={target.service} />
                  </span>
                )}
                <Part of={target.service === name ? target : { ...target, caller: "" }} />
                {row.dryRun ? <span class="tag">dry run</span> : null}
                <span class="faint wrap">{summary(row) || row.now}</span>
              </span>
            </li>
          )),
        )}
      </ul>
    </section>
  );
}
