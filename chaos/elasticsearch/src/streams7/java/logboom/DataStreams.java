package logboom;

import static org.elasticsearch.rest.RestRequest.Method.GET;

import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.elasticsearch.action.ActionListener;
import org.elasticsearch.action.admin.cluster.state.ClusterStateRequest;
import org.elasticsearch.client.node.NodeClient;
import org.elasticsearch.cluster.metadata.IndexNameExpressionResolver;
import org.elasticsearch.cluster.node.DiscoveryNodes;
import org.elasticsearch.common.settings.ClusterSettings;
import org.elasticsearch.common.settings.IndexScopedSettings;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.common.settings.SettingsFilter;
import org.elasticsearch.index.mapper.DataStreamTimestampFieldMapper;
import org.elasticsearch.index.mapper.MetadataFieldMapper;
import org.elasticsearch.plugins.ActionPlugin;
import org.elasticsearch.plugins.MapperPlugin;
import org.elasticsearch.plugins.Plugin;
import org.elasticsearch.rest.BaseRestHandler;
import org.elasticsearch.rest.RestController;
import org.elasticsearch.rest.RestHandler;
import org.elasticsearch.rest.RestRequest;
import org.elasticsearch.rest.action.RestToXContentListener;
import org.elasticsearch.xcontent.ToXContentObject;

/**
 * Switches the server's own data streams on.
 *
 * <p>The server's jar has all that creates, writes to and rolls over a data stream, and leaves it off until a plugin of
 * the distribution registers the mapper of its time field. That plugin isn't published, so this one does it. The one
 * thing written here is the answer of GET _data_stream/NAME.
 */
public final class DataStreams extends Plugin implements MapperPlugin, ActionPlugin {
    @Override
    public Map<String, MetadataFieldMapper.TypeParser> getMetadataMappers() {
        return Map.of(DataStreamTimestampFieldMapper.NAME, DataStreamTimestampFieldMapper.PARSER);
    }

    @Override
    public List<RestHandler> getRestHandlers(
        Settings settings,
        RestController controller,
        ClusterSettings clusterSettings,
        IndexScopedSettings indexScopedSettings,
        SettingsFilter settingsFilter,
        IndexNameExpressionResolver resolver,
        Supplier<DiscoveryNodes> nodes
    ) {
        return List.of(new Get());
    }

    private static final class Get extends BaseRestHandler {
        @Override
        public String getName() {
            return "get_data_stream";
        }

        @Override
        public List<Route> routes() {
            return List.of(new Route(GET, "/_data_stream"), new Route(GET, "/_data_stream/{name}"));
        }

        @Override
        protected RestChannelConsumer prepareRequest(RestRequest request, NodeClient client) throws IOException {
            String name = request.param("name", "*");
            ClusterStateRequest state = new ClusterStateRequest().clear().metadata(true);
            return channel -> {
                ActionListener<ToXContentObject> answer = new RestToXContentListener<>(channel);
                client.admin().cluster().state(state, answer.delegateFailure((a, s) -> a.onResponse(Listing.of(s, name))));
            };
        }
    }
}
