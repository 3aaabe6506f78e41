import java.time.Instant;
import java.util.List;

/** A title and paragraphs. */
record Letter(String title, List<String> paragraphs, Instant created) {
    private static final int PARAGRAPHS_MAX = 1000;
    private static final int PARAGRAPH_CHARACTERS_MAX = 20_000;

    static Letter read(Fields body) throws Problem {
        return new Letter(
                body.text("title", 200), body.texts("paragraphs", PARAGRAPHS_MAX, PARAGRAPH_CHARACTERS_MAX), Instant.now());
    }
}
