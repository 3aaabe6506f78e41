import java.nio.charset.Charset;
import java.text.Normalizer;
import java.util.ArrayList;
import java.util.List;

/**
 * The two fonts that every reader of PDF has, and how wide their letters are (Adobe's font metrics, in thousandths of the
 * size). An accented letter is as wide as its letter, so only the others are listed.
 */
enum Font {
    REGULAR("F1", "Helvetica", new int[] {
        278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278,
        556, 556, 556, 556, 556, 556, 556, 556, 556, 556, 278, 278, 584, 584, 584, 556,
        1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556, 833, 722, 778,
        667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469, 556,
        333, 556, 556, 500, 556, 556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556,
        556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334, 260, 334, 584}, 222, 333),
    BOLD("F2", "Helvetica-Bold", new int[] {
        278, 333, 474, 556, 556, 889, 722, 238, 333, 333, 389, 584, 278, 333, 278, 278,
        556, 556, 556, 556, 556, 556, 556, 556, 556, 556, 333, 333, 584, 584, 584, 611,
        975, 722, 722, 722, 722, 667, 611, 778, 722, 278, 556, 722, 611, 833, 722, 778,
        667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 333, 278, 333, 584, 556,
        333, 556, 611, 556, 611, 556, 333, 611, 611, 278, 278, 556, 278, 889, 611, 611,
        611, 611, 389, 556, 333, 611, 556, 778, 556, 556, 500, 389, 280, 389, 584}, 278, 500);

    /** The encoding of the fonts: Latin letters of Western Europe, the euro sign, and typographers' marks. */
    private static final Charset WIN_ANSI = Charset.forName("windows-1252");
    private static final char FIRST = ' ';

    final String resource;
    final String baseFont;
    private final int[] widths;
    private final int singleQuote;
    private final int doubleQuote;

    Font(String resource, String baseFont, int[] widths, int singleQuote, int doubleQuote) {
        this.resource = resource;
        this.baseFont = baseFont;
        this.widths = widths;
        this.singleQuote = singleQuote;
        this.doubleQuote = doubleQuote;
    }

    /** The text in the letters that the fonts have: others lose their accents, or become a question mark. */
    static String plain(String text) {
        StringBuilder plain = new StringBuilder();
        var encoder = WIN_ANSI.newEncoder();
        Normalizer.normalize(text, Normalizer.Form.NFC).codePoints().forEach(point -> {
            String letter = Character.toString(point);
            if (Character.isISOControl(point) || Character.isWhitespace(point)) {
                plain.append(' ');
            } else if (encoder.canEncode(letter)) {
                plain.append(letter);
            } else {
                String bare = Normalizer.normalize(letter, Normalizer.Form.NFKD).replaceAll("\\p{M}", "");
                plain.append(!bare.isEmpty() && encoder.canEncode(bare) ? bare : "?");
            }
        });
        return plain.toString();
    }

    static byte[] encode(String text) {
        return plain(text).getBytes(WIN_ANSI);
    }

    double width(String text, double size) {
        return plain(text).chars().mapToDouble(letter -> width((char) letter)).sum() * size / 1000;
    }

    private int width(char letter) {
        if (letter >= FIRST && letter - FIRST < widths.length) {
            return widths[letter - FIRST];
        }
        switch (letter) {
            case '…': case '—': case '™': case '‰': case 'Æ': case 'Œ':
                return 1000;
            case '‘': case '’': case '‚':
                return singleQuote;
            case '“': case '”': case '„':
                return doubleQuote;
            case '•':
                return 350;
            case '©': case '®':
                return 737;
            case 'æ':
                return 889;
            case 'œ':
                return 944;
            case 'ß': case 'ø':
                return 611;
            case 'Ø':
                return 778;
            case '°':
                return 400;
            case '·': case '\u00a0':
                return 278;
            case '¡': case '‹': case '›': case '¹': case '²': case '³': case 'ª': case '¯': case '´': case '¨': case '¸':
                return 333;
            default:
                char base = Normalizer.normalize(String.valueOf(letter), Normalizer.Form.NFD).charAt(0);
                return base >= FIRST && base - FIRST < widths.length ? widths[base - FIRST] : 556;
        }
    }

    /** The text in lines of at most that width; a word that is wider than a line is broken. */
    List<String> wrap(String text, double size, double width) {
        List<String> lines = new ArrayList<>();
        StringBuilder line = new StringBuilder();
        for (String word : plain(text).strip().split(" +")) {
            if (line.length() > 0 && width(line + " " + word, size) > width) {
                lines.add(line.toString());
                line.setLength(0);
            }
            line.append(line.length() > 0 ? " " : "").append(word);
            while (width(line.toString(), size) > width && line.length() > 1) {
                int fits = fitting(line, size, width);
                lines.add(line.substring(0, fits));
                line.delete(0, fits);
            }
        }
        lines.add(line.toString());
        return lines;
    }

    /** The text, or as much of it as fits with an ellipsis behind it. */
    String fit(String text, double size, double width) {
        if (width(text, size) <= width) {
            return text;
        }
        StringBuilder plain = new StringBuilder(plain(text));
        return plain.substring(0, fitting(plain, size, width - width("…", size))).strip() + "…";
    }

    /** How many letters fit; at least one. */
    private int fitting(CharSequence text, double size, double width) {
        double used = 0;
        for (int i = 0; i < text.length(); i++) {
            used += width(text.charAt(i)) * size / 1000;
            if (used > width) {
                return Math.max(1, i);
            }
        }
        return text.length();
    }
}
