package driver;

import io.github.resilience4j.core.IntervalFunction;

/** Intervals with a random part: the operation is how many are drawn. */
final class IntervalSubject implements Driver.Subject {

    private final long initial;
    private final double factor;
    private final IntervalFunction interval;

    IntervalSubject(String[] s) {
        initial = Long.parseLong(s[1]);
        factor = Double.parseDouble(s[2]);
        interval = IntervalFunction.ofRandomized(initial, factor);
    }

    @Override
    public String act(String operation) {
        long least = Long.MAX_VALUE;
        long most = Long.MIN_VALUE;
        for (int drawn = 0; drawn < Integer.parseInt(operation); drawn++) {
            long millis = interval.apply(1);
            least = Math.min(least, millis);
            most = Math.max(most, millis);
        }
        boolean inBounds = least >= initial * (1 - factor) && most <= initial * (1 + factor) + 1;
        return (least < most ? "differ" : "equal") + (inBounds ? ":in-bounds" : ":out-of-bounds");
    }

    @Override
    public void see(String returned, StringBuilder into) {
        into.append(returned);
    }
}
