// What the keys do.
import { Dialog } from "../parts/dialog";
import { Icon } from "../parts/icon";

const GROUPS: { name: string; keys: [string[], string][] }[] = [
  {
    name: "Everywhere",
    keys: [
      [["Ctrl", "K"], "Jump to a service, page or trace"],
      [["g", "s"], "Services"],
      [["g", "g"], "Graph"],
      [["g", "r"], "Requests"],
      [["g", "t"], "Traces"],
      [["g", "d"], "Dependencies"],
      [["g", "b"], "Resilience: breakers and their like"],
      [["g", "c"], "Configuration"],
      [["/"], "Search on this page"],
      [["t"], "Change the theme"],
      [["?"], "This help"],
    ],
  },
  {
    name: "Lists and requests",
    keys: [
      [["↑", "↓"], "Move between rows"],
      [["Enter"], "Open the row"],
      [["p"], "Pause or go on (requests)"],
      [["r"], "Ask again (traces)"],
    ],
  },
  {
    name: "Trace",
    keys: [
      [["↑", "↓"], "Previous or next span"],
      [["←", "→"], "Fold or unfold, go to parent or child"],
      [["Home", "End"], "First or last span"],
      [["Enter"], "Details of the span"],
      [["n", "N"], "Next or previous match, or failed span"],
      [["c"], "Only the critical path"],
      [["1", "–", "5"], "Timeline, flame graph and the other views"],
      [["Esc"], "Close details, show the whole time"],
    ],
  },
  {
    name: "Graph",
    keys: [
      [["Tab"], "Into the graph"],
      [["←", "→"], "To a caller or a callee"],
      [["↑", "↓"], "Within a column"],
      [["Enter"], "Select"],
      [["+", "−", "0"], "Closer, farther, all"],
    ],
  },
];

export function HelpDialog({ close }: { close: () => void }) {
  return (
    <Dialog label="Keyboard help" class="help" close={close}>
      <div class="dialog-head">
        <h2>Keyboard</h2>
        <button type="button" class="button quiet" onClick={close} aria-label="Close">
          <Icon name="close" />
        </button>
      </div>
      <div class="help-groups">
        {GROUPS.map((group) => (
          <section key={group.name}>
            <h3>{group.name}</h3>
            <dl>
              {group.keys.map(([keys, what]) => (
                <div key={what}>
                  <dt>
                    {keys.map((key) => (
                      <kbd key={key}>{key}</kbd>
                    ))}
                  </dt>
                  <dd>{what}</dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
    </Dialog>
  );
}
