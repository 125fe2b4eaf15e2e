package org.kstreams.peer;

import static org.kstreams.peer.Lines.JSON;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.Config;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.ListOffsetsOptions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.clients.admin.TransactionListing;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.IsolationLevel;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.PolicyViolationException;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * Looks at a broker, and fills it, for tests that must not trust the client they test: a command in JSON on each line of
 * standard input, its answer on a line of standard output. Keys, values and headers are hexadecimal, or null.
 */
public final class Desk implements AutoCloseable {
    private static final HexFormat HEX = HexFormat.of();
    private static final Duration POLL = Duration.ofMillis(100);
    private static final int ATTEMPTS = 50;

    private final Admin admin;
    private final KafkaConsumer<byte[], byte[]> consumer;
    private final KafkaProducer<byte[], byte[]> producer;

    private Desk(String servers) {
        Map<String, Object> config = Map.of("bootstrap.servers", servers);
        admin = Admin.create(config);
        Map<String, Object> reading = new HashMap<>(config);
        reading.putAll(Map.of("isolation.level", "read_committed", "auto.offset.reset", "earliest"));
        consumer = new KafkaConsumer<>(reading, new ByteArrayDeserializer(), new ByteArrayDeserializer());
        producer = new KafkaProducer<>(config, new ByteArraySerializer(), new ByteArraySerializer());
    }

    public static void main(String[] words) throws IOException {
        if (words.length != 1) {
            System.err.println("usage: desk HOST:PORT,...");
            System.exit(2);
        }
        try (Desk desk = new Desk(words[0]);
                BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8))) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                Lines.say(desk.answer(JSON.readTree(line)));
            }
        }
    }

    private JsonNode answer(JsonNode command) {
        try {
            return switch (command.path("do").asText()) {
                case "create" -> create(command.path("topics"));
                case "load" -> load(command.path("records"));
                case "dump" -> dump(command.path("topic").asText());
                case "topics" -> topics(command.path("prefix").asText());
                case "group" -> group(command.path("group").asText());
                case "behind" -> behind(command.path("group").asText(), command.path("topics"));
                case "undecided" -> undecided(command.path("topics"));
                case "delete-records" -> deleteRecords(command);
                case "configure" -> configure(command);
                case "transactions" -> transactions(command.path("topics"));
                default -> throw new IllegalArgumentException("no such command: " + command);
            };
        } catch (ExecutionException error) {
            return JSON.createObjectNode().put("error", String.valueOf(error.getCause()));
        } catch (RuntimeException | InterruptedException error) {
            return JSON.createObjectNode().put("error", String.valueOf(error));
        }
    }

    /** Topics with a name, a number of partitions and a configuration. */
    private JsonNode create(JsonNode topics) throws ExecutionException, InterruptedException {
        List<NewTopic> wanted = new ArrayList<>();
        for (JsonNode topic : topics) {
            Map<String, String> config = new HashMap<>();
            topic.path("config").properties().forEach(entry -> config.put(entry.getKey(), entry.getValue().asText()));
            NewTopic created = new NewTopic(topic.path("topic").asText(), topic.path("partitions").asInt(), (short) -1);
            wanted.add(created.configs(config));
        }
        admin.createTopics(wanted).all().get();
        return JSON.createObjectNode().put("created", wanted.size());
    }

    /** Records, each for its partition, or for the one that its key belongs to. */
    private JsonNode load(JsonNode records) throws ExecutionException, InterruptedException {
        List<Future<RecordMetadata>> sent = new ArrayList<>();
        for (JsonNode record : records) {
            ProducerRecord<byte[], byte[]> message = new ProducerRecord<>(
                    record.path("topic").asText(),
                    record.hasNonNull("partition") ? record.path("partition").asInt() : null,
                    record.path("timestamp").asLong(),
                    bytes(record.path("key")),
                    bytes(record.path("value")));
            record.path("headers")
                    .forEach(header -> message.headers().add(header.path(0).asText(), bytes(header.path(1))));
            sent.add(producer.send(message));
        }
        producer.flush();
        for (Future<RecordMetadata> answer : sent) {
            answer.get();
        }
        return JSON.createObjectNode().put("loaded", sent.size());
    }

    /** All committed records of a topic, partition by partition. */
    private JsonNode dump(String topic) throws ExecutionException, InterruptedException {
        ArrayNode records = JSON.createArrayNode();
        read(partitions(List.of(topic)), Map.of(), record -> records.add(described(record)));
        return JSON.createObjectNode().set("records", records);
    }

    private static ObjectNode described(ConsumerRecord<byte[], byte[]> record) {
        ObjectNode described = JSON.createObjectNode()
                .put("partition", record.partition())
                .put("offset", record.offset())
                .put("timestamp", record.timestamp())
                .put("key", hex(record.key()))
                .put("value", hex(record.value()));
        ArrayNode headers = described.putArray("headers");
        record.headers().forEach(header -> headers.addArray().add(header.key()).add(hex(header.value())));
        return described;
    }

    /** Topics whose name begins so, with what was set for them: no defaults. */
    private JsonNode topics(String prefix) throws ExecutionException, InterruptedException {
        List<String> names = admin.listTopics().names().get().stream()
                .filter(name -> name.startsWith(prefix))
                .sorted()
                .toList();
        Map<String, TopicDescription> descriptions = admin.describeTopics(names).allTopicNames().get();
        List<ConfigResource> resources = names.stream()
                .map(name -> new ConfigResource(ConfigResource.Type.TOPIC, name))
                .toList();
        Map<ConfigResource, Config> configs = admin.describeConfigs(resources).all().get();
        ArrayNode topics = JSON.createArrayNode();
        for (ConfigResource resource : resources) {
            ObjectNode topic = topics.addObject().put("topic", resource.name());
            topic.put("partitions", descriptions.get(resource.name()).partitions().size());
            ObjectNode config = topic.putObject("config");
            configs.get(resource).entries().stream()
                    .filter(entry -> entry.source() == ConfigEntry.ConfigSource.DYNAMIC_TOPIC_CONFIG)
                    .forEach(entry -> config.put(entry.name(), entry.value()));
        }
        return JSON.createObjectNode().set("topics", topics);
    }

    /** What a group has committed, and how many members it has. */
    private JsonNode group(String group) throws ExecutionException, InterruptedException {
        ObjectNode answer = JSON.createObjectNode();
        answer.put("members", admin.describeConsumerGroups(List.of(group)).all().get().get(group).members().size());
        ArrayNode offsets = answer.putArray("offsets");
        committed(group).forEach((partition, offset) -> offsets.addObject()
                .put("topic", partition.topic())
                .put("partition", partition.partition())
                .put("offset", offset.offset())
                .put("metadata", offset.metadata()));
        return answer;
    }

    /** How many records of these topics a group has not committed yet. */
    private JsonNode behind(String group, JsonNode names) throws ExecutionException, InterruptedException {
        List<String> topics = new ArrayList<>();
        names.forEach(name -> topics.add(name.asText()));
        int[] behind = {0};
        read(partitions(topics), committed(group), record -> behind[0]++);
        return JSON.createObjectNode().put("behind", behind[0]);
    }

    /** How many offsets of these topics lie behind the beginning of an open transaction: nobody reads them yet. */
    private JsonNode undecided(JsonNode names) throws ExecutionException, InterruptedException {
        List<String> topics = new ArrayList<>();
        names.forEach(name -> topics.add(name.asText()));
        List<TopicPartition> partitions = partitions(topics);
        // The stable ends first: what is written in between is counted, and looked at again.
        long stable = ends(partitions, IsolationLevel.READ_COMMITTED);
        return JSON.createObjectNode().put("undecided", ends(partitions, IsolationLevel.READ_UNCOMMITTED) - stable);
    }

    private long ends(List<TopicPartition> partitions, IsolationLevel isolation)
            throws ExecutionException, InterruptedException {
        Map<TopicPartition, OffsetSpec> asked = partitions.stream()
                .collect(Collectors.toMap(partition -> partition, partition -> OffsetSpec.latest()));
        return admin.listOffsets(asked, new ListOffsetsOptions(isolation)).all().get().values().stream()
                .mapToLong(found -> found.offset())
                .sum();
    }

    /** Sets one key of a topic's configuration. */
    private JsonNode configure(JsonNode command) throws ExecutionException, InterruptedException {
        ConfigResource topic = new ConfigResource(ConfigResource.Type.TOPIC, command.path("topic").asText());
        ConfigEntry entry = new ConfigEntry(command.path("key").asText(), command.path("value").asText());
        AlterConfigOp set = new AlterConfigOp(entry, AlterConfigOp.OpType.SET);
        admin.incrementalAlterConfigs(Map.of(topic, List.of(set))).all().get();
        return JSON.createObjectNode().put("configured", true);
    }

    /** Every transaction that the brokers know of, and every one that is open in these topics. */
    private JsonNode transactions(JsonNode names) throws ExecutionException, InterruptedException {
        ArrayNode transactions = JSON.createArrayNode();
        List<String> ids = admin.listTransactions().all().get().stream()
                .map(TransactionListing::transactionalId)
                .toList();
        admin.describeTransactions(ids).all().get().forEach((id, known) -> transactions.add(id + ": " + known));
        List<String> topics = new ArrayList<>();
        names.forEach(name -> topics.add(name.asText()));
        admin.describeProducers(partitions(topics)).all().get().forEach((partition, producers) -> producers
                .activeProducers()
                .stream()
                .filter(producer -> producer.currentTransactionStartOffset().isPresent())
                .forEach(producer -> transactions.add(partition + ": " + producer)));
        return JSON.createObjectNode().set("transactions", transactions);
    }

    private JsonNode deleteRecords(JsonNode command) throws ExecutionException, InterruptedException {
        TopicPartition partition =
                new TopicPartition(command.path("topic").asText(), command.path("partition").asInt());
        RecordsToDelete before = RecordsToDelete.beforeOffset(command.path("before").asLong());
        for (int attempt = 1; ; attempt++) {
            try {
                long first = admin.deleteRecords(Map.of(partition, before))
                        .lowWatermarks()
                        .get(partition)
                        .get()
                        .lowWatermark();
                return JSON.createObjectNode().put("first", first);
            } catch (ExecutionException error) {
                // Brokers hear of a changed configuration a little later.
                if (!(error.getCause() instanceof PolicyViolationException) || attempt == ATTEMPTS) {
                    throw error;
                }
                Thread.sleep(POLL.toMillis());
            }
        }
    }

    private Map<TopicPartition, OffsetAndMetadata> committed(String group)
            throws ExecutionException, InterruptedException {
        return admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get();
    }

    private List<TopicPartition> partitions(Collection<String> topics) throws ExecutionException, InterruptedException {
        return admin.describeTopics(topics).allTopicNames().get().values().stream()
                .flatMap(topic -> IntStream.range(0, topic.partitions().size())
                        .mapToObj(partition -> new TopicPartition(topic.name(), partition)))
                .sorted((one, other) -> one.toString().compareTo(other.toString()))
                .toList();
    }

    /** Reads partitions from these offsets, else from their beginning, to their last stable offset of this moment. */
    private void read(
            List<TopicPartition> partitions,
            Map<TopicPartition, OffsetAndMetadata> from,
            Consumer<ConsumerRecord<byte[], byte[]>> each) {
        for (TopicPartition partition : partitions) {
            List<TopicPartition> alone = List.of(partition);
            consumer.assign(alone);
            long end = consumer.endOffsets(alone).get(partition);
            OffsetAndMetadata start = from.get(partition);
            if (start == null) {
                consumer.seekToBeginning(alone);
            } else {
                consumer.seek(partition, start.offset());
            }
            while (consumer.position(partition) < end) {
                consumer.poll(POLL).forEach(each);
            }
        }
        consumer.unsubscribe();
    }

    private static byte[] bytes(JsonNode text) {
        return text.isNull() || text.isMissingNode() ? null : HEX.parseHex(text.asText());
    }

    private static String hex(byte[] bytes) {
        return bytes == null ? null : HEX.formatHex(bytes);
    }

    @Override
    public void close() {
        producer.close(Duration.ZERO);
        consumer.close();
        admin.close(Duration.ZERO);
    }
}
