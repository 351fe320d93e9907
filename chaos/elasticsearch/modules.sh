#!/usr/bin/env bash
# Sorts what Maven fetched for Elasticsearch 8 and 9, which load a plugin from a folder with a descriptor: the plugin for
# HTTP with what only it needs, and ours, out of the class path into lib/modules.
#
#   modules.sh FOLDER-OF-THE-BUILD JAVA-HOME
set -euo pipefail
cd "$1/target/lib"
java=$("$2/bin/java" -version 2>&1 | sed -n 's/.*version "\([0-9]*\).*/\1/p')
version=$(basename elasticsearch-[0-9]*.jar .jar)
version=${version#elasticsearch-}

describe() { # describe NAME CLASS [KEY=VALUE]
  printf '%s\n' "name=$1" "description=for tests" "version=$version" "elasticsearch.version=$version" "java.version=$java" \
    "classname=$2" ${3:+"$3"} >"modules/$1/plugin-descriptor.properties"
}

http=transport-netty4
if [ -e x-pack-security-"$version".jar ]; then # security has its own way to HTTP, which is made of that one
  http=x-pack-core
  mkdir -p modules/x-pack-security
  mv x-pack-security-"$version".jar modules/x-pack-security
  (cd ../classes && "$2/bin/jar" --create --file ../lib/modules/x-pack-security/saml.jar org)
  rm -r ../classes/org
  describe x-pack-security org.elasticsearch.xpack.security.Security extended.plugins=x-pack-core
fi
mkdir -p modules/$http modules/data-streams
mv netty-*.jar transport-netty4-*.jar modules/$http
[ ! -e elasticsearch-ssl-config-"$version".jar ] || mv elasticsearch-ssl-config-"$version".jar modules/$http
if [ $http = x-pack-core ]; then
  mv x-pack-core-"$version".jar modules/$http
  describe $http org.elasticsearch.xpack.core.XPackPlugin
else
  describe $http org.elasticsearch.transport.netty4.Netty4Plugin
fi

(cd ../classes && "$2/bin/jar" --create --file ../lib/modules/data-streams/data-streams.jar logboom/DataStreams*.class logboom/Listing.class)
rm ../classes/logboom/DataStreams*.class ../classes/logboom/Listing.class
(cd ../classes && "$2/bin/jar" --create --file ../lib/node-1.jar .)
describe data-streams logboom.DataStreams

# The distribution brings this library along; Linux distributions have it, too. Without it nothing is stored with best_compression.
mkdir -p native
zstd=$(ldconfig -p | sed -n 's/.*libzstd\.so\.1 .*=> //p' | head -n 1)
[ -z "$zstd" ] || ln -s "$zstd" native/libzstd.so
