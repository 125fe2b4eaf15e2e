package org.kstreams.peer;

import java.time.Duration;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.BiConsumer;
import java.util.function.Supplier;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.GlobalKTable;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.Joined;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.KTable;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.kstream.Repartitioned;
import org.apache.kafka.streams.kstream.TimeWindows;
import org.apache.kafka.streams.kstream.WindowedSerdes;
import org.apache.kafka.streams.processor.api.ContextualProcessor;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.Stores;

/**
 * The topologies by name. Each has a twin of the same name in {@code tests/src/topologies}: whoever changes one changes
 * the other. Keys are strings; so are values, but for counts and sums, which are longs.
 */
final class Topologies {
    private static final Serde<String> TEXT = Serdes.String();
    private static final Serde<Long> NUMBER = Serdes.Long();
    private static final Consumed<String, String> TEXTS = Consumed.with(TEXT, TEXT);

    private static final Map<String, BiConsumer<StreamsBuilder, Arguments>> DSL = new TreeMap<>(Map.of(
            "chain", Topologies::chain,
            "count", Topologies::count,
            "global", Topologies::global,
            "hopping", Topologies::hopping,
            "logged", Topologies::logged,
            "lru", Topologies::lru,
            "table", Topologies::table,
            "to-table", Topologies::toTable,
            "unnamed", Topologies::unnamed));

    private Topologies() {}

    static Topology named(Arguments arguments) {
        if (arguments.topology().equals("read-only")) {
            return readOnly(arguments);
        }
        BiConsumer<StreamsBuilder, Arguments> build = DSL.get(arguments.topology());
        if (build == null) {
            throw new IllegalArgumentException("no such topology: " + arguments.topology() + ", but read-only and "
                    + String.join(", ", DSL.keySet()));
        }
        StreamsBuilder builder = new StreamsBuilder();
        build.accept(builder, arguments);
        return builder.build();
    }

    /** How often each word was said. */
    private static void count(StreamsBuilder builder, Arguments arguments) {
        words(builder, arguments)
                .groupByKey()
                .count(Materialized.as("counts"))
                .toStream()
                .to(arguments.output(), Produced.with(TEXT, NUMBER));
    }

    /** The same, with a changelog that is configured by itself. */
    private static void logged(StreamsBuilder builder, Arguments arguments) {
        words(builder, arguments)
                .groupByKey()
                .count(Materialized.<String, Long>as(Stores.inMemoryKeyValueStore("counts"))
                        .withLoggingEnabled(Map.of("segment.ms", "600000", "delete.retention.ms", "7200000")))
                .toStream()
                .to(arguments.output(), Produced.with(TEXT, NUMBER));
    }

    /** The same of the five words that were said last. */
    private static void lru(StreamsBuilder builder, Arguments arguments) {
        words(builder, arguments)
                .groupByKey()
                .count(Materialized.<String, Long>as(Stores.lruMap("counts", 5)))
                .toStream()
                .to(arguments.output(), Produced.with(TEXT, NUMBER));
    }

    /** All names are generated: of nodes, stores, repartition topics and changelogs. */
    private static void unnamed(StreamsBuilder builder, Arguments arguments) {
        KTable<String, String> seen = words(builder, arguments)
                .map((word, said) -> KeyValue.pair(said, word))
                .groupByKey()
                .aggregate(() -> "", (said, word, all) -> all + word.charAt(0));
        seen.toStream()
                .filter((said, all) -> all.length() < 40)
                .groupBy((said, all) -> said.substring(0, 1))
                .reduce((before, all) -> before.length() > all.length() ? before : all)
                .toStream()
                .to(arguments.output());
    }

    /** Rides by station, and what a line's name has to do with it: two repartitions and a join with a table. */
    private static void chain(StreamsBuilder builder, Arguments arguments) {
        KTable<String, String> lines =
                builder.table(arguments.prefix() + "lines", TEXTS, Materialized.as("lines"));
        builder.stream(arguments.prefix() + "rides", TEXTS)
                .groupBy((card, station) -> station, Grouped.as("by-station"))
                .count(Materialized.as("rides"))
                .toStream()
                .map((station, rides) -> KeyValue.pair(station.substring(0, 1), station + "=" + rides))
                .repartition(Repartitioned.<String, String>as("by-line").withKeySerde(TEXT).withValueSerde(TEXT))
                .join(lines, (rides, line) -> line + ":" + rides, Joined.as("with-line"))
                .to(arguments.output());
    }

    /** Words in hopping windows; some come late, some too late. */
    private static void hopping(StreamsBuilder builder, Arguments arguments) {
        Duration size = Duration.ofSeconds(60);
        words(builder, arguments)
                .groupByKey()
                .windowedBy(TimeWindows.ofSizeAndGrace(size, Duration.ofSeconds(15)).advanceBy(Duration.ofSeconds(20)))
                .count(Materialized.as("hops"))
                .toStream()
                .to(
                        arguments.output(),
                        Produced.with(WindowedSerdes.timeWindowedSerdeFrom(String.class, size.toMillis()), NUMBER));
    }

    /** A table grouped by what its rows say: old values are taken away where new ones are added. */
    private static void table(StreamsBuilder builder, Arguments arguments) {
        builder.table(arguments.prefix() + "prices", Consumed.with(TEXT, NUMBER), Materialized.as("prices"))
                .filter((article, price) -> price >= 0)
                .groupBy(
                        (article, price) -> KeyValue.pair(article.substring(0, 1), price),
                        Grouped.<String, Long>as("by-kind").withKeySerde(TEXT).withValueSerde(NUMBER))
                .reduce(Long::sum, (sum, price) -> sum - price, Materialized.as("sums"))
                .toStream()
                .to(arguments.output(), Produced.with(TEXT, NUMBER));
    }

    /** A stream that becomes a table, joined with itself on the way. */
    private static void toTable(StreamsBuilder builder, Arguments arguments) {
        KStream<String, String> turned =
                words(builder, arguments).map((word, said) -> KeyValue.pair(said, word + "!"));
        KTable<String, String> latest = turned.toTable(Materialized.as("latest"));
        words(builder, arguments, "other")
                .leftJoin(latest, (other, found) -> other + "/" + found)
                .to(arguments.output());
    }

    /** A table that every instance has in full. */
    private static void global(StreamsBuilder builder, Arguments arguments) {
        GlobalKTable<String, String> names =
                builder.globalTable(arguments.prefix() + "names", TEXTS, Materialized.as("names"));
        words(builder, arguments)
                .leftJoin(names, (word, said) -> said, (said, name) -> said + "/" + name)
                .to(arguments.output());
    }

    /** A store whose changelog is the topic that fills it, and a stream that looks into it. */
    private static Topology readOnly(Arguments arguments) {
        Topology topology = new Topology();
        topology.addReadOnlyStateStore(
                Stores.keyValueStoreBuilder(Stores.persistentKeyValueStore("names"), TEXT, TEXT),
                "names-source",
                TEXT.deserializer(),
                TEXT.deserializer(),
                arguments.prefix() + "names",
                "names-fill",
                Fill::new);
        topology.addSource("words", TEXT.deserializer(), TEXT.deserializer(), arguments.prefix() + "words");
        Supplier<Processor<String, String, String, String>> look = Look::new;
        topology.addProcessor("look", look::get, "words");
        topology.connectProcessorAndStateStores("look", "names");
        topology.addSink("sink", arguments.output(), TEXT.serializer(), TEXT.serializer(), "look");
        return topology;
    }

    private static final class Fill extends ContextualProcessor<String, String, Void, Void> {
        @Override
        public void process(Record<String, String> record) {
            KeyValueStore<String, String> names = context().getStateStore("names");
            names.put(record.key(), record.value());
        }
    }

    private static final class Look extends ContextualProcessor<String, String, String, String> {
        @Override
        public void process(Record<String, String> record) {
            KeyValueStore<String, String> names = context().getStateStore("names");
            context().forward(record.withValue(record.value() + "/" + names.get(record.key())));
        }
    }

    private static KStream<String, String> words(StreamsBuilder builder, Arguments arguments) {
        return words(builder, arguments, "words");
    }

    private static KStream<String, String> words(StreamsBuilder builder, Arguments arguments, String topic) {
        return builder.stream(arguments.prefix() + topic, TEXTS);
    }
}
