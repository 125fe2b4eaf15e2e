package org.kstreams.bench;

import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerInterceptor;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;

/** Notes when the first records came and when offsets were last committed: a call a poll and a commit, none a record. */
public final class Commits implements ConsumerInterceptor<byte[], byte[]> {
    /** A moment, and the CPU seconds used up to it. */
    record Mark(long nanos, double cpuSeconds) {
        static Mark now() {
            return new Mark(System.nanoTime(), Usage.cpuSeconds());
        }
    }

    static volatile Mark first;
    static volatile Mark last;

    @Override
    public ConsumerRecords<byte[], byte[]> onConsume(ConsumerRecords<byte[], byte[]> records) {
        if (first == null && !records.isEmpty()) first = Mark.now();
        return records;
    }

    @Override
    public void onCommit(Map<TopicPartition, OffsetAndMetadata> offsets) {
        last = Mark.now();
    }

    @Override
    public void close() { }

    @Override
    public void configure(Map<String, ?> settings) { }
}
