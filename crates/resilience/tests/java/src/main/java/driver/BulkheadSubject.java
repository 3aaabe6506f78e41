package driver;

import io.github.resilience4j.bulkhead.BulkheadConfig;
import io.github.resilience4j.bulkhead.internal.SemaphoreBulkhead;
import java.time.Duration;

/** A bulkhead that does not wait. */
final class BulkheadSubject implements Driver.Subject {

    private final SemaphoreBulkhead bulkhead;
    private int running;
    private Thread changing;

    BulkheadSubject(String[] s) {
        BulkheadConfig config = BulkheadConfig.custom()
            .maxConcurrentCalls(Integer.parseInt(s[1]))
            .maxWaitDuration(Duration.ZERO)
            .build();
        bulkhead = new SemaphoreBulkhead("driven", config);
    }

    @Override
    public String act(String operation) throws InterruptedException {
        if (operation.charAt(0) == 'c') {
            return change(Integer.parseInt(operation.substring(1)));
        }
        if (operation.charAt(0) == 'f') {
            // In one step: when the change gets the permit is not to be seen.
            running--;
            bulkhead.onComplete();
            changing.join();
            return "done";
        }
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

    /** Says whether the change waits for something. */
    private String change(int max) {
        BulkheadConfig config = BulkheadConfig.from(bulkhead.getBulkheadConfig()).maxConcurrentCalls(max).build();
        changing = new Thread(() -> bulkhead.changeConfig(config));
        changing.setDaemon(true);
        changing.start();
        while (true) {
            switch (changing.getState()) {
                case WAITING -> {
                    return "waits";
                }
                case TERMINATED -> {
                    return "done";
                }
                default -> Thread.onSpinWait();
            }
        }
    }

    @Override
    public void see(String returned, StringBuilder into) {
        into.append(returned).append('/').append(bulkhead.getMetrics().getAvailableConcurrentCalls());
    }
}
