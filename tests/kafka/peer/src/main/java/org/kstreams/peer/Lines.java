package org.kstreams.peer;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Map;

/** Standard output as JSON, an object a line. Nothing else is written there. */
final class Lines {
    static final ObjectMapper JSON = new ObjectMapper();

    private Lines() {}

    /** Writes one line at once: whoever reads it waits for it. */
    static synchronized void say(Object line) {
        try {
            System.out.println(JSON.writeValueAsString(line));
            System.out.flush();
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }

    static void say(String name, Object value) {
        say(Map.of(name, value));
    }
}
