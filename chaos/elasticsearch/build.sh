#!/usr/bin/env bash
# Assembles the jars of a node from Maven Central and prints the folder that holds them. Exit status 3: Java or Maven is
# missing. The folder is named for what it was made from, so that nothing is built twice.
#
#   build.sh elasticsearch|opensearch
set -euo pipefail
server=$1
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=$here/../../.cache/elasticsearch

missing() { echo "elasticsearch: $*" >&2; exit 3; }

command -v java >/dev/null || missing "java is not installed: a JDK of version 17 or later is needed"
version=$(java -version 2>&1 | sed -n '1s/.*version "\([0-9]*\).*/\1/p')
[ "${version:-0}" -ge 17 ] || missing "java is of version ${version:-unknown}: a JDK of version 17 or later is needed"

sources=$(cd "$here" && find pom.xml build.sh src -type f | LC_ALL=C sort)
sum=$(cd "$here" && cat $sources | sha256sum | cut -c1-16)
mkdir -p "$cache"
cache=$(cd "$cache" && pwd)
exec 9>"$cache/lock"
flock 9
made=$cache/$server-$sum
if [ ! -d "$made" ]; then
  command -v javac >/dev/null || missing "javac is not installed: a JDK is needed, a JRE is not enough"
  command -v mvn >/dev/null || missing "mvn is not installed: Maven fetches the jars"
  work=$(mktemp -d "$cache/build.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  cp -r "$here/pom.xml" "$here/src" "$work"
  if [ "$server" = opensearch ]; then # a fork with other package names; its data streams need no help
    rm "$work/src/main/java/logboom/DataStreams.java"
    sed -i 's/org\.elasticsearch\./org.opensearch./' "$work/src/main/java/logboom/Launcher.java"
  fi
  (cd "$work" && mvn -q -B -P "$server" package) >&2
  mv "$work/target/lib" "$made"
fi
echo "$made"
