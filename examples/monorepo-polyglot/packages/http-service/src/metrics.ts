// Counters and one histogram in the Prometheus text format. Labels are chosen by the code, never by a caller, which is
// what bounds the number of series.

const DURATION_BUCKETS_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

type Labels = Record<string, string>;

interface Family {
  render(): string;
}

/** The counters of one process. */
export class Metrics {
  private readonly families: Family[] = [];
  private readonly requests = this.counter("http_requests_total", "Requests answered.");
  private readonly durations = new Histogram("http_request_duration_seconds", "Time from head to answer, by route.");

  constructor() {
    this.families.push(this.durations);
  }

  counter(name: string, help: string): Counter {
    const counter = new Counter(name, help);
    this.families.push(counter);
    return counter;
  }

  observeRequest(method: string, route: string, status: number, seconds: number): void {
    this.requests.add({ method, route, status: String(status) });
    this.durations.observe({ route }, seconds);
  }

  render(): string {
    const started = Date.now() / 1000 - process.uptime();
    const own = `# HELP process_start_time_seconds Start of the process, in seconds since 1970.
# TYPE process_start_time_seconds gauge
process_start_time_seconds ${started.toFixed(3)}
`;
    return this.families.map((family) => family.render()).join("") + own;
  }
}

export class Counter implements Family {
  private readonly values = new Map<string, number>();

  constructor(
    private readonly name: string,
    private readonly help: string,
  ) {}

  add(labels: Labels = {}, amount = 1): void {
    const key = series(labels);
    this.values.set(key, (this.values.get(key) ?? 0) + amount);
  }

  render(): string {
    const lines = [...this.values].map(([labels, value]) => `${this.name}${braces(labels)} ${value}\n`);
    return `# HELP ${this.name} ${this.help}\n# TYPE ${this.name} counter\n${lines.join("")}`;
  }
}

class Histogram implements Family {
  private readonly values = new Map<string, { counts: number[]; sum: number }>();

  constructor(
    private readonly name: string,
    private readonly help: string,
  ) {}

  observe(labels: Labels, value: number): void {
    const key = series(labels);
    const entry = this.values.get(key) ?? { counts: new Array(DURATION_BUCKETS_SECONDS.length + 1).fill(0), sum: 0 };
    const found = DURATION_BUCKETS_SECONDS.findIndex((bound) => value <= bound);
    const bucket = found < 0 ? DURATION_BUCKETS_SECONDS.length : found;
    entry.counts[bucket] = (entry.counts[bucket] ?? 0) + 1;
    entry.sum += value;
    this.values.set(key, entry);
  }

  render(): string {
    const lines = [...this.values].map(([labels, { counts, sum }]) => {
      let total = 0;
      const buckets = counts.map((count, index) => {
        total += count;
        return `${this.name}_bucket{${labels},le="${DURATION_BUCKETS_SECONDS[index] ?? "+Inf"}"} ${total}\n`;
      });
      return `${buckets.join("")}${this.name}_sum{${labels}} ${sum}\n${this.name}_count{${labels}} ${total}\n`;
    });
    return `# HELP ${this.name} ${this.help}\n# TYPE ${this.name} histogram\n${lines.join("")}`;
  }
}

function series(labels: Labels): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}="${value.replace(/\\/g, "\\\\").replace(/"/g, '\\"').replace(/\n/g, "\\n")}"`)
    .join(",");
}

function braces(labels: string): string {
  return labels === "" ? "" : `{${labels}}`;
}
