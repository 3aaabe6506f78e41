package driver;

import io.github.resilience4j.ratelimiter.RateLimiterConfig;
import io.github.resilience4j.ratelimiter.internal.AtomicRateLimiter;
import java.time.Duration;

/** A rate limiter by cycles. */
final class LimiterSubject implements Driver.Subject {

    private final AtomicRateLimiter limiter;

    private final RateLimiterConfig config;
    /** So much passes each time somebody looks at the clock. */
    private long creep;

    LimiterSubject(String[] s) {
        config = s[1].equals("default") ? RateLimiterConfig.ofDefaults() : RateLimiterConfig.custom()
            .limitForPeriod(Integer.parseInt(s[1]))
            .limitRefreshPeriod(Duration.ofNanos(Long.parseLong(s[2])))
            .timeoutDuration(Duration.ofNanos(Long.parseLong(s[3])))
            .build();
        limiter = new AtomicRateLimiter("driven", config, () -> VirtualTime.nanos += creep);
    }

    @Override
    public String act(String operation) {
        if (operation.charAt(0) == 'd') {
            limiter.drainPermissions();
            return "-";
        }
        if (operation.charAt(0) == 'l') {
            limiter.changeLimitForPeriod(Integer.parseInt(operation.substring(1)));
            return "-";
        }
        if (operation.charAt(0) == 'o') {
            limiter.changeTimeoutDuration(Duration.ofNanos(Long.parseLong(operation.substring(1))));
            return "-";
        }
        if (operation.charAt(0) == 'w') {
            return acquire(Integer.parseInt(operation.substring(1)));
        }
        return Long.toString(limiter.reservePermission(Integer.parseInt(operation.substring(1))));
    }

    private String acquire(int permits) {
        long timeout = config.getTimeoutDuration().toNanos();
        long before = VirtualTime.nanos;
        creep = timeout / 8;
        boolean permitted = limiter.acquirePermission(permits);
        creep = 0;
        return (permitted ? "1" : "0") + (VirtualTime.nanos - before >= timeout ? ":slept" : ":at-once");
    }

    @Override
    public void see(String returned, StringBuilder into) {
        into.append(returned).append('/').append(limiter.getMetrics().getAvailablePermissions());
    }
}
