package logboom;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import org.elasticsearch.Version;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.http.HttpServerTransport;
import org.elasticsearch.node.InternalSettingsPreparer;
import org.elasticsearch.node.Node;
import org.elasticsearch.plugins.PluginInfo;

/** A Node that takes its plugins from the class path, and wants them described: OpenSearch 3. */
final class LoopbackNode extends Node {
    static LoopbackNode of(Settings settings, String plugins) {
        List<PluginInfo> infos = new ArrayList<>();
        for (String name : plugins.split(",")) {
            infos.add(new PluginInfo(name, "", "", Version.CURRENT, "21", name, null, List.of(), false));
        }
        return new LoopbackNode(settings, infos);
    }

    private LoopbackNode(Settings settings, Collection<PluginInfo> plugins) {
        super(InternalSettingsPreparer.prepareEnvironment(settings, Map.of(), null, () -> "node1"), plugins, true);
    }

    String url() {
        var address = injector().getInstance(HttpServerTransport.class).boundAddress().publishAddress();
        return "http://" + address.getAddress() + ":" + address.getPort();
    }
}
