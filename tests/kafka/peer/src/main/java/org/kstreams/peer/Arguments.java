package org.kstreams.peer;

import java.util.Properties;
import java.util.Set;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.StreamsConfig;

/**
 * The command line that this program and its counterpart in Rust share.
 *
 * @param topology the topology's name
 * @param prefix what the names of its input topics begin with
 * @param output the topic of its results
 * @param describes whether it is to be described and not run
 * @param config everything else
 */
record Arguments(String topology, String prefix, String output, boolean describes, Properties config) {
    static final String USAGE =
            "--topology NAME --bootstrap HOST:PORT,... --application-id ID --state-dir DIR [--guarantee exactly_once_v2]"
                    + " [--prefix PREFIX] [--output TOPIC] [--set KEY=VALUE]... [--describe]";

    private static final Set<String> FLAGS = Set.of("--describe");

    static Arguments parse(String[] words) {
        String topology = null;
        String prefix = "";
        String output = null;
        boolean describes = false;
        Properties config = new Properties();
        config.put(StreamsConfig.DEFAULT_KEY_SERDE_CLASS_CONFIG, Serdes.StringSerde.class);
        config.put(StreamsConfig.DEFAULT_VALUE_SERDE_CLASS_CONFIG, Serdes.StringSerde.class);
        for (int i = 0; i < words.length; i++) {
            String value = FLAGS.contains(words[i]) ? "" : valueOf(words, i);
            switch (words[i]) {
                case "--topology" -> topology = value;
                case "--bootstrap" -> config.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, value);
                case "--application-id" -> config.put(StreamsConfig.APPLICATION_ID_CONFIG, value);
                case "--state-dir" -> config.put(StreamsConfig.STATE_DIR_CONFIG, value);
                case "--guarantee" -> config.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, value);
                case "--prefix" -> prefix = value;
                case "--output" -> output = value;
                case "--set" -> set(config, value);
                case "--describe" -> describes = true;
                default -> throw new IllegalArgumentException("unknown argument " + words[i]);
            }
            i += FLAGS.contains(words[i]) ? 0 : 1;
        }
        require(topology != null, "--topology");
        require(describes || config.containsKey(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG), "--bootstrap");
        require(describes || config.containsKey(StreamsConfig.APPLICATION_ID_CONFIG), "--application-id");
        require(describes || config.containsKey(StreamsConfig.STATE_DIR_CONFIG), "--state-dir");
        return new Arguments(topology, prefix, output == null ? prefix + "out" : output, describes, config);
    }

    private static String valueOf(String[] words, int i) {
        if (i + 1 == words.length) {
            throw new IllegalArgumentException(words[i] + " needs a value");
        }
        return words[i + 1];
    }

    private static void set(Properties config, String pair) {
        int at = pair.indexOf('=');
        require(at > 0, "KEY=VALUE after --set");
        config.put(pair.substring(0, at), pair.substring(at + 1));
    }

    private static void require(boolean holds, String what) {
        if (!holds) {
            throw new IllegalArgumentException("missing " + what);
        }
    }
}
