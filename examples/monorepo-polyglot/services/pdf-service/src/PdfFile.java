import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.zip.CRC32;
import java.util.zip.Deflater;
import java.util.zip.DeflaterOutputStream;

/**
 * A file of PDF 1.7 (ISO 32000-1): a few numbered objects one after the other, and a table of where each begins. The same
 * pages give the same bytes.
 */
final class PdfFile {
    private static final int CATALOG = 1;
    private static final int PAGES = 2;
    private static final int INFO = 3;
    private static final int FIRST_FONT = 4;
    private static final int FIRST_PAGE = FIRST_FONT + Font.values().length;
    private static final DateTimeFormatter DATE =
            DateTimeFormatter.ofPattern("'D:'yyyyMMddHHmmss'Z'", Locale.ROOT).withZone(ZoneOffset.UTC);

    private final String title;
    private final String author;
    private final Instant created;
    private final List<Page> pages = new ArrayList<>();
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    /** Where each object begins; object 1 is the first. */
    private final List<Integer> offsets = new ArrayList<>();

    PdfFile(String title, String author, Instant created) {
        this.title = title;
        this.author = author;
        this.created = created;
    }

    Page newPage() {
        pages.add(new Page());
        return pages.get(pages.size() - 1);
    }

    int pageCount() {
        return pages.size();
    }

    List<Page> pages() {
        return List.copyOf(pages);
    }

    byte[] toBytes() {
        out.reset();
        offsets.clear();
        // The bytes above 127 tell programs that move files that this one is binary.
        write("%PDF-1.7\n%\u00e2\u00e3\u00cf\u00d3\n");
        object("<< /Type /Catalog /Pages " + PAGES + " 0 R /Lang (en) /ViewerPreferences << /DisplayDocTitle true >> >>");
        StringBuilder kids = new StringBuilder();
        for (int i = 0; i < pages.size(); i++) {
            kids.append(FIRST_PAGE + 2 * i).append(" 0 R ");
        }
        object("<< /Type /Pages /Count " + pages.size() + " /Kids [ " + kids + "] >>");
        object("<< /Title " + text(title) + " /Author " + text(author) + " /Producer " + text(Log.SERVICE)
                + " /CreationDate (" + DATE.format(created) + ") /ModDate (" + DATE.format(created) + ") >>");
        for (Font font : Font.values()) {
            object("<< /Type /Font /Subtype /Type1 /BaseFont /" + font.baseFont + " /Encoding /WinAnsiEncoding >>");
        }
        for (Page page : pages) {
            writePage(page);
        }
        writeTable();
        return out.toByteArray();
    }

    private void writePage(Page page) {
        int content = offsets.size() + 2;
        StringBuilder fonts = new StringBuilder();
        for (Font font : Font.values()) {
            fonts.append('/').append(font.resource).append(' ').append(FIRST_FONT + font.ordinal()).append(" 0 R ");
        }
        object(String.format(Locale.ROOT, "<< /Type /Page /Parent %d 0 R /MediaBox [ 0 0 %.2f %.2f ] /Contents %d 0 R"
                + " /Resources << /Font << %s>> >> >>", PAGES, Page.WIDTH, Page.HEIGHT, content, fonts));
        byte[] packed = deflate(page.content().getBytes(StandardCharsets.US_ASCII));
        begin();
        write("<< /Length " + packed.length + " /Filter /FlateDecode >>\nstream\n");
        out.writeBytes(packed);
        write("\nendstream\nendobj\n");
    }

    /** The table has lines of exactly 20 bytes; object 0 heads the list of free ones. */
    private void writeTable() {
        CRC32 sum = new CRC32();
        sum.update(out.toByteArray());
        String id = String.format("%016x%016x", sum.getValue(), (long) out.size());
        int start = out.size();
        write("xref\n0 " + (offsets.size() + 1) + "\n0000000000 65535 f \n");
        for (int offset : offsets) {
            write(String.format("%010d 00000 n \n", offset));
        }
        write("trailer\n<< /Size " + (offsets.size() + 1) + " /Root " + CATALOG + " 0 R /Info " + INFO + " 0 R /ID [ <" + id
                + "> <" + id + "> ] >>\nstartxref\n" + start + "\n%%EOF\n");
    }

    private void object(String dictionary) {
        begin();
        write(dictionary + "\nendobj\n");
    }

    private void begin() {
        offsets.add(out.size());
        write(offsets.size() + " 0 obj\n");
    }

    private void write(String text) {
        out.writeBytes(text.getBytes(StandardCharsets.ISO_8859_1));
    }

    /** A text outside of the pages: in hexadecimal UTF-16, so that nothing needs escaping. */
    private static String text(String text) {
        StringBuilder hex = new StringBuilder("<FEFF");
        for (char unit : text.toCharArray()) {
            hex.append(String.format("%04X", (int) unit));
        }
        return hex.append('>').toString();
    }

    private static byte[] deflate(byte[] bytes) {
        var packed = new ByteArrayOutputStream();
        var deflater = new Deflater();
        try (var stream = new DeflaterOutputStream(packed, deflater)) {
            stream.write(bytes);
        } catch (java.io.IOException impossible) {
            throw new IllegalStateException("memory does not fail to be written", impossible);
        } finally {
            deflater.end();
        }
        return packed.toByteArray();
    }
}
