package org.kstreams.peer;

import java.io.IOException;
import java.time.Duration;
import java.util.Map;
import org.apache.kafka.streams.CloseOptions;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;

/**
 * Runs a topology on Kafka Streams until standard input closes, then commits, leaves its group and ends.
 *
 * <p>It says on standard output, as JSON lines: {@code describe}, every {@code state}, an {@code error}, and at the end
 * {@code closed}.
 */
public final class Peer {
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    private Peer() {}

    public static void main(String[] words) throws IOException {
        Arguments arguments;
        Topology topology;
        try {
            arguments = Arguments.parse(words);
            topology = Topologies.named(arguments);
        } catch (IllegalArgumentException error) {
            System.err.println("peer: " + error.getMessage() + "\nusage: peer " + Arguments.USAGE);
            System.exit(2);
            return;
        }
        Lines.say("describe", topology.describe().toString());
        if (!arguments.describes()) {
            run(topology, arguments);
        }
    }

    private static void run(Topology topology, Arguments arguments) throws IOException {
        try (KafkaStreams streams = new KafkaStreams(topology, arguments.config())) {
            streams.setStateListener((now, before) -> Lines.say("state", now.toString()));
            streams.setUncaughtExceptionHandler(error -> {
                Lines.say("error", String.valueOf(error));
                error.printStackTrace();
                return StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
            });
            streams.start();
            System.in.transferTo(java.io.OutputStream.nullOutputStream());
            // Whoever goes on under the same application id finds a group without members.
            CloseOptions leaving = CloseOptions.timeout(PATIENCE)
                    .withGroupMembershipOperation(CloseOptions.GroupMembershipOperation.LEAVE_GROUP);
            boolean closed = streams.close(leaving);
            Lines.say(Map.of("closed", closed));
        }
    }
}
