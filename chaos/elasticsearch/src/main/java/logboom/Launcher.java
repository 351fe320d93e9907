package logboom;

import java.io.File;
import java.io.IOException;
import java.net.HttpURLConnection;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Comparator;
import java.util.List;
import org.elasticsearch.common.settings.Settings;

/**
 * Runs one node of Elasticsearch or OpenSearch in the foreground, on the loopback address only.
 *
 * <p>It starts the server's own Node class, without the start-up checks of the distribution's command, which refuse root
 * and need the distribution's folders. All that answers a request is the real thing.
 *
 * <p>Arguments: the node's folder, the id of the process to end with (0: none), its plugins (classes, or the folder of its
 * modules), then settings as key=value. Once the node takes documents, the file "url" in its folder holds its address.
 *
 * <p>OpenSearch is a fork that renamed its packages: build.sh makes its launcher from this source. How a node is given its
 * plugins has changed over the years, and is in the LoopbackNode that build.sh puts beside.
 */
public final class Launcher {
    private Launcher() {}

    public static void main(String[] args) throws Exception {
        Path dir = Path.of(args[0]).toAbsolutePath();
        long owner = Long.parseLong(args[1]);
        Settings.Builder settings = defaults(dir);
        for (String setting : List.of(args).subList(3, args.length)) {
            String[] keyValue = setting.split("=", 2);
            settings.put(keyValue[0], keyValue[1]);
        }
        LoopbackNode node = LoopbackNode.of(settings.build(), args[2]);
        node.start();
        Runtime.getRuntime().addShutdownHook(new Thread(() -> close(node)));
        if (owner != 0) {
            endWith(owner, node, dir);
        }
        if (node.url().startsWith("http:")) { // a secured one tells its state to those who may ask
            awaitYellow(node.url());
        }
        publish(dir, node.url());
        Thread.currentThread().join();
    }

    private static Settings.Builder defaults(Path dir) {
        return Settings.builder()
            .put("cluster.name", "logboom-test")
            .put("node.name", "node1")
            .put("path.home", dir)
            .put("path.data", dir.resolve("data"))
            .put("path.logs", dir.resolve("log"))
            .put("network.host", "127.0.0.1")
            .put("http.port", "0")
            .put("transport.port", "0")
            .put("http.type", "netty4")
            .put("transport.type", "netty4")
            .put("discovery.type", "single-node")
            // A nearly full disk of a developer's machine must not look like a full cluster.
            .put("cluster.routing.allocation.disk.threshold_enabled", false);
    }

    /** The owner's end, however it came, is the node's end, and its folder goes too. */
    private static void endWith(long owner, LoopbackNode node, Path dir) {
        Runnable end = () -> {
            try {
                close(node);
                remove(dir);
            } finally {
                Runtime.getRuntime().halt(0);
            }
        };
        ProcessHandle.of(owner).ifPresentOrElse(p -> p.onExit().thenRun(end), end);
    }

    private static void remove(Path dir) {
        try (var paths = Files.walk(dir)) {
            paths.sorted(Comparator.reverseOrder()).map(Path::toFile).forEach(File::delete);
        } catch (IOException e) {
            e.printStackTrace();
        }
    }

    private static void close(LoopbackNode node) {
        try {
            node.close();
        } catch (IOException e) {
            e.printStackTrace();
        }
    }

    private static void publish(Path dir, String url) throws IOException {
        Path unfinished = dir.resolve("url.tmp");
        Files.writeString(unfinished, url + "\n");
        Files.move(unfinished, dir.resolve("url"), StandardCopyOption.ATOMIC_MOVE);
    }

    private static void awaitYellow(String url) throws IOException {
        URI health = URI.create(url + "/_cluster/health?wait_for_status=yellow&timeout=60s");
        for (int status; (status = ((HttpURLConnection) health.toURL().openConnection()).getResponseCode()) != 200; ) {
            if (status != 408) { // not yellow yet: shards that were killed replay their translogs, which takes long on a busy machine
                throw new IOException(health + " answers " + status);
            }
        }
    }
}
