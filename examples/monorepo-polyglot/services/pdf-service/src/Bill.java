import java.time.DateTimeException;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** What an invoice is made from: a payment and who sold. Amounts are cents. */
record Bill(
        String id, String currency, long amount, List<Item> items, String payer, String payerEmail, String card,
        Instant created, Seller seller) {

    private static final int ITEMS_MAX = 500;
    private static final long QUANTITY_MAX = 1_000_000;
    private static final long PRICE_MAX = 1_000_000_000;

    record Item(String name, long quantity, long unitPrice) {
        long amount() {
            return quantity * unitPrice;
        }
    }

    record Seller(String name, List<String> address, String email, String taxId) {}

    static Bill read(Fields body) throws Problem {
        String id = body.text("id", 64);
        if (!id.matches("[A-Za-z0-9_-]+")) {
            throw body.wrong("id", "may have letters, digits, _ and - only");
        }
        String currency = body.text("currency", 3);
        if (!currency.matches("[A-Z]{3}")) {
            throw body.wrong("currency", "must be three capital letters");
        }
        List<Item> items = new ArrayList<>();
        for (Fields item : body.objects("items", ITEMS_MAX)) {
            items.add(new Item(item.text("name", 256), item.whole("quantity", 1, QUANTITY_MAX),
                    item.whole("unit_price", 0, PRICE_MAX)));
        }
        long amount = body.whole("amount", 0, Long.MAX_VALUE);
        if (amount != items.stream().mapToLong(Item::amount).sum()) {
            throw body.wrong("amount", "is not what the items add up to");
        }
        Fields customer = body.object("customer");
        String email = customer.textOr("email", 254, "");
        return new Bill(id, currency, amount, List.copyOf(items), customer.textOr("name", 200, email), email, card(body),
                created(body), seller(body));
    }

    /** As a person reads it: Visa ending in 4242. */
    private static String card(Fields body) throws Problem {
        if (!body.has("card")) {
            return "Card";
        }
        Fields card = body.object("card");
        String brand = card.textOr("brand", 20, "other");
        String shown = switch (brand) {
            case "visa" -> "Visa";
            case "mastercard" -> "Mastercard";
            case "amex" -> "American Express";
            default -> "Card";
        };
        return shown + " ending in " + card.text("last4", 4);
    }

    private static Instant created(Fields body) throws Problem {
        try {
            return OffsetDateTime.parse(body.text("created_at", 40)).toInstant();
        } catch (DateTimeException unreadable) {
            throw body.wrong("created_at", "must be a time such as 2030-01-31T12:00:00Z");
        }
    }

    private static Seller seller(Fields body) throws Problem {
        Fields seller = body.object("seller");
        List<String> address = seller.has("address") ? seller.texts("address", 6, 80) : List.of();
        return new Seller(
                seller.text("name", 100), address, seller.textOr("email", 254, ""), seller.textOr("tax_id", 40, ""));
    }

    /** Cents as a price in English: €1,234.50. */
    String price(long cents) {
        String number = String.format(Locale.ROOT, "%,d.%02d", cents / 100, cents % 100);
        return currency.equals("EUR") ? "€" + number : currency + " " + number;
    }
}
