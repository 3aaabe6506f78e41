package driver;

import java.lang.reflect.Field;
import java.util.Random;

/** Makes {@link Math#random} begin anew from a seed; needs {@code java.base/java.lang} to be opened. */
final class SeededRandom {

    private static Random random;

    private SeededRandom() {
    }

    static void begin(long seed) throws ReflectiveOperationException {
        if (random == null) {
            Field field = Class.forName("java.lang.Math$RandomNumberGeneratorHolder")
                .getDeclaredField("randomNumberGenerator");
            field.setAccessible(true);
            random = (Random) field.get(null);
        }
        random.setSeed(seed);
    }
}
