package logboom;

import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import org.elasticsearch.common.logging.LogConfigurator;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.http.HttpServerTransport;
import org.elasticsearch.node.InternalSettingsPreparer;
import org.elasticsearch.node.Node;
import org.elasticsearch.plugins.PluginsLoader;

/** A Node that loads its plugins as the distribution does, from a folder of modules: Elasticsearch 8 and 9. */
final class LoopbackNode extends Node {
    static LoopbackNode of(Settings settings, String modules) {
        LogConfigurator.configureESLogging(); // the distribution's command does; without it no class with a logger loads
        return new LoopbackNode(
            settings,
            PluginsLoader.createPluginsLoader(PluginsLoader.loadModulesBundles(Path.of(modules)), Set.of(), Map.of(), false)
        );
    }

    private LoopbackNode(Settings settings, PluginsLoader plugins) {
        super(InternalSettingsPreparer.prepareEnvironment(settings, Map.of(), null, () -> "node1"), plugins);
    }

    String url() {
        var address = injector().getInstance(HttpServerTransport.class).boundAddress().publishAddress();
        String scheme = settings().getAsBoolean("xpack.security.http.ssl.enabled", false) ? "https://" : "http://";
        return scheme + address.getAddress() + ":" + address.getPort();
    }
}
