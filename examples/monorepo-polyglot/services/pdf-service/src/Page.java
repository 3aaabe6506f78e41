import java.util.Locale;

/** One A4 page to draw on. Lengths are points; y grows downwards from the top edge, as one reads. */
final class Page {
    static final double WIDTH = 595.28;
    static final double HEIGHT = 841.89;
    /** How far the control points of a quarter circle lie from its ends, for a radius of 1. */
    private static final double ARC = 0.5523;

    private final StringBuilder content = new StringBuilder();

    /** Colours as 0xRRGGBB. */
    Page text(double x, double y, Font font, double size, int colour, String text) {
        colour(colour, "rg");
        content.append(format("BT /%s %s Tf %s %s Td ", font.resource, size, x, HEIGHT - y));
        literal(Font.encode(text));
        content.append(" Tj ET\n");
        return this;
    }

    Page textRight(double right, double y, Font font, double size, int colour, String text) {
        return text(right - font.width(text, size), y, font, size, colour, text);
    }

    /** Small capitals are not in the fonts; spaced capitals serve as labels. */
    Page label(double x, double y, int colour, String text) {
        content.append("0.6 Tc ");
        text(x, y, Font.BOLD, 7, colour, text.toUpperCase(Locale.ROOT));
        content.append("0 Tc\n");
        return this;
    }

    Page labelRight(double right, double y, int colour, String text) {
        String capitals = text.toUpperCase(Locale.ROOT);
        return label(right - Font.BOLD.width(capitals, 7) - 0.6 * (capitals.length() - 1), y, colour, text);
    }

    Page line(double x1, double x2, double y, double thickness, int colour) {
        colour(colour, "RG");
        content.append(format("%s w %s %s m %s %s l S\n", thickness, x1, HEIGHT - y, x2, HEIGHT - y));
        return this;
    }

    /** A filled rectangle whose corners are rounded; y is its upper edge. */
    Page box(double x, double y, double width, double height, double radius, int colour) {
        colour(colour, "rg");
        double left = x;
        double right = x + width;
        double top = HEIGHT - y;
        double bottom = top - height;
        double pull = radius * (1 - ARC);
        content.append(format("%s %s m %s %s l ", left + radius, bottom, right - radius, bottom));
        curve(right - pull, bottom, right, bottom + pull, right, bottom + radius);
        content.append(format("%s %s l ", right, top - radius));
        curve(right, top - pull, right - pull, top, right - radius, top);
        content.append(format("%s %s l ", left + radius, top));
        curve(left + pull, top, left, top - pull, left, top - radius);
        content.append(format("%s %s l ", left, bottom + radius));
        curve(left, bottom + pull, left + pull, bottom, left + radius, bottom);
        content.append("f\n");
        return this;
    }

    private void curve(double x1, double y1, double x2, double y2, double x3, double y3) {
        content.append(format("%s %s %s %s %s %s c ", x1, y1, x2, y2, x3, y3));
    }

    private void colour(int colour, String operator) {
        content.append(format("%s %s %s %s ", (colour >> 16 & 255) / 255.0, (colour >> 8 & 255) / 255.0,
                (colour & 255) / 255.0, operator));
    }

    /** A string of PDF: what could end it, or is not ASCII, is escaped. */
    private void literal(byte[] bytes) {
        content.append('(');
        for (byte next : bytes) {
            int code = next & 255;
            if (code == '(' || code == ')' || code == '\\') {
                content.append('\\').append((char) code);
            } else if (code < ' ' || code > '~') {
                content.append(String.format("\\%03o", code));
            } else {
                content.append((char) code);
            }
        }
        content.append(')');
    }

    /** Numbers with at most three decimals and no exponent, which PDF does not know. */
    private static String format(String pattern, Object... values) {
        for (int i = 0; i < values.length; i++) {
            if (values[i] instanceof Double number) {
                long thousandths = Math.round(number * 1000);
                values[i] = thousandths % 1000 == 0
                        ? String.valueOf(thousandths / 1000)
                        : String.format(Locale.ROOT, "%.3f", thousandths / 1000.0);
            }
        }
        return String.format(pattern, values);
    }

    String content() {
        return content.toString();
    }
}
