package driver;

import io.github.resilience4j.ratelimiter.RateLimiterConfig;
import io.github.resilience4j.ratelimiter.internal.AtomicRateLimiter;
import java.time.Duration;

/** A rate limiter by cycles. */
final class LimiterSubject implements Driver.Subject {

    private final AtomicRateLimiter limiter;

    LimiterSubject(String[] s) {
        RateLimiterConfig config = RateLimiterConfig.custom()
            .limitForPeriod(Integer.parseInt(s[1]))
            .limitRefreshPeriod(Duration.ofNanos(Long.parseLong(s[2])))
            .timeoutDuration(Duration.ofNanos(Long.parseLong(s[3])))
            .build();
        limiter = new AtomicRateLimiter("driven", config, () -> VirtualTime.nanos);
    }

    @Override
    public String act(String operation) {
        if (operation.charAt(0) == 'd') {
            limiter.drainPermissions();
            return "-";
        }
        return Long.toString(limiter.reservePermission(Integer.parseInt(operation.substring(1))));
    }

    @Override
    public void see(String returned, StringBuilder into) {
        into.append(returned).append('/').append(limiter.getMetrics().getAvailablePermissions());
    }
}
