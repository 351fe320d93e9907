#!/usr/bin/env bash
# Builds tmp/peers/otelcol from Go modules, unless it is there. The sums of all of them stand in go.sum beside this file, so that
# the same code is built everywhere. It takes a gigabyte of cache and some minutes.
set -euo pipefail
cd "$(dirname "$0")/../../.."
version=0.148.0 here=bench/peers/otelcol to=tmp/peers
[ ! -x $to/otelcol ] || [ $here/builder.yaml -nt $to/otelcol ] || exit 0
mkdir -p $to/src
cp $here/go.sum $to/src/
go run go.opentelemetry.io/collector/cmd/builder@v$version --config $here/builder.yaml --skip-compilation
cd $to/src
CGO_ENABLED=0 nice go build -trimpath -buildvcs=false -ldflags '-s -w' -o ../otelcol .
