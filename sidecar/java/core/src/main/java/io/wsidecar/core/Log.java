package io.wsidecar.core;

import java.util.logging.Level;
import java.util.logging.Logger;

/** The library's log. Spring Boot brings java.util.logging to wherever the application logs. */
public final class Log {
    private static final Logger LOGGER = Logger.getLogger("io.wsidecar");

    private Log() {}

    public static void info(String words) {
        LOGGER.info(words);
    }

    public static void warn(String words) {
        LOGGER.warning(words);
    }

    public static void warn(String words, Throwable cause) {
        LOGGER.log(Level.WARNING, words, cause);
    }
}
