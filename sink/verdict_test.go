package sink

import "testing"

func TestVerdicts(t *testing.T) {
	for _, c := range []struct {
		status      int
		typ, reason string
		want        Verdict
	}{
		{200, "", "", Stored},
		{201, "", "", Stored},
		{299, "", "", Stored},
		{409, "version_conflict_engine_exception", "", Duplicate},
		{409, "", "", Duplicate},
		{409, "some_other_conflict", "", Hold},
		{429, "es_rejected_execution_exception", "", Retry},
		{429, "cluster_block_exception", "flood stage", Hold},
		{408, "", "", Retry},
		{500, "mapper_parsing_exception", "", Retry},
		{503, "unavailable_shards_exception", "", Hold},
		{503, "", "", Retry},
		{599, "", "", Retry},
		{400, "document_parsing_exception", "", Poison},
		{400, "mapper_parsing_exception", "", Poison},
		{400, "strict_dynamic_mapping_exception", "", Poison},
		{400, "illegal_argument_exception", "Limit of total fields [1000] has been exceeded", Poison},
		{400, "illegal_argument_exception", "Limit of mapping depth [20] has been exceeded", Poison},
		{400, "illegal_argument_exception", `Document contains at least one immense term in field="message"`, Poison},
		{400, "illegal_argument_exception", "pipeline with id [x] does not exist", Hold},
		{400, "illegal_argument_exception", "", Hold},
		{400, "validation_exception", "this cluster currently has [1000]/[1000] maximum shards open", Hold},
		{400, "index_closed_exception", "closed", Hold},
		{400, "invalid_index_name_exception", "", Hold},
		{400, "", "", Hold},
		{403, "cluster_block_exception", "FORBIDDEN/5", Hold},
		{403, "document_parsing_exception", "", Hold},
		{404, "index_not_found_exception", "", Hold},
		{401, "security_exception", "", Hold},
		{413, "", "", Hold},
		{302, "", "", Hold},
		{100, "", "", Hold},
	} {
		if got := verdict(c.status, c.typ, []byte(c.reason)); got != c.want {
			t.Errorf("%d %s %s: %d, want %d", c.status, c.typ, c.reason, got, c.want)
		}
	}
}
