package org.kstreams.bench;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** What this process has used, from /proc. Linux counts in ticks of 10 ms. */
final class Usage {
    private Usage() { }

    static double cpuSeconds() {
        return (stat(11) + stat(12)) / 100.0;
    }

    static double ageSeconds() {
        return Double.parseDouble(read("uptime").split(" ")[0]) - stat(19) / 100.0;
    }

    static double memoryPeakMb() {
        return read("self/status").lines().filter(line -> line.startsWith("VmHWM:"))
            .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", ""))).findFirst().orElse(0) / 1024.0;
    }

    /** A number of /proc/self/stat, counted behind the program's name. */
    private static long stat(int field) {
        String line = read("self/stat");
        return Long.parseLong(line.substring(line.lastIndexOf(')') + 2).split(" ")[field]);
    }

    private static String read(String file) {
        try {
            return Files.readString(Path.of("/proc", file));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
