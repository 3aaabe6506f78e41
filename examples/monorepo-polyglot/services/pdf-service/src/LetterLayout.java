/** Sets a title and its paragraphs over as many pages as it takes. */
final class LetterLayout {
    private static final int INK = 0x21302c;
    private static final int MUTED = 0x5b6a64;
    private static final int ACCENT = 0x1f5c4d;
    private static final double LEFT = 72;
    private static final double WIDTH = Page.WIDTH - 2 * LEFT;
    private static final double BOTTOM = Page.HEIGHT - 80;
    private static final double SIZE = 10.5;
    private static final double LEADING = 16;
    private static final double TITLE_SIZE = 20;

    private final PdfFile file;
    private Page page;
    private double y;

    private LetterLayout(Letter letter) {
        file = new PdfFile(letter.title(), Log.SERVICE, letter.created());
    }

    static PdfFile lay(Letter letter) {
        LetterLayout layout = new LetterLayout(letter);
        layout.nextPage();
        layout.page.box(LEFT, 70, 36, 4, 2, ACCENT);
        layout.y = 104;
        layout.block(letter.title(), Font.BOLD, TITLE_SIZE, 26);
        layout.y += 10;
        for (String paragraph : letter.paragraphs()) {
            layout.block(paragraph, Font.REGULAR, SIZE, LEADING);
            layout.y += LEADING / 2;
        }
        layout.feet();
        return layout.file;
    }

    private void block(String text, Font font, double size, double leading) {
        for (String line : font.wrap(text, size, WIDTH)) {
            if (y > BOTTOM) {
                nextPage();
            }
            page.text(LEFT, y, font, size, INK, line);
            y += leading;
        }
    }

    private void nextPage() {
        page = file.newPage();
        y = 80;
    }

    private void feet() {
        int number = 0;
        for (Page each : file.pages()) {
            number++;
            each.textRight(LEFT + WIDTH, Page.HEIGHT - 42, Font.REGULAR, 8, MUTED, number + " / " + file.pageCount());
        }
    }
}
