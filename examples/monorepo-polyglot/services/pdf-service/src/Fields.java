import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** The members of a JSON object, read with their limits; what is wrong is told with its place, as items[2].name. */
final class Fields {
    private final Map<?, ?> members;
    private final String place;

    private Fields(Map<?, ?> members, String place) {
        this.members = members;
        this.place = place;
    }

    static Fields of(Object value, String place) throws Problem {
        if (value instanceof Map<?, ?> members) {
            return new Fields(members, place);
        }
        throw new Problem(400, (place.isEmpty() ? "the body" : place) + " must be an object");
    }

    boolean has(String name) {
        return members.get(name) != null;
    }

    /** A text of 1 to so many characters. */
    String text(String name, int charactersMax) throws Problem {
        if (members.get(name) instanceof String text && !text.isBlank() && text.length() <= charactersMax) {
            return text.strip();
        }
        throw wrong(name, "must have 1 to " + charactersMax + " characters");
    }

    String textOr(String name, int charactersMax, String fallback) throws Problem {
        return has(name) && !"".equals(members.get(name)) ? text(name, charactersMax) : fallback;
    }

    long whole(String name, long least, long most) throws Problem {
        if (members.get(name) instanceof Long number && number >= least && number <= most) {
            return number;
        }
        throw wrong(name, "must be a whole number from " + least + " to " + most);
    }

    Fields object(String name) throws Problem {
        return of(members.get(name), place + name);
    }

    List<Fields> objects(String name, int most) throws Problem {
        List<Fields> objects = new ArrayList<>();
        for (Object element : list(name, 1, most)) {
            objects.add(of(element, place + name + "[" + objects.size() + "]."));
        }
        return objects;
    }

    List<String> texts(String name, int most, int charactersMax) throws Problem {
        List<String> texts = new ArrayList<>();
        for (Object element : list(name, 0, most)) {
            if (!(element instanceof String text) || text.length() > charactersMax) {
                throw wrong(name + "[" + texts.size() + "]", "must be a text of at most " + charactersMax + " characters");
            }
            texts.add(text);
        }
        return texts;
    }

    private List<?> list(String name, int least, int most) throws Problem {
        if (members.get(name) instanceof List<?> list && list.size() >= least && list.size() <= most) {
            return list;
        }
        throw wrong(name, "must be a list of " + least + " to " + most + " entries");
    }

    Problem wrong(String name, String what) {
        return new Problem(400, place + name + " " + what);
    }
}
