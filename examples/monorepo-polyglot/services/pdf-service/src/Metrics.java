import java.util.Arrays;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * What this service has done, in the text format of Prometheus. Bounded: every label has few values, and a route is a
 * pattern, never a path.
 */
final class Metrics {
    private static final double[] BUCKETS = {0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5};
    private static final Set<String> METHODS = Set.of("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS");

    private final long startedMs = System.currentTimeMillis();
    private final Map<String, Long> requests = new TreeMap<>();
    private final Map<String, Histogram> durations = new TreeMap<>();
    private final Map<String, Long> documents = new TreeMap<>();
    private final Map<String, Long> pages = new TreeMap<>();

    private static final class Histogram {
        final long[] counts = new long[BUCKETS.length + 1];
        double sum;
    }

    synchronized void answered(String method, String route, int status, double seconds) {
        String known = METHODS.contains(method) ? method : "OTHER";
        requests.merge(String.format("method=\"%s\",route=\"%s\",status=\"%d\"", known, route, status), 1L, Long::sum);
        Histogram seen = durations.computeIfAbsent(route, any -> new Histogram());
        int bucket = Arrays.binarySearch(BUCKETS, seconds);
        seen.counts[bucket < 0 ? -bucket - 1 : bucket]++;
        seen.sum += seconds;
    }

    synchronized void made(String kind, int pageCount) {
        documents.merge("kind=\"" + kind + "\"", 1L, Long::sum);
        pages.merge("kind=\"" + kind + "\"", (long) pageCount, Long::sum);
    }

    synchronized String render() {
        StringBuilder out = new StringBuilder();
        counters(out, "http_requests_total", "Requests answered.", requests);
        counters(out, "pdf_documents_total", "Documents made.", documents);
        counters(out, "pdf_pages_total", "Pages made.", pages);
        String name = "http_request_duration_seconds";
        about(out, name, "histogram", "Time from request to answer.");
        durations.forEach((route, seen) -> {
            long total = 0;
            for (int i = 0; i < seen.counts.length; i++) {
                total += seen.counts[i];
                String bound = i < BUCKETS.length ? String.valueOf(BUCKETS[i]) : "+Inf";
                out.append(String.format("%s_bucket{route=\"%s\",le=\"%s\"} %d\n", name, route, bound, total));
            }
            out.append(String.format(Locale.ROOT, "%s_sum{route=\"%s\"} %.6f\n", name, route, seen.sum));
            out.append(String.format("%s_count{route=\"%s\"} %d\n", name, route, total));
        });
        about(out, "process_start_time_seconds", "gauge", "Start time of the process, in Unix seconds.");
        out.append(String.format(Locale.ROOT, "process_start_time_seconds %.3f\n", startedMs / 1000.0));
        return out.toString();
    }

    private static void counters(StringBuilder out, String name, String help, Map<String, Long> counts) {
        about(out, name, "counter", help);
        counts.forEach((labels, count) -> out.append(name + "{" + labels + "} " + count + "\n"));
    }

    private static void about(StringBuilder out, String name, String kind, String help) {
        out.append("# HELP " + name + " " + help + "\n# TYPE " + name + " " + kind + "\n");
    }
}
