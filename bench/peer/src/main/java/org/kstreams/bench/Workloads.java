package org.kstreams.bench;

import java.time.Duration;
import java.util.List;
import java.util.Locale;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.KTable;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.kstream.TimeWindows;
import org.apache.kafka.streams.kstream.WindowedSerdes;
import org.apache.kafka.streams.state.KeyValueStore;

/** The topologies, as users of Kafka Streams write them: strings unless it is said otherwise, and defaults. */
final class Workloads {
    static final String RESTORED = "restore-store";
    private static final Duration WINDOW = Duration.ofSeconds(10);

    private Workloads() { }

    static List<String> inputs(String workload) {
        return switch (workload) {
            case "join" -> List.of("events", "profiles");
            case "restore", "restore-fill" -> List.of("restore-input");
            default -> List.of("events");
        };
    }

    static Topology topology(String workload) {
        StreamsBuilder builder = new StreamsBuilder();
        switch (workload) {
            case "map" -> builder.<String, String>stream("events")
                .filter((key, event) -> !event.contains("\"line\":\"blue\""))
                .mapValues(event -> event.toUpperCase(Locale.ROOT))
                .to("out");
            case "count", "count-eos" -> count(builder, Materialized.as("counts"));
            case "count-nocache" -> count(builder, Materialized.<String, Long, KeyValueStore<Bytes, byte[]>>as("counts").withCachingDisabled());
            case "window" -> builder.<String, String>stream("events")
                .groupByKey()
                .windowedBy(TimeWindows.ofSizeAndGrace(WINDOW, Duration.ofSeconds(5)))
                .count(Materialized.as("counts"))
                .toStream()
                .to("out", Produced.with(WindowedSerdes.timeWindowedSerdeFrom(String.class, WINDOW.toMillis()), Serdes.Long()));
            case "join" -> join(builder);
            case "restore", "restore-fill" -> builder.<String, String>table("restore-input", Materialized.as(RESTORED));
            default -> throw new IllegalArgumentException("there is no workload " + workload);
        }
        return builder.build();
    }

    private static void count(StreamsBuilder builder, Materialized<String, Long, KeyValueStore<Bytes, byte[]>> counts) {
        builder.<String, String>stream("events").groupByKey().count(counts).toStream().to("out", Produced.with(Serdes.String(), Serdes.Long()));
    }

    private static void join(StreamsBuilder builder) {
        KTable<String, String> profiles = builder.table("profiles", Materialized.as("profiles"));
        KStream<String, String> events = builder.stream("events");
        events.join(profiles, (event, profile) -> event.substring(0, 17) + "|" + profile.substring(0, 32)).to("out");
    }
}
