import java.security.SecureRandom;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** One JSON object per line on standard output, with the ids by which a request is found again. */
final class Log {
    static final String SERVICE = "pdf-service";

    private static final Pattern TRACEPARENT =
            Pattern.compile("[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}.*");
    private static final Pattern REQUEST_ID = Pattern.compile("[!-~]{1,128}");
    private static final SecureRandom RANDOM = new SecureRandom();

    private Log() {}

    /** Names and values alternate; values that are null are left out. */
    static void event(String level, String message, Object... namesAndValues) {
        Map<String, Object> line = new LinkedHashMap<>();
        line.put("time", time(Instant.now()));
        line.put("level", level);
        line.put("msg", message);
        line.put("service", SERVICE);
        for (int i = 0; i + 1 < namesAndValues.length; i += 2) {
            if (namesAndValues[i + 1] != null) {
                line.put((String) namesAndValues[i], namesAndValues[i + 1]);
            }
        }
        System.out.print(Json.write(line) + "\n");
        System.out.flush();
    }

    /** RFC 3339 with three digits of a second, also where they are zeros. */
    private static String time(Instant now) {
        String text = now.truncatedTo(ChronoUnit.MILLIS).toString();
        return text.length() == "2000-01-01T00:00:00Z".length() ? text.replace("Z", ".000Z") : text;
    }

    /** The trace id of a traceparent (W3C Trace Context, section 3.2), or null. */
    static String traceId(String traceparent) {
        Matcher found = TRACEPARENT.matcher(traceparent == null ? "" : traceparent);
        return found.matches() ? found.group(1) : null;
    }

    /** The caller's request id if it can be printed and is short, and a new one otherwise. */
    static String requestId(String given) {
        if (given != null && REQUEST_ID.matcher(given).matches()) {
            return given;
        }
        return String.format("req_%016x", RANDOM.nextLong());
    }
}
