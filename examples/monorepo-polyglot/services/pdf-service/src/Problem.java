import java.util.LinkedHashMap;
import java.util.Map;

/** A refusal: thrown where something is found wrong, answered as application/problem+json (RFC 9457). */
final class Problem extends Exception {
    private static final long serialVersionUID = 1;
    private static final Map<Integer, String> TITLES = Map.of(
            400, "Bad Request", 404, "Not Found", 405, "Method Not Allowed", 413, "Content Too Large",
            500, "Internal Server Error");

    final int status;

    Problem(int status, String detail) {
        super(detail, null, false, false);
        this.status = status;
    }

    String toJson() {
        Map<String, Object> body = new LinkedHashMap<>();
        body.put("type", "about:blank");
        body.put("title", TITLES.getOrDefault(status, "Error"));
        body.put("status", status);
        body.put("detail", getMessage());
        return Json.write(body);
    }
}
