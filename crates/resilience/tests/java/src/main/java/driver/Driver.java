package driver;

import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.InputStreamReader;
import java.io.OutputStreamWriter;
import java.nio.charset.StandardCharsets;

/**
 * Replays sequences against Resilience4j. Each line of the input is one: a word for the kind, the
 * settings, {@code |}, and the operations. Each line of the output is what was seen after each
 * operation.
 */
public final class Driver {

    private Driver() {
    }

    public static void main(String[] arguments) throws Exception {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.US_ASCII));
        BufferedWriter out = new BufferedWriter(new OutputStreamWriter(System.out, StandardCharsets.US_ASCII));
        String line;
        while ((line = in.readLine()) != null) {
            int bar = line.indexOf('|');
            String[] settings = line.substring(0, bar).trim().split(" ");
            String[] operations = line.substring(bar + 1).trim().split(" ");
            VirtualTime.nanos = 1_000_000L * 1_000_000_000L;
            VirtualScheduler.INSTANCE.clear();
            Subject subject = switch (settings[0]) {
                case "breaker" -> new BreakerSubject(settings);
                case "limiter" -> new LimiterSubject(settings);
                case "retry" -> new RetrySubject(settings);
                case "interval" -> new IntervalSubject(settings);
                case "bulkhead" -> new BulkheadSubject(settings);
                default -> throw new IllegalArgumentException(settings[0]);
            };
            StringBuilder seen = new StringBuilder();
            for (String operation : operations) {
                if (operation.charAt(0) == 't') {
                    VirtualTime.nanos += Long.parseLong(operation.substring(1));
                    VirtualScheduler.INSTANCE.runDue();
                    subject.see("t", seen);
                } else {
                    String returned;
                    try {
                        returned = subject.act(operation);
                    } catch (ArithmeticException defect) {
                        returned = "defect";
                    }
                    subject.see(returned, seen);
                }
                seen.append(' ');
            }
            out.write(seen.toString().trim());
            out.write('\n');
        }
        out.flush();
    }

    /** What is driven. */
    interface Subject {
        /** Carries out an operation, and says what it returned. */
        String act(String operation) throws Exception;

        /** Appends what was returned, and what can be seen. */
        void see(String returned, StringBuilder into);
    }
}
