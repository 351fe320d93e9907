package logboom;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.http.HttpServerTransport;
import org.elasticsearch.node.InternalSettingsPreparer;
import org.elasticsearch.node.Node;
import org.elasticsearch.plugins.Plugin;

/** A Node that takes its plugins from the class path: Elasticsearch 7, OpenSearch 1 and 2. */
final class LoopbackNode extends Node {
    static LoopbackNode of(Settings settings, String plugins) throws ClassNotFoundException {
        List<Class<? extends Plugin>> classes = new ArrayList<>();
        for (String name : plugins.split(",")) {
            classes.add(Class.forName(name).asSubclass(Plugin.class));
        }
        return new LoopbackNode(settings, classes);
    }

    private LoopbackNode(Settings settings, Collection<Class<? extends Plugin>> plugins) {
        super(InternalSettingsPreparer.prepareEnvironment(settings, Map.of(), null, () -> "node1"), plugins, true);
    }

    String url() {
        var address = injector().getInstance(HttpServerTransport.class).boundAddress().publishAddress();
        String scheme = settings().getAsBoolean("plugins.security.ssl.http.enabled", false) ? "https://" : "http://";
        return scheme + address.getAddress() + ":" + address.getPort();
    }
}
