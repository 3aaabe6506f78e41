package io.github.resilience4j.circuitbreaker.internal;

import driver.VirtualScheduler;
import java.util.concurrent.ScheduledExecutorService;

/** Stands in the place of the library's class of this name, so that timers follow the virtual clock. */
public class SchedulerFactory {

    private static final SchedulerFactory INSTANCE = new SchedulerFactory();

    public static SchedulerFactory getInstance() {
        return INSTANCE;
    }

    public ScheduledExecutorService getScheduler() {
        return VirtualScheduler.INSTANCE;
    }
}
