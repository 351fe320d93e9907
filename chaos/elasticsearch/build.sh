#!/usr/bin/env bash
# Assembles the jars of a node from Maven Central and prints the folder that holds them. Exit status 3: Java or Maven is
# missing. The folder is named for what it was made from, so that nothing is built twice.
#
#   build.sh SERVER, as in start.sh
set -euo pipefail
server=$1
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=$here/../../.cache/elasticsearch

missing() { echo "elasticsearch: $*" >&2; exit 3; }

# Which of src/ a server needs, and the oldest Java that it runs on.
case $server in
  elasticsearch) parts="main classes streams streams7" java=17 ;;
  elasticsearch8) parts="main modules streams streams8" java=17 ;;
  elasticsearch-secured) parts="main modules streams streams8 saml" java=17 ;;
  elasticsearch9) parts="main modules streams streams8" java=21 ;;
  opensearch | opensearch1 | opensearch-secured) parts="main classes" java=17 ;;
  opensearch3) parts="main infos" java=21 ;;
  *) echo "elasticsearch: unknown server $server" >&2 && exit 2 ;;
esac

home=$("$here/java.sh" "$java") || exit

sources=$(cd "$here" && find pom.xml build.sh modules.sh src -type f | LC_ALL=C sort)
sum=$(cd "$here" && cat $sources | sha256sum | cut -c1-16)
mkdir -p "$cache"
cache=$(cd "$cache" && pwd)
exec 9>"$cache/lock"
flock 9
made=$cache/$server-$sum
if [ ! -d "$made" ]; then
  [ -x "$home/bin/javac" ] || missing "$home has no javac: a JDK is needed, a JRE is not enough"
  command -v mvn >/dev/null || missing "mvn is not installed: Maven fetches the jars"
  work=$(mktemp -d "$cache/build.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  cp "$here/pom.xml" "$work"
  for part in $parts; do
    mkdir -p "$work/src/main"
    cp -r "$here/src/$part/." "$work/src/main"
  done
  case $server in
    opensearch*) # a fork with other package names
      find "$work/src" -name '*.java' -exec sed -i 's/org\.elasticsearch\./org.opensearch./' {} + ;;
    elasticsearch9) # what the state knows of data streams is by project now
      sed -i 's/metadata()\.dataStreams/metadata().getProject().dataStreams/' "$work/src/main/java/logboom/Listing.java" ;;
  esac
  (cd "$work" && JAVA_HOME=$home mvn -q -B -P "$server" -Dmaven.compiler.release="$java" package) >&2
  if [ "${parts/modules/}" != "$parts" ]; then
    "$here/modules.sh" "$work" "$home"
  fi
  for archive in "$work"/target/lib/*.zip; do # of a plugin: its jars, and the defaults of its configuration
    [ -e "$archive" ] || continue
    (cd "$work/target/lib" && "$home/bin/jar" xf "$archive" && rm "$archive")
  done
  mv "$work/target/lib" "$made"
fi
echo "$made"
