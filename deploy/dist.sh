#!/usr/bin/env bash
# make dist: release archives of this commit in DIR (tmp/dist), the same bytes whoever builds them with the same Go.
#
#   logboom-VERSION-linux-ARCH.tar.gz        binary, manual pages, completions, systemd unit, JSON Schema, documentation
#   logboom-VERSION-linux-ARCH.cdx.json      what is in the binary (CycloneDX)
#   SHA256SUMS
set -euo pipefail
cd "$(dirname "$0")/.."
go=${GO:-go}
out=$(mkdir -p "${1:-tmp/dist}" && cd "${1:-tmp/dist}" && pwd)
version=${VERSION:-$(git describe --tags --always --dirty)}
epoch=$(git log -1 --format=%ct)
day=$(date -u -d "@$epoch" +%F)
sbom=github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@v1.10.0

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
rm -f "$out"/logboom-* "$out"/SHA256SUMS

LOGBOOM_MAN="$work/man" LOGBOOM_MAN_DATE=$day LOGBOOM_MAN_RELEASE=$version $go test -count=1 -run TestManPages ./agent >/dev/null
CGO_ENABLED=0 $go build -trimpath -o "$work/native" ./agent
mkdir "$work/completions"
for shell in bash zsh fish; do "$work/native" completion $shell >"$work/completions/logboom.$shell"; done

for arch in amd64 arm64; do
  name=logboom-$version-linux-$arch
  mkdir -p "$work/$name"
  # No stamp of the work tree: the version says which commit it is, and a copy without .git builds the same.
  CGO_ENABLED=0 GOOS=linux GOARCH=$arch GOFLAGS=-buildvcs=false $go build -trimpath -ldflags "-s -w -X main.version=$version" \
    -o "$work/$name/logboom" ./agent
  cp -r LICENSE CHANGELOG.md README.md docs deploy/systemd/logboom.service "$work/man" "$work/completions" "$work/$name/"
  rm "$work/$name"/docs/*_test.go
  find "$work/$name" -type d -exec chmod 755 {} + -o -type f -exec chmod 644 {} +
  chmod 755 "$work/$name/logboom"
  tar -C "$work" --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$epoch" -cf - "$name" | gzip -9n >"$out/$name.tar.gz"
  $go run "$sbom" bin -json -noserial -notimestamp -version "$version" -output "$out/$name.cdx.json" "$work/$name/logboom" 2>/dev/null
done
(cd "$out" && sha256sum logboom-* >SHA256SUMS && cat SHA256SUMS)
