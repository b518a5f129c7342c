# Installs the pinned clients outside the source tree, once; sourced by run, bigfile and kill.
#
# Sets PYTHON, NODE_PATH, KAFKA_CLASSPATH. Needs python3 (3.10 or newer) with venv, node, npm, a JDK
# (17 or newer) and mvn, and for kcat Debian's package or root to install it.

CLIENTS_DIR="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
CLIENTS_CACHE="${HIGHWATER_CLIENTS_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/highwater-clients}"
export CLIENTS_DIR CLIENTS_CACHE

need() {
  command -v "$1" >/dev/null || { echo "tests/clients: $1 is missing: install $2" >&2; exit 2; }
}

# fresh NAME FILE... : true if NAME was already installed from exactly these files.
fresh() {
  local name="$1" sum
  shift
  sum="$(cat "$@" | sha256sum)"
  [ "$(cat "$CLIENTS_CACHE/$name.installed" 2>/dev/null)" = "$sum" ]
}

installed() {
  local name="$1"
  shift
  cat "$@" | sha256sum >"$CLIENTS_CACHE/$name.installed"
}

install_python() {
  local files=("$CLIENTS_DIR/requirements.txt")
  fresh python "${files[@]}" && [ -x "$CLIENTS_CACHE/python/bin/python" ] && return
  echo "installing the Python clients" >&2
  rm -rf "$CLIENTS_CACHE/python"
  "$(command -v python3.11 || command -v python3)" -m venv "$CLIENTS_CACHE/python"
  "$CLIENTS_CACHE/python/bin/pip" install --quiet --disable-pip-version-check -r "${files[0]}"
  installed python "${files[@]}"
}

install_node() {
  local files=("$CLIENTS_DIR/node/package.json")
  fresh node "${files[@]}" && [ -d "$CLIENTS_CACHE/node/node_modules" ] && return
  echo "installing kafkajs" >&2
  rm -rf "$CLIENTS_CACHE/node"
  mkdir -p "$CLIENTS_CACHE/node"
  cp "${files[@]}" "$CLIENTS_CACHE/node/"
  npm install --prefix "$CLIENTS_CACHE/node" --silent --no-audit --no-fund --no-package-lock >&2
  installed node "${files[@]}"
}

install_java() {
  local files=("$CLIENTS_DIR/java/pom.xml" "$CLIENTS_DIR/java/Tools.java")
  fresh java "${files[@]}" && [ -f "$CLIENTS_CACHE/java/classes/Tools.class" ] && return
  echo "installing the Java tools" >&2
  rm -rf "$CLIENTS_CACHE/java"
  mkdir -p "$CLIENTS_CACHE/java/classes"
  mvn -B -q -f "${files[0]}" dependency:copy-dependencies -DincludeScope=runtime \
    -DoutputDirectory="$CLIENTS_CACHE/java/libs" >"$CLIENTS_CACHE/java/maven.log" || {
    cat "$CLIENTS_CACHE/java/maven.log" >&2
    return 1
  }
  javac -Xlint:all -cp "$CLIENTS_CACHE/java/libs/*" -d "$CLIENTS_CACHE/java/classes" "${files[1]}" >&2
  installed java "${files[@]}"
}

install_group_member() {
  local files=("$CLIENTS_DIR/java/GroupMember.java") made
  fresh group-member "${files[@]}" "$CLIENTS_CACHE/java.installed" && [ -d "$CLIENTS_CACHE/group-member" ] && return
  made="$(mktemp -d "$CLIENTS_CACHE/group-member.XXXXXX")"
  javac -Xlint:all -cp "$CLIENTS_CACHE/java/libs/*" -d "$made" "${files[@]}" >&2
  rm -rf "$CLIENTS_CACHE/group-member"
  mv -T "$made" "$CLIENTS_CACHE/group-member"
  installed group-member "${files[@]}" "$CLIENTS_CACHE/java.installed"
}

install_kcat() {
  command -v kcat >/dev/null && return
  if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "tests/clients: kcat is missing: install it (Debian and Ubuntu: apt-get install kcat)" >&2
    exit 2
  fi
  echo "installing kcat" >&2
  apt-get install -y -qq --no-install-recommends kcat >/dev/null 2>&1 || {
    apt-get update -qq >&2
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends kcat >/dev/null
  }
}

need python3 "Python 3.10 or newer"
need node "Node.js 20 or newer"
need npm "npm"
need javac "a JDK, 17 or newer"
need mvn "Maven"
mkdir -p "$CLIENTS_CACHE"
install_python
install_node
install_java
install_group_member
install_kcat

export PYTHON="$CLIENTS_CACHE/python/bin/python"
export NODE_PATH="$CLIENTS_CACHE/node/node_modules"
export KAFKA_CLASSPATH="$CLIENTS_CACHE/group-member:$CLIENTS_CACHE/java/classes:$CLIENTS_CACHE/java/libs/*"
export PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 PYTHONPATH="$CLIENTS_DIR"
