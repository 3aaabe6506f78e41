package driver;

import io.github.resilience4j.bulkhead.BulkheadConfig;
import io.github.resilience4j.bulkhead.internal.SemaphoreBulkhead;
import java.time.Duration;

/** A bulkhead that does not wait. */
final class BulkheadSubject implements Driver.Subject {

    private final SemaphoreBulkhead bulkhead;
    private int running;

    BulkheadSubject(String[] s) {
        BulkheadConfig config = BulkheadConfig.custom()
            .maxConcurrentCalls(Integer.parseInt(s[1]))
            .maxWaitDuration(Duration.ZERO)
            .build();
        bulkhead = new SemaphoreBulkhead("driven", config);
    }

    @Override
    public String act(String operation) {
        if (operation.charAt(0) == 'a') {
            boolean permitted = bulkhead.tryAcquirePermission();
            running += permitted ? 1 : 0;
            return permitted ? "1" : "0";
        }
        if (running > 0) {
            running--;
            bulkhead.onComplete();
        }
        return "-";
    }

    @Override
    public void see(String returned, StringBuilder into) {
        into.append(returned).append('/').append(bulkhead.getMetrics().getAvailableConcurrentCalls());
    }
}
