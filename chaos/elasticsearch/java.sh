#!/usr/bin/env bash
# Prints the folder of a Java of at least the version asked for: JAVA_HOME's, the one on the path, or the newest where Linux
# distributions put theirs. Exit status 3: there is none.
#
#   java.sh VERSION
set -euo pipefail
version() { "$1/bin/java" -version 2>&1 | sed -n 's/.*version "\([0-9]*\).*/\1/p'; }

found=0
onpath=$(readlink -f "$(command -v java || true)" || true)
for home in ${JAVA_HOME:+"$JAVA_HOME"} "${onpath%/bin/java}" $(ls -d /usr/lib/jvm/*/ 2>/dev/null | sort -rV); do
  [ -n "$home" ] && [ -x "$home/bin/java" ] || continue
  v=$(version "$home")
  if [ "${v:-0}" -ge "$1" ]; then
    echo "$home"
    exit
  fi
  found=$((v > found ? v : found))
done
[ "$found" = 0 ] && echo "elasticsearch: java is not installed: a JDK of version $1 or later is needed" >&2 && exit 3
echo "elasticsearch: java is of version $found: a JDK of version $1 or later is needed" >&2
exit 3
