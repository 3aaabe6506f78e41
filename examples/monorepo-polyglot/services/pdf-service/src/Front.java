import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpHandler;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;

/** What every request passes: ids, limits, routing, one log line, and the metrics. */
final class Front implements HttpHandler {
    private static final int BODY_BYTES_MAX = 64 * 1024;

    private final Metrics metrics;
    private boolean closing;
    private int inFlight;

    Front(Metrics metrics) {
        this.metrics = metrics;
    }

    /** What is sent back. */
    private record Answer(int status, String contentType, byte[] body, String fileName) {
        static Answer text(int status, String contentType, String body) {
            return new Answer(status, contentType, body.getBytes(StandardCharsets.UTF_8), null);
        }
    }

    @Override
    public void handle(HttpExchange exchange) throws IOException {
        try (exchange) {
            serve(exchange);
        }
    }

    private void serve(HttpExchange exchange) throws IOException {
        long begun = System.nanoTime();
        var asked = exchange.getRequestHeaders();
        String requestId = Log.requestId(asked.getFirst("X-Request-Id"));
        String route = route(exchange.getRequestURI().getPath());
        Answer answer = answer(exchange, route, requestId);
        double seconds = (System.nanoTime() - begun) / 1e9;
        metrics.answered(exchange.getRequestMethod(), route, answer.status, seconds);
        if (!route.equals("/health") && !route.equals("/metrics")) {
            Log.event(answer.status >= 500 ? "error" : "info", "request", "correlation_id", requestId,
                    "trace_id", Log.traceId(asked.getFirst("Traceparent")), "method", exchange.getRequestMethod(),
                    "route", route, "status", answer.status, "duration_ms", Math.round(seconds * 1e6) / 1e3);
        }
        exchange.getResponseHeaders().set("X-Request-Id", requestId);
        send(exchange, answer);
    }

    private static String route(String path) {
        return switch (path == null ? "" : path) {
            case "/health", "/metrics", "/invoices", "/documents" -> path;
            default -> "unmatched";
        };
    }

    private Answer answer(HttpExchange exchange, String route, String requestId) throws IOException {
        try {
            return dispatch(exchange, route);
        } catch (Problem problem) {
            return Answer.text(problem.status, "application/problem+json", problem.toJson());
        } catch (RuntimeException mistake) {
            Log.event("error", "a request failed", "correlation_id", requestId, "error", mistake);
            Problem problem = new Problem(500, "something went wrong here");
            return Answer.text(500, "application/problem+json", problem.toJson());
        }
    }

    private Answer dispatch(HttpExchange exchange, String route) throws IOException, Problem {
        switch (route) {
            case "/health":
                allow(exchange, "GET, HEAD");
                String health = "{\"status\":\"ok\",\"service\":\"" + Log.SERVICE + "\"}";
                return Answer.text(200, "application/json", health);
            case "/metrics":
                allow(exchange, "GET, HEAD");
                return Answer.text(200, "text/plain; version=0.0.4; charset=utf-8", metrics.render());
            case "/invoices":
                allow(exchange, "POST");
                Bill bill = Bill.read(body(exchange));
                return pdf("invoice", InvoiceLayout.lay(bill), "invoice-" + bill.id() + ".pdf");
            case "/documents":
                allow(exchange, "POST");
                return pdf("document", LetterLayout.lay(Letter.read(body(exchange))), "document.pdf");
            default:
                throw new Problem(404, "there is nothing at this path");
        }
    }

    private static void allow(HttpExchange exchange, String methods) throws Problem {
        if (!List.of(methods.split(", ")).contains(exchange.getRequestMethod())) {
            exchange.getResponseHeaders().set("Allow", methods);
            throw new Problem(405, "this path does not take that method");
        }
    }

    private static Fields body(HttpExchange exchange) throws IOException, Problem {
        byte[] bytes = exchange.getRequestBody().readNBytes(BODY_BYTES_MAX + 1);
        if (bytes.length > BODY_BYTES_MAX) {
            throw new Problem(413, "the body has more than " + BODY_BYTES_MAX + " bytes");
        }
        return Fields.of(Json.read(new String(bytes, StandardCharsets.UTF_8)), "");
    }

    private Answer pdf(String kind, PdfFile file, String fileName) {
        metrics.made(kind, file.pageCount());
        return new Answer(200, "application/pdf", file.toBytes(), fileName);
    }

    private void send(HttpExchange exchange, Answer answer) throws IOException {
        var headers = exchange.getResponseHeaders();
        headers.set("Content-Type", answer.contentType);
        if (answer.fileName != null) {
            headers.set("Content-Disposition", "inline; filename=\"" + answer.fileName + "\"");
        }
        if (isClosing()) {
            headers.set("Connection", "close");
        }
        boolean withBody = !exchange.getRequestMethod().equals("HEAD");
        if (!withBody) {
            headers.set("Content-Length", String.valueOf(answer.body.length));
        }
        exchange.sendResponseHeaders(answer.status, withBody ? answer.body.length : -1);
        if (withBody) {
            exchange.getResponseBody().write(answer.body);
        }
    }

    /**
     * Counts what the server gives out to be done, from the first byte of a request on: one that waits for a worker is in
     * flight too.
     */
    Executor counting(Executor workers) {
        return task -> {
            entered();
            try {
                workers.execute(() -> {
                    try {
                        task.run();
                    } finally {
                        left();
                    }
                });
            } catch (RejectedExecutionException full) {
                left();
                throw full;
            }
        };
    }

    private synchronized void entered() {
        inFlight++;
    }

    private synchronized void left() {
        inFlight--;
        notifyAll();
    }

    private synchronized boolean isClosing() {
        return closing;
    }

    /** From now on every client is told to let its connection go. */
    synchronized void beginClosing() {
        closing = true;
    }

    /** Waits until no request is being answered; false if that takes too long. */
    synchronized boolean awaitQuiet(long timeMaxMs) throws InterruptedException {
        long deadline = System.nanoTime() + timeMaxMs * 1_000_000;
        while (inFlight > 0) {
            long leftMs = (deadline - System.nanoTime()) / 1_000_000;
            if (leftMs <= 0) {
                return false;
            }
            wait(leftMs);
        }
        return true;
    }
}
