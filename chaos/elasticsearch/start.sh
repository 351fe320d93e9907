#!/usr/bin/env bash
# Starts a real Elasticsearch or OpenSearch on the loopback address and prints its URL once it takes documents.
#
#   start.sh [--server NAME] [--port N] [--dir DIR] [--heap SIZE] [--owner PID] [key=value ...]
#
# --server elasticsearch (7.17), elasticsearch8, elasticsearch9, opensearch (2.19), opensearch1 or opensearch3; elasticsearch
# --port   9200; 0 takes a free one. Environment: ELASTICSEARCH_PORT
# --dir    where data, output, pid and url are kept; tmp/elasticsearch-<port> of the repository. ELASTICSEARCH_DIR
# --heap   512m. ELASTICSEARCH_HEAP
# --owner  when this process ends, the node ends too and removes its folder
# key=value is a setting of the server. A node that runs already is left alone. Exit status 3: Java or Maven is missing.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
port=${ELASTICSEARCH_PORT:-9200} dir=${ELASTICSEARCH_DIR:-} heap=${ELASTICSEARCH_HEAP:-512m} owner=0 server=elasticsearch
while [ $# -gt 0 ]; do
  case $1 in
    --server) server=$2 && shift 2 ;;
    --port) port=$2 && shift 2 ;;
    --dir) dir=$2 && shift 2 ;;
    --heap) heap=$2 && shift 2 ;;
    --owner) owner=$2 && shift 2 ;;
    *=*) break ;;
    *) echo "elasticsearch: unknown argument $1" >&2 && exit 2 ;;
  esac
done
case $server in
  elasticsearch) java=17 plugins=org.elasticsearch.transport.Netty4Plugin,org.elasticsearch.index.mapper.MapperExtrasPlugin,logboom.DataStreams ;;
  elasticsearch8 | elasticsearch-secured) java=17 plugins= ;;
  elasticsearch9) java=21 plugins= ;;
  opensearch | opensearch1) java=17 plugins=org.opensearch.transport.Netty4Plugin,org.opensearch.index.mapper.MapperExtrasPlugin ;;
  opensearch-secured) java=17
    plugins=org.opensearch.transport.Netty4Plugin,org.opensearch.index.mapper.MapperExtrasPlugin,org.opensearch.security.OpenSearchSecurityPlugin ;;
  opensearch3) java=21 plugins=org.opensearch.transport.Netty4ModulePlugin,org.opensearch.index.mapper.MapperExtrasModulePlugin ;;
  *) echo "elasticsearch: unknown server $server" >&2 && exit 2 ;;
esac
mkdir -p "${dir:=$here/../../tmp/elasticsearch-$port}"
dir=$(cd "$dir" && pwd)

# Only one start of one folder at a time; the node itself must not inherit the lock.
exec 8>"$dir/lock"
flock 8
if "$here/stop.sh" --check --dir "$dir"; then
  pid=$(cat "$dir/pid")
else
  lib=$("$here/build.sh" "$server")
  rm -f "$dir/url"
  home=$("$here/java.sh" "$java")
  setsid "$home/bin/java" -Xms"$heap" -Xmx"$heap" -Des.nativelibs.path="$lib/native" -Dorg.elasticsearch.nativeaccess.enableVectorLibrary=false \
    -cp "$lib/*" logboom.Launcher "$dir" "$owner" "${plugins:-$lib/modules}" http.port="$port" "$@" \
    </dev/null >"$dir/output" 2>&1 8>&- &
  pid=$!
  echo "$pid" >"$dir/pid"
fi
for _ in $(seq 1500); do
  if [ -f "$dir/url" ]; then
    cat "$dir/url"
    exit
  fi
  if ! kill -0 "$pid" 2>/dev/null; then
    echo "elasticsearch: the node ended while it started; the end of $dir/output:" >&2
    grep -v "^\s*at " "$dir/output" | tail -n 10 >&2
    exit 1
  fi
  sleep 0.2
done
echo "elasticsearch: the node took no documents after five minutes; see $dir/output" >&2
kill "$pid"
exit 1
