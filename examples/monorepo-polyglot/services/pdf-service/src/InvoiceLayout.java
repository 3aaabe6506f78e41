import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.List;
import java.util.Locale;

/** Sets an invoice: a head, who pays and how, the table of items over as many pages as it takes, the total. */
final class InvoiceLayout {
    private static final int INK = 0x21302c;
    private static final int MUTED = 0x5b6a64;
    private static final int HAIRLINE = 0xe3ddd0;
    private static final int ACCENT = 0x1f5c4d;
    private static final int TINT = 0xf6f3ec;
    private static final int PAPER = 0xffffff;

    private static final double LEFT = 56;
    private static final double RIGHT = Page.WIDTH - 56;
    private static final double QUANTITY_RIGHT = 372;
    private static final double PRICE_RIGHT = 456;
    private static final double NAME_WIDTH = 262;
    private static final double LINE_HEIGHT = 13.5;
    private static final double ROW_SPACE = 14;
    /** Rows end above this; below it stands the foot. */
    private static final double ROWS_BOTTOM = Page.HEIGHT - 96;
    private static final double TOTAL_HEIGHT = 104;

    private static final DateTimeFormatter DATE =
            DateTimeFormatter.ofPattern("d MMMM yyyy", Locale.ENGLISH).withZone(ZoneOffset.UTC);

    private final Bill bill;
    private final PdfFile file;
    private Page page;
    private double y;

    private InvoiceLayout(Bill bill) {
        this.bill = bill;
        this.file = new PdfFile("Invoice " + bill.id(), bill.seller().name(), bill.created());
    }

    static PdfFile lay(Bill bill) {
        InvoiceLayout layout = new InvoiceLayout(bill);
        layout.firstPage();
        bill.items().forEach(layout::row);
        layout.total();
        layout.feet();
        return layout.file;
    }

    private void firstPage() {
        page = file.newPage();
        page.box(0, 0, Page.WIDTH, 6, 0, ACCENT);
        Bill.Seller seller = bill.seller();
        page.box(LEFT, 52, 34, 34, 8, ACCENT);
        String initial = seller.name().substring(0, seller.name().offsetByCodePoints(0, 1)).toUpperCase(Locale.ROOT);
        page.text(LEFT + 17 - Font.BOLD.width(initial, 19) / 2, 75.7, Font.BOLD, 19, PAPER, initial);
        page.text(LEFT + 46, 67, Font.BOLD, 14, INK, Font.BOLD.fit(seller.name(), 14, 220));
        page.text(LEFT + 46, 82, Font.REGULAR, 9, MUTED, Font.REGULAR.fit(seller.email(), 9, 220));
        page.textRight(RIGHT, 76, Font.BOLD, 26, INK, "Invoice");
        parties();
        tableHead();
    }

    /** Who pays, who sold, and the facts of the payment, side by side. */
    private void parties() {
        double top = 138;
        double second = 226;
        double third = 384;
        page.label(LEFT, top, MUTED, "Billed to");
        page.text(LEFT, top + 18, Font.BOLD, 10.5, INK, Font.BOLD.fit(bill.payer(), 10.5, second - LEFT - 14));
        page.text(LEFT, top + 33, Font.REGULAR, 9, MUTED, Font.REGULAR.fit(bill.payerEmail(), 9, second - LEFT - 14));

        page.label(second, top, MUTED, "From");
        page.text(second, top + 18, Font.BOLD, 10.5, INK, Font.BOLD.fit(bill.seller().name(), 10.5, third - second - 14));
        double line = top + 33;
        for (String text : bill.seller().address()) {
            page.text(second, line, Font.REGULAR, 9, MUTED, Font.REGULAR.fit(text, 9, third - second - 14));
            line += 13;
        }
        if (!bill.seller().taxId().isEmpty()) {
            page.text(second, line, Font.REGULAR, 9, MUTED, "VAT ID " + bill.seller().taxId());
        }

        fact(third, top, "Invoice number", bill.id());
        fact(third, top + 36, "Date", DATE.format(bill.created()));
        fact(third, top + 72, "Paid by", bill.card());
        y = top + 128;
    }

    private void fact(double x, double top, String label, String value) {
        page.label(x, top, MUTED, label);
        page.text(x, top + 15, Font.REGULAR, 9, INK, Font.REGULAR.fit(value, 9, RIGHT - x));
    }

    private void tableHead() {
        page.box(LEFT - 12, y - 15, RIGHT - LEFT + 24, 24, 5, TINT);
        page.label(LEFT, y, ACCENT, "Description");
        page.labelRight(QUANTITY_RIGHT, y, ACCENT, "Quantity");
        page.labelRight(PRICE_RIGHT, y, ACCENT, "Unit price");
        page.labelRight(RIGHT, y, ACCENT, "Amount");
        y += 28;
    }

    private void row(Bill.Item item) {
        List<String> lines = Font.REGULAR.wrap(item.name(), 10, NAME_WIDTH);
        double height = lines.size() * LINE_HEIGHT;
        if (y + height > ROWS_BOTTOM) {
            nextPage();
            tableHead();
        }
        page.textRight(QUANTITY_RIGHT, y, Font.REGULAR, 10, INK, String.valueOf(item.quantity()));
        page.textRight(PRICE_RIGHT, y, Font.REGULAR, 10, MUTED, bill.price(item.unitPrice()));
        page.textRight(RIGHT, y, Font.REGULAR, 10, INK, bill.price(item.amount()));
        for (String line : lines) {
            page.text(LEFT, y, Font.REGULAR, 10, INK, line);
            y += LINE_HEIGHT;
        }
        page.line(LEFT, RIGHT, y - 3.5, 0.6, HAIRLINE);
        y += ROW_SPACE;
    }

    private void nextPage() {
        page = file.newPage();
        page.box(0, 0, Page.WIDTH, 6, 0, ACCENT);
        page.text(LEFT, 54, Font.BOLD, 11, INK, Font.BOLD.fit(bill.seller().name(), 11, 220));
        page.textRight(RIGHT, 54, Font.REGULAR, 9, MUTED, "Invoice " + bill.id() + ", continued");
        y = 98;
    }

    private void total() {
        if (y + TOTAL_HEIGHT > ROWS_BOTTOM + 24) {
            nextPage();
        }
        double left = 336;
        long pieces = bill.items().stream().mapToLong(Bill.Item::quantity).sum();
        page.text(left, y + 6, Font.REGULAR, 10, MUTED, pieces == 1 ? "1 piece" : String.format(Locale.ROOT, "%,d pieces", pieces));
        page.textRight(RIGHT, y + 6, Font.REGULAR, 10, INK, bill.price(bill.amount()));
        page.box(left - 14, y + 22, RIGHT - left + 26, 40, 7, ACCENT);
        page.text(left, y + 46, Font.BOLD, 11, PAPER, "Total paid");
        page.textRight(RIGHT, y + 46.5, Font.BOLD, 15, PAPER, bill.price(bill.amount()));
        page.box(LEFT, y + 31, 46, 20, 10, TINT);
        page.label(LEFT + 14, y + 43.5, ACCENT, "Paid");
        page.text(LEFT + 56, y + 44.5, Font.REGULAR, 9, MUTED, DATE.format(bill.created()) + ", " + bill.card());
        page.text(LEFT, y + 88, Font.REGULAR, 9, MUTED, "Prices include VAT where it applies. There is nothing left to pay. Thank you.");
    }

    /** Drawn last, when the number of pages is known. */
    private void feet() {
        Bill.Seller seller = bill.seller();
        String about = String.join(" · ", seller.address());
        String line = seller.name() + (about.isEmpty() ? "" : " · " + about);
        int number = 0;
        for (Page each : file.pages()) {
            number++;
            each.line(LEFT, RIGHT, Page.HEIGHT - 58, 0.6, HAIRLINE);
            each.text(LEFT, Page.HEIGHT - 42, Font.REGULAR, 8, MUTED, Font.REGULAR.fit(line, 8, 400));
            each.textRight(RIGHT, Page.HEIGHT - 42, Font.REGULAR, 8, MUTED, "Page " + number + " of " + file.pageCount());
        }
    }
}
