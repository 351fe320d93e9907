#!/usr/bin/env bash
# Assembles the node's jars from Maven Central and prints the folder that holds them. Exit status 3: Java or Maven is
# missing. The folder is named for what it was made from, so that nothing is built twice.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=$here/../../.cache/elasticsearch

missing() { echo "elasticsearch: $*" >&2; exit 3; }

command -v java >/dev/null || missing "java is not installed: a JDK of version 17 or later is needed"
version=$(java -version 2>&1 | sed -n '1s/.*version "\([0-9]*\).*/\1/p')
[ "${version:-0}" -ge 17 ] || missing "java is of version ${version:-unknown}: a JDK of version 17 or later is needed"

sources=$(cd "$here" && find pom.xml src -type f | LC_ALL=C sort)
sum=$(cd "$here" && cat $sources | sha256sum | cut -c1-16)
mkdir -p "$cache"
cache=$(cd "$cache" && pwd)
exec 9>"$cache/lock"
flock 9
if [ ! -d "$cache/$sum" ]; then
  command -v javac >/dev/null || missing "javac is not installed: a JDK is needed, a JRE is not enough"
  command -v mvn >/dev/null || missing "mvn is not installed: Maven fetches the jars"
  work=$(mktemp -d "$cache/build.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  cp -r "$here/pom.xml" "$here/src" "$work"
  (cd "$work" && mvn -q -B package) >&2
  mv "$work/target/lib" "$cache/$sum"
fi
echo "$cache/$sum"
