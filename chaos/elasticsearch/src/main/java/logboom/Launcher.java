package logboom;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.http.HttpServerTransport;
import org.elasticsearch.node.InternalSettingsPreparer;
import org.elasticsearch.node.Node;
import org.elasticsearch.plugins.Plugin;

/**
 * Runs one node of Elasticsearch or OpenSearch in the foreground, on the loopback address only.
 *
 * <p>It starts the server's own Node class, without the start-up checks of the distribution's command, which refuse root
 * and need the distribution's folders. All that answers a request is the real thing.
 *
 * <p>Arguments: the node's folder, the id of the process to end with (0: none), the classes of its plugins, then settings
 * as key=value. Once the node takes documents, the file "url" in its folder holds its address.
 *
 * <p>OpenSearch is a fork that renamed its packages: build.sh makes its launcher from this source.
 */
public final class Launcher {
    private Launcher() {}

    public static void main(String[] args) throws Exception {
        Path dir = Path.of(args[0]).toAbsolutePath();
        long owner = Long.parseLong(args[1]);
        List<Class<? extends Plugin>> plugins = new ArrayList<>();
        for (String name : args[2].split(",")) {
            plugins.add(Class.forName(name).asSubclass(Plugin.class));
        }
        Settings.Builder settings = defaults(dir);
        for (String setting : List.of(args).subList(3, args.length)) {
            String[] keyValue = setting.split("=", 2);
            settings.put(keyValue[0], keyValue[1]);
        }
        LoopbackNode node = new LoopbackNode(settings.build(), plugins);
        node.start();
        Runtime.getRuntime().addShutdownHook(new Thread(() -> close(node)));
        if (owner != 0) {
            endWith(owner, node, dir);
        }
        node.client().admin().cluster().prepareHealth().setWaitForYellowStatus().setTimeout("60s").get();
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

    /** A Node that takes its plugins from the class path. */
    private static final class LoopbackNode extends Node {
        LoopbackNode(Settings settings, Collection<Class<? extends Plugin>> plugins) {
            super(InternalSettingsPreparer.prepareEnvironment(settings, Map.of(), null, () -> "node1"), plugins, true);
        }

        String url() {
            var address = injector().getInstance(HttpServerTransport.class).boundAddress().publishAddress();
            return "http://" + address.getAddress() + ":" + address.getPort();
        }
    }
}
