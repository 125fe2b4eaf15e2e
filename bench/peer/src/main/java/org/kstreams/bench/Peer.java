package org.kstreams.bench;

import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.CloseOptions;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StoreQueryParameters;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.state.QueryableStoreTypes;

/**
 * A workload with Kafka Streams and its defaults: until all of the input is processed and committed. All is processed when
 * the threads' `process-total` says so; closing then commits. Under exactly-once no interceptor hears of a commit, so the group is asked.
 */
public final class Peer {
    private static final Duration PATIENCE = Duration.ofMinutes(2);

    private final String workload;
    private final Map<String, String> arguments;
    private final Admin admin;

    private Peer(Map<String, String> arguments) {
        this.arguments = arguments;
        this.workload = arguments.get("--workload");
        this.admin = Admin.create(Map.of("bootstrap.servers", arguments.get("--brokers")));
    }

    public static void main(String[] words) throws Exception {
        Map<String, String> arguments = new HashMap<>();
        for (int i = 0; i + 1 < words.length; i += 2) arguments.put(words[i], words[i + 1]);
        new Peer(arguments).run();
        System.exit(0);
    }

    private void run() throws Exception {
        Map<TopicPartition, Long> ends = ends();
        try (KafkaStreams streams = new KafkaStreams(Workloads.topology(workload), settings())) {
            streams.setUncaughtExceptionHandler(error -> {
                error.printStackTrace();
                Runtime.getRuntime().halt(1);
                return null;
            });
            long records = workload.equals("restore") ? restore(streams) : process(streams, ends);
            long closing = System.nanoTime();
            // Whoever restores must not wait until this member is given up.
            streams.close(CloseOptions.timeout(PATIENCE).withGroupMembershipOperation(CloseOptions.GroupMembershipOperation.LEAVE_GROUP));
            long closed = System.nanoTime();
            report(records, (closed - Math.max(closing, Commits.last.nanos())) / 1e9);
        }
    }

    private Properties settings() {
        Properties settings = new Properties();
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, arguments.get("--app-id"));
        settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, arguments.get("--brokers"));
        settings.put(StreamsConfig.STATE_DIR_CONFIG, arguments.get("--state-dir"));
        settings.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, arguments.getOrDefault("--threads", "1"));
        settings.put(StreamsConfig.DEFAULT_KEY_SERDE_CLASS_CONFIG, Serdes.StringSerde.class);
        settings.put(StreamsConfig.DEFAULT_VALUE_SERDE_CLASS_CONFIG, Serdes.StringSerde.class);
        settings.put(StreamsConfig.mainConsumerPrefix(ConsumerConfig.INTERCEPTOR_CLASSES_CONFIG), Commits.class.getName());
        if (isExactlyOnce()) settings.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
        return settings;
    }

    private boolean isExactlyOnce() {
        return workload.equals("count-eos");
    }

    private long process(KafkaStreams streams, Map<TopicPartition, Long> ends) throws Exception {
        long total = ends.values().stream().mapToLong(Long::longValue).sum();
        streams.start();
        while (processed(streams) < total) Thread.sleep(20);
        if (isExactlyOnce()) {
            while (!committed().equals(ends)) Thread.sleep(10);
            Commits.last = Commits.Mark.now();
        }
        return Long.parseLong(arguments.get("--records"));
    }

    private static double processed(KafkaStreams streams) {
        return streams.metrics().values().stream()
            .filter(metric -> metric.metricName().group().equals("stream-thread-metrics") && metric.metricName().name().equals("process-total"))
            .mapToDouble(metric -> (double) metric.metricValue()).sum();
    }

    private static long restore(KafkaStreams streams) throws Exception {
        Commits.first = Commits.Mark.now();
        streams.start();
        while (streams.state() != KafkaStreams.State.RUNNING) Thread.sleep(5);
        Commits.last = Commits.Mark.now();
        var store = streams.store(StoreQueryParameters.fromNameAndType(Workloads.RESTORED, QueryableStoreTypes.<String, String>keyValueStore()));
        long rows = 0;
        try (var all = store.all()) {
            for (; all.hasNext(); all.next()) rows++;
        }
        return rows;
    }

    private Map<TopicPartition, Long> ends() throws Exception {
        List<TopicPartition> partitions = new ArrayList<>();
        admin.describeTopics(Workloads.inputs(workload)).allTopicNames().get().forEach((name, topic) ->
            topic.partitions().forEach(partition -> partitions.add(new TopicPartition(name, partition.partition()))));
        Map<TopicPartition, OffsetSpec> asked = new HashMap<>();
        partitions.forEach(partition -> asked.put(partition, OffsetSpec.latest()));
        Map<TopicPartition, Long> ends = new HashMap<>();
        admin.listOffsets(asked).all().get().forEach((partition, end) -> ends.put(partition, end.offset()));
        return ends;
    }

    private Map<TopicPartition, Long> committed() throws Exception {
        Map<TopicPartition, Long> offsets = new HashMap<>();
        admin.listConsumerGroupOffsets(arguments.get("--app-id")).partitionsToOffsetAndMetadata().get()
            .forEach((partition, offset) -> { if (offset != null) offsets.put(partition, offset.offset()); });
        return offsets;
    }

    private void report(long records, double shutdownSeconds) {
        double seconds = (Commits.last.nanos() - Commits.first.nanos()) / 1e9;
        double cpu = Usage.cpuSeconds();
        double startup = Usage.ageSeconds() - (System.nanoTime() - Commits.first.nanos()) / 1e9;
        System.out.printf(Locale.ROOT, "{\"peer\": \"kafka-streams\", \"workload\": \"%s\", \"records\": %d, \"seconds\": %.3f, "
                + "\"records_per_second\": %.0f, \"cpu_seconds\": %.2f, \"cpu_seconds_per_million\": %.3f, \"cpu_seconds_run\": %.2f, "
                + "\"max_rss_mb\": %.1f, \"startup_seconds\": %.3f, \"shutdown_seconds\": %.3f}%n",
            workload, records, seconds, records / seconds, cpu, cpu * 1e6 / records, Commits.last.cpuSeconds() - Commits.first.cpuSeconds(),
            Usage.memoryPeakMb(), startup, shutdownSeconds);
    }
}
