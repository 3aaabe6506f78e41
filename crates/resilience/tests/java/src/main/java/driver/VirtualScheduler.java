package driver;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.AbstractExecutorService;
import java.util.concurrent.Callable;
import java.util.concurrent.Delayed;
import java.util.concurrent.FutureTask;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;

/** Runs what is due when it is told that time has passed. */
public final class VirtualScheduler extends AbstractExecutorService implements ScheduledExecutorService {

    public static final VirtualScheduler INSTANCE = new VirtualScheduler();

    private final List<Task> tasks = new ArrayList<>();

    void clear() {
        tasks.clear();
    }

    void runDue() {
        List<Task> due = new ArrayList<>(tasks);
        due.removeIf(task -> task.at > VirtualTime.nanos);
        for (Task task : due) {
            tasks.remove(task);
            task.run();
            // A state that ends by its own timer cancels that timer, and so interrupts this thread.
            Thread.interrupted();
        }
    }

    @Override
    public ScheduledFuture<?> schedule(Runnable command, long delay, TimeUnit unit) {
        Task task = new Task(command, VirtualTime.nanos + unit.toNanos(delay));
        tasks.add(task);
        return task;
    }

    private static final class Task extends FutureTask<Void> implements ScheduledFuture<Void> {
        private final long at;

        private Task(Runnable command, long at) {
            super(command, null);
            this.at = at;
        }

        @Override
        public long getDelay(TimeUnit unit) {
            return unit.convert(at - VirtualTime.nanos, TimeUnit.NANOSECONDS);
        }

        @Override
        public int compareTo(Delayed other) {
            return Long.compare(getDelay(TimeUnit.NANOSECONDS), other.getDelay(TimeUnit.NANOSECONDS));
        }
    }

    @Override
    public <V> ScheduledFuture<V> schedule(Callable<V> callable, long delay, TimeUnit unit) {
        throw new UnsupportedOperationException();
    }

    @Override
    public ScheduledFuture<?> scheduleAtFixedRate(Runnable command, long initial, long period, TimeUnit unit) {
        throw new UnsupportedOperationException();
    }

    @Override
    public ScheduledFuture<?> scheduleWithFixedDelay(Runnable command, long initial, long delay, TimeUnit unit) {
        throw new UnsupportedOperationException();
    }

    @Override
    public void shutdown() {
    }

    @Override
    public List<Runnable> shutdownNow() {
        return List.of();
    }

    @Override
    public boolean isShutdown() {
        return false;
    }

    @Override
    public boolean isTerminated() {
        return false;
    }

    @Override
    public boolean awaitTermination(long timeout, TimeUnit unit) {
        return true;
    }

    @Override
    public void execute(Runnable command) {
        command.run();
    }
}
