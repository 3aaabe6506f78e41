import java.io.InputStream;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.TimeUnit;

/** The service as it is run: a process of its own, on a port that the system chooses. */
final class ServiceTest implements AutoCloseable {
    private final Process process;
    private final int port;

    private ServiceTest() throws Exception {
        var builder = new ProcessBuilder(
                System.getProperty("java.home") + "/bin/java", "-Xshare:auto", "-XX:TieredStopAtLevel=1", "-Xmx64m", "-cp",
                System.getProperty("java.class.path"), "Main");
        builder.environment().put("PORT", "0");
        process = builder.redirectError(ProcessBuilder.Redirect.INHERIT).start();
        String listening = process.inputReader().readLine();
        port = Integer.parseInt(listening.replaceAll(".*127\\.0\\.0\\.1:(\\d+).*", "$1"));
    }

    @Override
    public void close() {
        process.destroyForcibly();
    }

    static void answers() throws Exception {
        try (ServiceTest service = new ServiceTest()) {
            HttpResponse<String> health = service.ask("GET", "/health", "");
            assert health.statusCode() == 200 && health.body().contains("\"ok\"") : health.body();
            HttpResponse<String> invoice = service.ask("POST", "/invoices", Tests.billJson(2));
            assert invoice.statusCode() == 200 && invoice.body().startsWith("%PDF-1.7") : invoice.body();
            assert invoice.headers().firstValue("Content-Type").get().equals("application/pdf");
            assert invoice.headers().firstValue("X-Request-Id").get().equals("r1");
            service.refuses(400, "POST", "/invoices", "nonsense");
            service.refuses(413, "POST", "/documents", " ".repeat(64 * 1024 + 1));
            service.refuses(405, "GET", "/invoices", "");
            service.refuses(404, "GET", "/nowhere", "");
        }
    }

    static void stopsGently() throws Exception {
        try (ServiceTest service = new ServiceTest(); Socket slow = new Socket("127.0.0.1", service.port)) {
            byte[] body = Tests.billJson(1).getBytes(StandardCharsets.UTF_8);
            // The first answer shows that the connection is known; the second request is cut in two by the signal.
            String head = "POST /invoices HTTP/1.1\r\nHost: a\r\nContent-Length: " + body.length + "\r\n\r\n";
            slow.getOutputStream().write(("GET /health HTTP/1.1\r\nHost: a\r\n\r\n" + head).getBytes(StandardCharsets.UTF_8));
            InputStream answers = slow.getInputStream();
            readUntil(answers, "\"pdf-service\"}");
            slow.getOutputStream().write(body, 0, 10);
            service.process.toHandle().destroy();
            String line = service.process.inputReader().readLine();
            assert line.contains("\"stopping\"") : line;
            slow.getOutputStream().write(body, 10, body.length - 10);
            String answer = readUntil(answers, "%%EOF\n");
            assert answer.startsWith("HTTP/1.1 200") && answer.toLowerCase().contains("connection: close") : answer;
            assert service.process.waitFor(10, TimeUnit.SECONDS);
            assert service.process.exitValue() == 0 : service.process.exitValue();
        }
    }

    private void refuses(int status, String method, String path, String body) throws Exception {
        HttpResponse<String> answer = ask(method, path, body);
        assert answer.statusCode() == status : method + " " + path + ": " + answer.statusCode();
        assert answer.headers().firstValue("Content-Type").get().equals("application/problem+json");
        assert answer.headers().firstValue("Allow").isPresent() == (status == 405);
    }

    private HttpResponse<String> ask(String method, String path, String body) throws Exception {
        var request = HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + path))
                .method(method, body.isEmpty() ? BodyPublishers.noBody() : BodyPublishers.ofString(body))
                .header("X-Request-Id", "r1").build();
        return HttpClient.newHttpClient().send(request, BodyHandlers.ofString(StandardCharsets.ISO_8859_1));
    }

    private static String readUntil(InputStream from, String end) throws Exception {
        StringBuilder text = new StringBuilder();
        while (text.indexOf(end) < 0) {
            int next = from.read();
            assert next >= 0 : "the connection ended after: " + text;
            text.append((char) next);
        }
        return text.toString();
    }
}
