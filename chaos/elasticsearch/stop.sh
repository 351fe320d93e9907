#!/usr/bin/env bash
# Stops the Elasticsearch that start.sh started, by its process id, and waits for its end. Its data stay.
#
#   stop.sh [--check] [--kill] [--port N] [--dir DIR]
#
# --check  stops nothing; the exit status says whether it runs
# --kill   SIGKILL instead of SIGTERM
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
port=${ELASTICSEARCH_PORT:-9200} dir=${ELASTICSEARCH_DIR:-} signal=TERM check=
while [ $# -gt 0 ]; do
  case $1 in
    --check) check=yes && shift ;;
    --kill) signal=KILL && shift ;;
    --port) port=$2 && shift 2 ;;
    --dir) dir=$2 && shift 2 ;;
    *) echo "elasticsearch: unknown argument $1" >&2 && exit 2 ;;
  esac
done
dir=$(cd "${dir:-$here/../../tmp/elasticsearch-$port}" 2>/dev/null && pwd) || dir=

# The number in the file may be another process's by now: the folder in its command line tells.
runs() { ! ended && tr '\0' '\n' <"/proc/$pid/cmdline" 2>/dev/null | grep -qxF "$dir"; }

# A process that ends loses its command line, and its first thread, before it has closed its sockets.
ended() {
  case $(sed -n 's/^State:\t//p' "/proc/$pid/status" 2>/dev/null) in
    Z* | X*) [ "$(ls "/proc/$pid/task" 2>/dev/null | wc -l)" -le 1 ] ;;
    '') ;;
    *) return 1 ;;
  esac
}

pid=$(cat "$dir/pid" 2>/dev/null) || pid=
if [ -n "$check" ]; then
  [ -n "$pid" ] && runs
  exit
fi
if [ -z "$pid" ] || ! runs; then
  exit 0
fi
kill -"$signal" "$pid"
for _ in $(seq 300); do
  ended && { rm -f "$dir/pid" "$dir/url" && exit; } || true
  sleep 0.1
done
echo "elasticsearch: process $pid has not ended 30 s after SIG$signal" >&2
exit 1
