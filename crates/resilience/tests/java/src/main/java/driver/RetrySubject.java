package driver;

import io.github.resilience4j.circuitbreaker.CallNotPermittedException;
import io.github.resilience4j.circuitbreaker.CircuitBreaker;
import io.github.resilience4j.core.IntervalFunction;
import io.github.resilience4j.retry.MaxRetriesExceededException;
import io.github.resilience4j.retry.Retry;
import io.github.resilience4j.retry.RetryConfig;
import io.github.resilience4j.retry.internal.RetryImpl;

/** A retry: each operation is how one call of it goes, one letter for each attempt. */
final class RetrySubject implements Driver.Subject {

    private static final class Failure extends RuntimeException {
    }

    private static final class Ignored extends RuntimeException {
    }

    private final RetryImpl<String> retry;
    private final StringBuilder waits = new StringBuilder();

    RetrySubject(String[] s) throws ReflectiveOperationException {
        RetryImpl.setSleepFunction(millis -> waits.append(',').append(millis));
        if (s[1].equals("default")) {
            retry = new RetryImpl<>("driven", RetryConfig.ofDefaults());
            return;
        }
        long initial = Long.parseLong(s[2]);
        double multiplier = Double.parseDouble(s[3]);
        long max = Long.parseLong(s[4]);
        double factor = Double.parseDouble(s[5]);
        SeededRandom.begin(Long.parseLong(s[6]));
        IntervalFunction interval;
        if (factor > 0) {
            interval = multiplier == 1.0
                ? IntervalFunction.ofRandomized(initial, factor)
                : IntervalFunction.ofExponentialRandomBackoff(initial, multiplier, factor, max);
        } else {
            interval = multiplier == 1.0
                ? IntervalFunction.of(initial)
                : IntervalFunction.ofExponentialBackoff(initial, multiplier, max);
        }
        RetryConfig config = RetryConfig.<String>custom()
            .maxAttempts(Integer.parseInt(s[1]))
            .intervalFunction(interval)
            .retryOnResult(result -> result.equals("u"))
            .retryOnException(error -> error instanceof Failure)
            .build();
        retry = new RetryImpl<>("driven", config);
    }

    @Override
    public String act(String operation) {
        Retry.Context<String> context = retry.context();
        for (int at = 0; ; at++) {
            char how = at < operation.length() ? operation.charAt(at) : 's';
            try {
                if (how == 'e') {
                    context.onRuntimeError(new Failure());
                } else if (how == 'n') {
                    CircuitBreaker open = CircuitBreaker.ofDefaults("open");
                    open.transitionToForcedOpenState();
                    context.onRuntimeError(CallNotPermittedException.createCallNotPermittedException(open));
                } else if (how == 'i') {
                    context.onRuntimeError(new Ignored());
                } else if (!context.onResult(how == 'u' ? "u" : "s")) {
                    context.onComplete();
                    return "r";
                }
            } catch (Failure | Ignored | CallNotPermittedException | MaxRetriesExceededException ended) {
                return "x";
            }
        }
    }

    @Override
    public void see(String returned, StringBuilder into) {
        Retry.Metrics metrics = retry.getMetrics();
        into.append(returned)
            .append('/').append(metrics.getNumberOfSuccessfulCallsWithoutRetryAttempt())
            .append('/').append(metrics.getNumberOfSuccessfulCallsWithRetryAttempt())
            .append('/').append(metrics.getNumberOfFailedCallsWithoutRetryAttempt())
            .append('/').append(metrics.getNumberOfFailedCallsWithRetryAttempt())
            .append(waits);
        waits.setLength(0);
    }
}
