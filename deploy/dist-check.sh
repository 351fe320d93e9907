#!/usr/bin/env bash
# make dist-check: builds the release again, from a clone elsewhere and with an empty build cache, and compares every byte.
set -euo pipefail
cd "$(dirname "$0")/.."
[ -z "$(git status --porcelain)" ] || { echo "commit first: a clone has no uncommitted changes"; exit 1; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
version=${VERSION:-$(git describe --tags --always)}
VERSION=$version ./deploy/dist.sh tmp/dist
git clone -q . "$work/elsewhere"
VERSION=$version GOCACHE="$work/cache" "$work/elsewhere/deploy/dist.sh" "$work/again" >/dev/null
diff -r tmp/dist "$work/again" && echo "the same bytes, twice"
