import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/**
 * Pdf-service: sets invoices and short documents as PDF.
 *
 * <p>A plain HTTP service with no knowledge of what stands in front of it: it reads PORT, answers /health and /metrics,
 * logs one JSON line per request with the trace id it was given, and on SIGTERM finishes what it has begun. It calls
 * nobody and keeps nothing.
 */
public final class Main {
    private static final int WORKERS = 8;
    private static final int WAITING_MAX = 256;
    private static final int BACKLOG = 128;
    /** How long a connection that is kept alive is given to ask once more and be told to close. */
    private static final long FAREWELL_MS = 150;
    /** How long requests may still take after that. */
    private static final int DRAIN_SECONDS_MAX = 5;

    private Main() {}

    public static void main(String[] arguments) throws IOException {
        limitTheServer();
        var address = new InetSocketAddress(setting("HOST", "127.0.0.1"), Integer.parseInt(setting("PORT", "8083")));
        HttpServer server = HttpServer.create(address, BACKLOG);
        Front front = new Front(new Metrics());
        server.createContext("/", front);
        var workers = new ThreadPoolExecutor(
                WORKERS, WORKERS, 30, TimeUnit.SECONDS, new ArrayBlockingQueue<>(WAITING_MAX));
        workers.allowCoreThreadTimeOut(true);
        server.setExecutor(front.counting(workers));
        Runtime.getRuntime().addShutdownHook(new Thread(() -> stop(server, front), "stop"));
        server.start();
        Log.event("info", "listening", "address", address.getHostString() + ":" + server.getAddress().getPort());
    }

    /** The server reads its limits of time and number, in seconds, from properties of the machine. */
    private static void limitTheServer() {
        System.setProperty("sun.net.httpserver.nodelay", "true");
        System.setProperty("sun.net.httpserver.maxReqTime", "10");
        System.setProperty("sun.net.httpserver.maxRspTime", "15");
        System.setProperty("sun.net.httpserver.idleInterval", "75");
        System.setProperty("sun.net.httpserver.maxIdleConnections", "128");
        System.setProperty("sun.net.httpserver.maxReqHeaders", "64");
        System.setProperty("jdk.httpserver.maxConnections", "512");
    }

    /** Runs when the machine is told to end, and decides when and how it does: orderly is 0, not 143. */
    private static void stop(HttpServer server, Front front) {
        Log.event("info", "stopping");
        try {
            // Stops accepting at once; it would always wait for the whole time, so we watch for the last request here.
            var closer = new Thread(() -> server.stop(DRAIN_SECONDS_MAX + 1), "close");
            closer.setDaemon(true);
            closer.start();
            front.beginClosing();
            Thread.sleep(FAREWELL_MS);
            boolean finished = front.awaitQuiet(TimeUnit.SECONDS.toMillis(DRAIN_SECONDS_MAX));
            Log.event(finished ? "info" : "error", finished ? "stopped" : "stopped with requests unanswered");
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
        }
        Runtime.getRuntime().halt(0);
    }

    private static String setting(String name, String fallback) {
        String value = System.getenv(name);
        return value == null || value.isEmpty() ? fallback : value;
    }
}
