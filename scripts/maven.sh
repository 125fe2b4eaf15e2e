# shellcheck shell=bash
# What scripts/kafka and tests/kafka/peer/peer have in common: a Java that is new enough, and the jars that a pom names. To be
# sourced, not run. Whoever sources it defines `fail MESSAGE [STATUS]` and `say MESSAGE`.

need_java() { # need_java PROGRAM PACKAGE: of Java 17 or later
  command -v "$1" >/dev/null || fail "$1 is missing: install Java 17 or later, on Debian \`apt-get install $2\`" 3
  local major
  major=$("$1" -version 2>&1 | sed -n 's/^[a-z]* \(version "\)\{0,1\}\([0-9]*\).*/\2/p' | head -n 1)
  [ "${major:-0}" -ge 17 ] || fail "$1 is version ${major:-unknown}: Kafka 4 needs 17 or later" 3
}

resolved() { # resolved FILE: whether the class path is known and all of its jars are there
  [ -s "$1" ] || return 1
  local jar
  while read -r jar; do
    [ -e "$jar" ] || return 1
  done < <(tr ':' '\n' <"$1")
}

resolve() { # resolve POM FILE
  ! resolved "$2" || return 0
  command -v mvn >/dev/null || fail "mvn is missing, and jars of $1 are not here yet: install Maven, on Debian \`apt-get install maven\`" 3
  say "fetching the jars of $1 with Maven (once)"
  mvn -q -B -f "$1" dependency:build-classpath -Dmdep.outputFile="$2.$$" >&2 ||
    fail "Maven could not fetch them; what it said stands above"
  mv "$2.$$" "$2"
}

fetch_jars() { # fetch_jars POM: puts their class path into $classpath
  local file
  file=${XDG_CACHE_HOME:-$HOME/.cache}/kstreams/$(basename "$(dirname "$1")")-$(cksum <"$1" | cut -d ' ' -f 1).classpath
  if ! resolved "$file"; then
    mkdir -p "$(dirname "$file")"
    # Maven's repository is not made for two writers.
    if command -v flock >/dev/null; then
      { flock 9 && resolve "$1" "$file"; } 9>"$file.lock"
    else
      resolve "$1" "$file"
    fi
  fi
  # shellcheck disable=SC2034 # it is the caller's
  classpath=$(cat "$file")
}
