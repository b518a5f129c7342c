import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.stream.Collectors;

import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;

/** A member of a group with the Java client. What it takes and says is in matrix/group_runs/process.py. */
public final class GroupMember implements ConsumerRebalanceListener {
    private static final Duration POLL = Duration.ofMillis(100);
    private static final String DESERIALIZER = "org.apache.kafka.common.serialization.StringDeserializer";
    private static final String ASSIGNORS = "org.apache.kafka.clients.consumer.";

    private final FileOutputStream out = new FileOutputStream(FileDescriptor.out);
    private final Map<TopicPartition, OffsetAndMetadata> pending = new HashMap<>();
    private final KafkaConsumer<String, String> consumer;
    private final String topic;
    private volatile boolean isStopping;

    private GroupMember(Properties settings, String topic) {
        say("start", "");
        this.consumer = new KafkaConsumer<>(settings);
        this.topic = topic;
    }

    public static void main(String[] args) {
        Properties settings = new Properties();
        settings.put("enable.auto.commit", "false");
        settings.put("auto.offset.reset", "earliest");
        settings.put("key.deserializer", DESERIALIZER);
        settings.put("value.deserializer", DESERIALIZER);
        switch (args[0]) {
            case "java-eager" -> settings.put("partition.assignment.strategy", ASSIGNORS + "RangeAssignor");
            case "java-cooperative" ->
                settings.put("partition.assignment.strategy", ASSIGNORS + "CooperativeStickyAssignor");
            case "java-consumer" -> settings.put("group.protocol", "consumer");
            default -> throw new IllegalArgumentException(args[0]);
        }
        String topic = null;
        for (int i = 1; i + 1 < args.length; i += 2) {
            String value = args[i + 1];
            switch (args[i]) {
                case "--bootstrap" -> settings.put("bootstrap.servers", value);
                case "--group" -> settings.put("group.id", value);
                case "--topic" -> topic = value;
                case "--set" -> settings.put(value.split("=", 2)[0], value.split("=", 2)[1]);
                default -> throw new IllegalArgumentException(args[i]);
            }
        }
        GroupMember member = new GroupMember(settings, topic);
        Thread main = Thread.currentThread();
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            member.isStopping = true;
            try {
                main.join();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
            // An end by SIGTERM that did all it should is not an error.
            Runtime.getRuntime().halt(0);
        }));
        member.run();
    }

    private void run() {
        consumer.subscribe(List.of(topic), this);
        while (!isStopping) {
            try {
                for (ConsumerRecord<String, String> record : consumer.poll(POLL)) {
                    say("record", ",\"partition\":" + record.partition() + ",\"offset\":" + record.offset()
                        + ",\"value\":" + quoted(record.value()));
                    pending.put(new TopicPartition(topic, record.partition()),
                        new OffsetAndMetadata(record.offset() + 1));
                }
                if (!pending.isEmpty()) {
                    consumer.commitSync(pending);
                    say("committed", ",\"offsets\":" + pending.entrySet().stream()
                        .map(at -> "\"" + at.getKey().partition() + "\":" + at.getValue().offset())
                        .collect(Collectors.joining(",", "{", "}")));
                    pending.clear();
                }
            } catch (KafkaException e) {
                say("error", ",\"text\":" + quoted(e.toString()));
            }
        }
        consumer.close();
        say("closed", "");
    }

    @Override
    public void onPartitionsAssigned(Collection<TopicPartition> partitions) {
        say("assigned", numbers(partitions) + ",\"generation\":" + consumer.groupMetadata().generationId());
    }

    @Override
    public void onPartitionsRevoked(Collection<TopicPartition> partitions) {
        pending.keySet().removeAll(partitions);
        say("revoked", numbers(partitions));
    }

    @Override
    public void onPartitionsLost(Collection<TopicPartition> partitions) {
        pending.keySet().removeAll(partitions);
        say("lost", numbers(partitions));
    }

    private static String numbers(Collection<TopicPartition> partitions) {
        return partitions.stream().map(at -> String.valueOf(at.partition())).sorted()
            .collect(Collectors.joining(",", ",\"partitions\":[", "]"));
    }

    /** One line in one write, so that kill -9 loses none that was written. */
    private void say(String event, String more) {
        Instant now = Instant.now();
        String at = String.format("%d.%06d", now.getEpochSecond(), now.getNano() / 1000);
        String line = "{\"at\":" + at + ",\"event\":\"" + event + "\"" + more + "}\n";
        try {
            out.write(line.getBytes(StandardCharsets.UTF_8));
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    private static String quoted(String text) {
        StringBuilder out = new StringBuilder("\"");
        for (char c : text.toCharArray()) {
            if (c == '"' || c == '\\') {
                out.append('\\').append(c);
            } else if (c < ' ') {
                out.append(String.format("\\u%04x", (int) c));
            } else {
                out.append(c);
            }
        }
        return out.append('"').toString();
    }
}
