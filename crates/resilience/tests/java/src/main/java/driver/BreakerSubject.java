package driver;

import io.github.resilience4j.bulkhead.Bulkhead;
import io.github.resilience4j.bulkhead.BulkheadConfig;
import io.github.resilience4j.bulkhead.BulkheadFullException;
import io.github.resilience4j.circuitbreaker.CircuitBreaker;
import io.github.resilience4j.circuitbreaker.CircuitBreakerConfig;
import io.github.resilience4j.circuitbreaker.CircuitBreakerConfig.SlidingWindowSynchronizationStrategy;
import io.github.resilience4j.circuitbreaker.CircuitBreakerConfig.SlidingWindowType;
import io.github.resilience4j.circuitbreaker.IllegalStateTransitionException;
import io.github.resilience4j.circuitbreaker.event.CircuitBreakerOnFailureRateExceededEvent;
import io.github.resilience4j.circuitbreaker.event.CircuitBreakerOnSlowCallRateExceededEvent;
import io.github.resilience4j.circuitbreaker.event.CircuitBreakerOnStateTransitionEvent;
import io.github.resilience4j.circuitbreaker.internal.CircuitBreakerStateMachine;
import io.github.resilience4j.core.IntervalFunction;
import java.time.Duration;
import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.TimeUnit;

/** A circuit breaker. */
final class BreakerSubject implements Driver.Subject {

    private static final class Failure extends RuntimeException {
    }

    private static final class Ignored extends RuntimeException {
    }

    private final CircuitBreaker breaker;
    private final Set<Integer> running = new HashSet<>();
    private final StringBuilder events = new StringBuilder();
    /** Who hears of HALF_OPEN takes all its permits at once. */
    private boolean greedy;

    BreakerSubject(String[] s) {
        long waitMillis = Long.parseLong(s[7]);
        double multiplier = Double.parseDouble(s[8]);
        long waitMax = Long.parseLong(s[9]);
        IntervalFunction wait = multiplier == 1.0
            ? IntervalFunction.of(waitMillis)
            : IntervalFunction.ofExponentialBackoff(waitMillis, multiplier, waitMax);
        CircuitBreakerConfig.Builder builder = CircuitBreakerConfig.custom()
            .failureRateThreshold(Float.parseFloat(s[1]))
            .slowCallRateThreshold(Float.parseFloat(s[2]))
            .slowCallDurationThreshold(Duration.ofNanos(Long.parseLong(s[3])))
            .slidingWindow(
                Integer.parseInt(s[5]),
                Integer.parseInt(s[6]),
                s[4].equals("calls") ? SlidingWindowType.COUNT_BASED : SlidingWindowType.TIME_BASED,
                SlidingWindowSynchronizationStrategy.SYNCHRONIZED)
            .waitIntervalFunctionInOpenState(wait)
            .permittedNumberOfCallsInHalfOpenState(Integer.parseInt(s[10]))
            .transitionToStateAfterWaitDuration(CircuitBreaker.State.valueOf(s[12]))
            .automaticTransitionFromOpenToHalfOpenEnabled(Boolean.parseBoolean(s[13]))
            .initialState(CircuitBreaker.State.valueOf(s[14]))
            .ignoreException(error -> error instanceof Ignored)
            .clock(VirtualTime.CLOCK);
        if (!s[11].equals("default")) {
            builder.maxWaitDurationInHalfOpenState(Duration.ofMillis(Long.parseLong(s[11])));
        }
        breaker = new CircuitBreakerStateMachine("driven", builder.build());
        breaker.getEventPublisher().onEvent(event -> {
            events.append(',').append(event.getEventType());
            if (event instanceof CircuitBreakerOnStateTransitionEvent transition) {
                events.append(':').append(transition.getStateTransition().getFromState())
                    .append('>').append(transition.getStateTransition().getToState());
                if (greedy && transition.getStateTransition().getToState() == CircuitBreaker.State.HALF_OPEN) {
                    for (int taken = 0; taken < Integer.parseInt(s[10]); taken++) {
                        breaker.tryAcquirePermission();
                    }
                }
            } else if (event instanceof CircuitBreakerOnFailureRateExceededEvent exceeded) {
                events.append(':').append(bits(exceeded.getFailureRate()));
            } else if (event instanceof CircuitBreakerOnSlowCallRateExceededEvent exceeded) {
                events.append(':').append(bits(exceeded.getSlowCallRate()));
            }
        });
    }

    @Override
    public String act(String operation) {
        String[] parts = operation.substring(1).split(":");
        switch (operation.charAt(0)) {
            case 'a' -> {
                boolean permitted = breaker.tryAcquirePermission();
                if (permitted) {
                    running.add(Integer.valueOf(parts[0]));
                }
                return permitted ? "1" : "0";
            }
            case 's' -> {
                if (running.remove(Integer.valueOf(parts[0]))) {
                    breaker.onSuccess(Long.parseLong(parts[1]), TimeUnit.NANOSECONDS);
                }
            }
            case 'e' -> {
                if (running.remove(Integer.valueOf(parts[0]))) {
                    breaker.onError(Long.parseLong(parts[1]), TimeUnit.NANOSECONDS, new Failure());
                }
            }
            case 'i' -> {
                if (running.remove(Integer.valueOf(parts[0]))) {
                    breaker.onError(Long.parseLong(parts[1]), TimeUnit.NANOSECONDS, new Ignored());
                }
            }
            case 'r' -> {
                if (running.remove(Integer.valueOf(parts[0]))) {
                    breaker.releasePermission();
                }
            }
            case 'S' -> {
                return transition(parts[0]);
            }
            case 'O' -> {
                try {
                    breaker.transitionToOpenStateFor(Duration.ofMillis(Long.parseLong(parts[0])));
                } catch (IllegalStateTransitionException illegal) {
                    return "illegal";
                }
            }
            case 'R' -> breaker.reset();
            case 'g' -> greedy = true;
            case 'B' -> {
                return callThroughFullBulkhead();
            }
            default -> throw new IllegalArgumentException(operation);
        }
        return "-";
    }

    private String callThroughFullBulkhead() {
        Bulkhead full = Bulkhead.of("full", BulkheadConfig.custom().maxConcurrentCalls(1).build());
        full.acquirePermission();
        Runnable call = Bulkhead.decorateRunnable(full, () -> { });
        try {
            CircuitBreaker.decorateRunnable(breaker, call).run();
        } catch (BulkheadFullException refused) {
            return "full";
        }
        return "-";
    }

    private String transition(String state) {
        try {
            switch (CircuitBreaker.State.valueOf(state)) {
                case CLOSED -> breaker.transitionToClosedState();
                case OPEN -> breaker.transitionToOpenState();
                case HALF_OPEN -> breaker.transitionToHalfOpenState();
                case DISABLED -> breaker.transitionToDisabledState();
                case FORCED_OPEN -> breaker.transitionToForcedOpenState();
                case METRICS_ONLY -> breaker.transitionToMetricsOnlyState();
            }
        } catch (IllegalStateTransitionException illegal) {
            return "illegal";
        }
        return "-";
    }

    @Override
    public void see(String returned, StringBuilder into) {
        CircuitBreaker.Metrics metrics = breaker.getMetrics();
        into.append(returned).append('/').append(breaker.getState())
            .append('/').append(metrics.getNumberOfBufferedCalls())
            .append('/').append(metrics.getNumberOfFailedCalls())
            .append('/').append(metrics.getNumberOfSlowCalls())
            .append('/').append(metrics.getNumberOfSlowFailedCalls())
            .append('/').append(metrics.getNumberOfNotPermittedCalls())
            .append('/').append(bits(metrics.getFailureRate()))
            .append('/').append(bits(metrics.getSlowCallRate()))
            .append(events);
        events.setLength(0);
    }

    private static String bits(float rate) {
        return Integer.toHexString(Float.floatToRawIntBits(rate));
    }
}
