import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.zip.InflaterOutputStream;

/** Runs each test by name; ends with 1 if one fails. Run with `java -ea`. */
public final class Tests {
    private interface Test {
        void run() throws Exception;
    }

    private Tests() {}

    public static void main(String[] arguments) {
        boolean checks = false;
        assert checks = true;
        if (!checks) {
            throw new IllegalStateException("run with java -ea: otherwise nothing is checked");
        }
        Map<String, Test> tests = new LinkedHashMap<>();
        tests.put("JSON is read as it is written", Tests::jsonIsRead);
        tests.put("what is not JSON is refused", Tests::notJsonIsRefused);
        tests.put("text is wrapped within its width", Tests::textIsWrapped);
        tests.put("letters that the fonts lack are replaced", Tests::lettersAreReplaced);
        tests.put("the table tells where each object begins", Tests::tableIsRight);
        tests.put("an invoice shows its items and its total", Tests::invoiceShowsAll);
        tests.put("a long invoice has several pages and loses no item", Tests::longInvoice);
        tests.put("what is wrong with a bill is named", Tests::wrongBillsAreNamed);
        tests.put("a document has its paragraphs", Tests::documentHasParagraphs);
        tests.put("numbers are counted by route", Tests::numbersAreCounted);
        tests.put("only a well-formed trace id is logged", Tests::traceIds);
        tests.put("the service answers, and refuses what is wrong", ServiceTest::answers);
        tests.put("requests in the middle are answered when the service stops", ServiceTest::stopsGently);
        int failed = 0;
        for (var test : tests.entrySet()) {
            try {
                test.getValue().run();
                System.out.println("ok    " + test.getKey());
            } catch (Exception | AssertionError failure) {
                failed++;
                System.out.println("FAIL  " + test.getKey());
                failure.printStackTrace(System.out);
            }
        }
        System.out.println(tests.size() - failed + " passed, " + failed + " failed");
        System.exit(failed == 0 ? 0 : 1);
    }

    private static void jsonIsRead() throws Problem {
        Object read = Json.read(" {\"a\": [1, -2.5e1, true, null, \"\\u20ac\\n\\\"\"], \"b\": {}} ");
        var members = (Map<?, ?>) read;
        assert members.get("a").equals(java.util.Arrays.asList(1L, -25.0, true, null, "€\n\"")) : members;
        assert Json.write(Map.of("a", "€\n\"")).equals("{\"a\":\"\\u20ac\\u000a\\\"\"}");
    }

    private static void notJsonIsRefused() {
        for (String text : List.of("", "{", "[1,]", "{\"a\"}", "01", "1.", "+1", "nul", "\"a", "\"\\x\"", "\"\\u12\"", "[1] 2",
                "\"\n\"", "[".repeat(10_000))) {
            refused(400, "", () -> Json.read(text));
        }
    }

    private static void textIsWrapped() {
        String text = "a few short words and anextremelylongwordthathasnoplacetobreakit and more";
        List<String> lines = Font.REGULAR.wrap(text, 10, 100);
        for (String line : lines) {
            assert Font.REGULAR.width(line, 10) <= 100 : line;
        }
        assert String.join("", lines).replace(" ", "").equals(text.replace(" ", "")) : lines;
        assert Font.BOLD.fit("a long name that does not fit", 10, 60).endsWith("…");
        assert Font.BOLD.width(Font.BOLD.fit("a long name that does not fit", 10, 60), 10) <= 60;
        assert Font.REGULAR.width("ÄÖé", 10) == Font.REGULAR.width("AOe", 10);
    }

    private static void lettersAreReplaced() {
        assert Font.plain("Zürich — 5 €").equals("Zürich — 5 €");
        assert Font.plain("Dvořák\t漢😀").equals("Dvorák ??") : Font.plain("Dvořák\t漢😀");
    }

    private static void tableIsRight() throws Exception {
        byte[] bytes = InvoiceLayout.lay(bill(3)).toBytes();
        String file = new String(bytes, StandardCharsets.ISO_8859_1);
        assert file.startsWith("%PDF-1.7\n") && file.endsWith("%%EOF\n");
        Matcher start = Pattern.compile("startxref\n(\\d+)\n").matcher(file);
        assert start.find();
        int table = Integer.parseInt(start.group(1));
        assert file.startsWith("xref\n0 ", table);
        Matcher entries = Pattern.compile("(\\d{10}) 00000 n \n").matcher(file).region(table, file.length());
        int number = 0;
        while (entries.find()) {
            number++;
            assert file.startsWith(number + " 0 obj\n", Integer.parseInt(entries.group(1))) : number;
        }
        assert file.contains("/Size " + (number + 1) + " ");
        assert number == 5 + 2 : number;
    }

    private static void invoiceShowsAll() throws Exception {
        String shown = content(InvoiceLayout.lay(bill(2)).toBytes());
        for (String text : List.of("(Thing \\(1\\) \\\\ caf\\351)", "(Ada)", "(Visa ending in 4242)", "(31 January 2030)",
                "(\\20020.00)", "(\\20030.00)", "(Page 1 of 1)", "(Paid by", "(PAID)")) {
            assert text.equals("(Paid by") || shown.contains(text) : text + " is not in\n" + shown;
        }
    }

    private static void longInvoice() throws Exception {
        PdfFile file = InvoiceLayout.lay(bill(100));
        assert file.pageCount() > 3 : file.pageCount();
        String shown = content(file.toBytes());
        for (int i = 0; i < 100; i++) {
            assert shown.contains("(Thing \\(" + i + "\\) \\\\ caf\\351)") : i;
        }
        assert shown.contains("(Page 1 of " + file.pageCount() + ")");
        assert java.util.Arrays.equals(file.toBytes(), InvoiceLayout.lay(bill(100)).toBytes()) : "not the same twice";
    }

    private static void wrongBillsAreNamed() {
        String good = billJson(1);
        refused(400, "amount", () -> readBill(good.replace("\"amount\":1000", "\"amount\":1001")));
        refused(400, "items[0].quantity", () -> readBill(good.replace("\"quantity\":1", "\"quantity\":0")));
        refused(400, "items[0].name", () -> readBill(good.replace("Thing (0) \\\\ café", " ")));
        refused(400, "created_at", () -> readBill(good.replace("2030-01-31T", "yesterday")));
        refused(400, "id", () -> readBill(good.replace("pay_1", "../1")));
        refused(400, "seller", () -> readBill(good.replace("seller", "vendor")));
        refused(400, "the body", () -> readBill("[]"));
    }

    private static void documentHasParagraphs() throws Exception {
        String json = "{\"title\":\"Notes\",\"paragraphs\":[\"First.\",\"" + "many words ".repeat(1500) + "\",\"Last.\"]}";
        PdfFile file = LetterLayout.lay(Letter.read(Fields.of(Json.read(json), "")));
        String shown = content(file.toBytes());
        assert file.pageCount() > 3 && shown.contains("(First.)") && shown.contains("(Last.)") : file.pageCount();
    }

    private static void numbersAreCounted() {
        Metrics metrics = new Metrics();
        metrics.answered("GET", "/health", 200, 0.002);
        metrics.answered("BREW", "unmatched", 404, 9);
        metrics.made("invoice", 3);
        String shown = metrics.render();
        for (String line : List.of("http_requests_total{method=\"OTHER\",route=\"unmatched\",status=\"404\"} 1",
                "http_request_duration_seconds_bucket{route=\"/health\",le=\"0.001\"} 0",
                "http_request_duration_seconds_bucket{route=\"/health\",le=\"0.005\"} 1",
                "http_request_duration_seconds_count{route=\"unmatched\"} 1", "pdf_pages_total{kind=\"invoice\"} 3")) {
            assert shown.contains(line + "\n") : line + " is not in\n" + shown;
        }
    }

    private static void traceIds() {
        String id = "4bf92f3577b34da6a3ce929d0e0e4736";
        assert id.equals(Log.traceId("00-" + id + "-00f067aa0ba902b7-01"));
        assert Log.traceId("00-" + "0".repeat(32) + "-00f067aa0ba902b7-01") == null;
        assert Log.traceId("nonsense") == null && Log.traceId(null) == null;
        assert Log.requestId("r1").equals("r1") && Log.requestId("two words").startsWith("req_");
    }

    private static void refused(int status, String says, Test test) {
        try {
            test.run();
        } catch (Problem problem) {
            assert problem.status == status && problem.getMessage().contains(says) : problem.getMessage();
            return;
        } catch (Exception other) {
            throw new AssertionError(other);
        }
        throw new AssertionError("not refused: " + says);
    }

    private static Bill readBill(String json) throws Problem {
        return Bill.read(Fields.of(Json.read(json), ""));
    }

    private static Bill bill(int items) throws Problem {
        return readBill(billJson(items));
    }

    /** A payment of so many items, the first at 10 euros, the second at 20. */
    static String billJson(int items) {
        StringBuilder list = new StringBuilder();
        long amount = 0;
        for (int i = 0; i < items; i++) {
            list.append(i > 0 ? "," : "").append("{\"name\":\"Thing (").append(i)
                    .append(") \\\\ café\",\"quantity\":1,\"unit_price\":").append(1000 * (i + 1)).append("}");
            amount += 1000 * (i + 1);
        }
        return "{\"id\":\"pay_1\",\"currency\":\"EUR\",\"amount\":" + amount + ",\"items\":[" + list + "],"
                + "\"card\":{\"brand\":\"visa\",\"last4\":\"4242\"},\"created_at\":\"2030-01-31T12:00:00.000Z\","
                + "\"customer\":{\"id\":\"u1\",\"email\":\"ada@example.com\",\"name\":\"Ada\"},"
                + "\"seller\":{\"name\":\"Goods\",\"address\":[\"Street 1\",\"Town\"],\"email\":\"g@example.com\"}}";
    }

    /** What is drawn on the pages, unpacked. */
    private static String content(byte[] bytes) throws Exception {
        String file = new String(bytes, StandardCharsets.ISO_8859_1);
        var unpacked = new ByteArrayOutputStream();
        Matcher streams = Pattern.compile("/Length (\\d+) /Filter /FlateDecode >>\nstream\n").matcher(file);
        while (streams.find()) {
            try (var inflater = new InflaterOutputStream(unpacked)) {
                inflater.write(bytes, streams.end(), Integer.parseInt(streams.group(1)));
            }
        }
        return unpacked.toString(StandardCharsets.US_ASCII);
    }
}
