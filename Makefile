# logboom: what people and CI run. Everything builds from source; nothing needs root unless it says so.

GO      ?= go
BIN     := bin
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -s -w -X main.version=$(VERSION)

# Tests run single packages in parallel at most two at a time: they start servers and write to the disk.
TESTFLAGS ?= -count=1 -p 2 -timeout 15m

.PHONY: all build demo test race check fuzz bench bench-full bench-check bench-peers bench-wal bench-rss backlog e2e elasticsearch elasticsearch-stop powercut ioerrors simulate fleet mutations clean

all: build

.PHONY: help
help: ## what this Makefile can do
	@grep -hE '^[a-z0-9-]+( [a-z0-9-]+)*:.*##' Makefile | sort | sed -E 's/:[^#]*## /	/' | expand -t 20

build: ## bin/logboom, a static binary
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o $(BIN)/logboom ./agent

$(BIN)/backend: FORCE
	CGO_ENABLED=0 $(GO) build -trimpath -o $@ ./chaos/backend

demo: build $(BIN)/backend ## the main job on the embedded backend, with two kills, in under a minute
	$(GO) run ./chaos/demo --logboom $(BIN)/logboom --backend $(BIN)/backend --dir tmp/demo

test: check ## all tests; those that need Java, /dev/fuse, logrotate or Kubernetes say so when they skip
	LOGBOOM_SIMULATIONS=200 $(GO) test $(TESTFLAGS) ./...

race: ## the same under the race detector
	$(GO) test -race $(TESTFLAGS) ./...

check: ## formatting, vet, staticcheck
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { echo "not gofmt-ed:"; gofmt -l $$(git ls-files '*.go'); exit 1; }
	$(GO) vet ./...
	$(GO) tool staticcheck ./...

fuzz: ## each fuzz target for FUZZTIME
	GO="$(GO)" FUZZTIME="$(or $(FUZZTIME),20s)" ./chaos/fuzz.sh

.PHONY: manifests
manifests: ## deploy/manifests and the chart's table of values, from the chart
	$(GO) test -count=1 ./deploy -run 'TestManifestsAreTheChart|TestTheTableOfValues' -update

bench: build $(BIN)/backend ## backlog against gzip -1, steady rates, an outage: about four minutes
	$(GO) run ./bench -live 1000,10000,50000 -outage 30s -logboom $(BIN)/logboom -backend $(BIN)/backend -dir tmp/bench

bench-full: build $(BIN)/backend ## the same on every corpus, with longer rates and outage: half an hour
	$(GO) run ./bench -corpus text8,json8,long8,text200,text2000 -live 1000,10000,50000 -seconds 30 -outage 120s \
		-logboom $(BIN)/logboom -backend $(BIN)/backend -dir tmp/bench

bench-peers: build $(BIN)/backend ## rsyslog and the OpenTelemetry Collector beside the agent, and what each loses; BYTES (50e6), N runs (3)
	./bench/peers/otelcol/build.sh
	$(GO) run ./bench -peers -bytes $(or $(BYTES),50e6) -runs $(or $(N),3) -logboom $(BIN)/logboom -backend $(BIN)/backend -dir tmp/bench

bench-check: ## allocations and instructions of the hot paths against bench/check/testdata/baseline.json; STORE=1 stores them
	$(GO) run ./bench/check $(if $(STORE),-store)

bench-wal: ## speed of the WAL alone, compared with wal/testdata/bench.txt
	@mkdir -p tmp
	$(GO) test -run '^$$' -bench 'Append|Next|Open' -benchtime 1s -count $(or $(N),6) ./wal | tee tmp/bench-wal.txt
	$(GO) tool benchstat wal/testdata/bench.txt tmp/bench-wal.txt

backlog: ## opens a backlog of N bytes on the disk (5 GiB)
	LOGBOOM_BACKLOG=$(or $(N),5368709120) $(GO) test -count=1 -v -timeout 0 -run TestBacklog ./wal

bench-rss: build $(BIN)/backend ## memory while draining 1 GB from 200 files
	$(GO) run ./bench --corpus text200 --runs 1 --logboom $(BIN)/logboom --backend $(BIN)/backend --dir tmp/bench

e2e: ## a real kubelet's logs into a real Elasticsearch; needs a node, root, Java and Maven: chaos/e2e/README.md
	LOGBOOM_E2E=1 $(GO) test -count=1 -v -timeout 45m ./chaos/e2e

elasticsearch: ## a real Elasticsearch on 127.0.0.1:9200, from Maven artifacts
	./chaos/elasticsearch/start.sh

elasticsearch-stop: ## and its end
	./chaos/elasticsearch/stop.sh

.PHONY: secured
secured: ## Elasticsearch and OpenSearch with their own security: TLS, users, roles; fetches 60 MB more from Maven Central
	LOGBOOM_SECURED=1 LOGBOOM_REQUIRE_ELASTICSEARCH=1 $(GO) test -count=1 -v -timeout 15m ./chaos/elasticsearch -run TestSecured

powercut: ## N power cuts (1000) under the agent, and a count of every line; needs root and /dev/fuse
	LOGBOOM_REQUIRE_FUSE=1 LOGBOOM_POWERCUTS=$(or $(N),1000) $(GO) test -count=1 -v -timeout 0 -run TestPowerCuts ./chaos/powercut

ioerrors: ## N lives (200) of an agent whose disk fails, from seed S on; needs root and /dev/fuse
	LOGBOOM_REQUIRE_FUSE=1 LOGBOOM_IOERRORS=$(or $(N),200) LOGBOOM_IOERRORS_SEED=$(or $(S),1) $(GO) test -count=1 -v -timeout 0 -run TestIOErrors ./chaos/powercut

simulate: ## N seeds (20000) of the simulation, on all cores, from seed S (1) on; the last line counts
	GOGC=400 LOGBOOM_SEED=$(or $(S),1) LOGBOOM_SIMULATIONS=$(or $(N),20000) $(GO) test -count=1 -v -timeout 0 -run Simulation ./agent/pipeline

# Pages that show what happened in a run, and JSON, go to the folder REPORT.
REPORT := $(CURDIR)/tmp/chaos

.PHONY: chaos
chaos: ## every scenario of chaos/README.md on the built agent, the long ones too, with a line of counts each; pages in tmp/chaos
	LOGBOOM_CHAOS=long LOGBOOM_REPORT=$(REPORT) $(GO) test -count=1 -v -timeout 60m ./chaos/scenarios

.PHONY: idle latency burst
idle: ## what 500 quiet files cost
	LOGBOOM_SPEED=full $(GO) test -count=1 -v -run TestIdle ./chaos/scenarios
latency: ## from write to the backend, for each line: 10,000 lines/s over 200 files
	LOGBOOM_SPEED=full $(GO) test -count=1 -v -run TestLatency ./chaos/scenarios
burst: ## how fast 300 MB in one file are durable, for a core
	LOGBOOM_SPEED=full $(GO) test -count=1 -v -run 'TestBurst$$' ./chaos/scenarios

.PHONY: storm soak
storm: ## all faults at random for D (60s), by SEED (another one each time), before SERVER (embedded, elasticsearch or opensearch)
	LOGBOOM_STORM=$(or $(D),60s) LOGBOOM_SEED=$(SEED) LOGBOOM_SERVER=$(SERVER) LOGBOOM_REPORT=$(REPORT) $(GO) test -count=1 -v -timeout 0 -run TestStorm ./chaos/scenarios
soak: ## a storm of an hour
	$(MAKE) storm D=$(or $(D),1h)

fleet: ## 1,000 agents with backlogs after an outage of one backend: goodput, in fake time
	LOGBOOM_FLEET=$(or $(N),1000) $(GO) test -count=1 -v -run TestFleet ./sink

mutations: ## break the code on purpose, all ways or those named N..., and see which test notices; writes chaos/MUTATIONS.md
	$(GO) run ./chaos/mutations --only "$(N)"

.PHONY: dist dist-check
dist: ## release archives for amd64 and arm64, SBOMs and checksums in tmp/dist
	GO="$(GO)" VERSION="$(VERSION)" ./deploy/dist.sh
dist-check: ## the same, built twice in different places: every byte must be the same
	GO="$(GO)" ./deploy/dist-check.sh

.PHONY: schema
schema: ## docs/logboom.schema.json and the chart's, from the configuration's types
	LOGBOOM_UPDATE=1 $(GO) test -count=1 -run 'TestSchemaIsThatOfTheTypes|TestSchemaOfTheChart' ./agent/config

clean: ## removes bin and tmp
	rm -rf $(BIN) tmp

FORCE:
