package logboom;

import java.util.List;
import org.elasticsearch.ResourceNotFoundException;
import org.elasticsearch.action.admin.cluster.state.ClusterStateResponse;
import org.elasticsearch.cluster.metadata.DataStream;
import org.elasticsearch.common.regex.Regex;
import org.elasticsearch.xcontent.ToXContentObject;

/** The answer of GET _data_stream/NAME, taken from the cluster's state, in the distribution's form. */
final class Listing {
    private Listing() {}

    static ToXContentObject of(ClusterStateResponse response, String name) {
        List<DataStream> found = response.getState().metadata().dataStreams().values().stream()
            .filter(d -> Regex.simpleMatch(name, d.getName()))
            .toList();
        if (found.isEmpty() && !Regex.isSimpleMatchPattern(name)) {
            throw new ResourceNotFoundException("data_stream [{}] not found", name);
        }
        return (builder, params) -> {
            builder.startObject().startArray("data_streams");
            for (DataStream stream : found) {
                builder.startObject().field("name", stream.getName());
                builder.startObject("timestamp_field").field("name", "@timestamp").endObject();
                builder.startArray("indices");
                for (var index : stream.getIndices()) {
                    builder.startObject();
                    builder.field("index_name", index.getName()).field("index_uuid", index.getUUID());
                    builder.endObject();
                }
                builder.endArray().field("generation", stream.getGeneration()).endObject();
            }
            return builder.endArray().endObject();
        };
    }
}
