#!/usr/bin/env bash
# Installs the foreign clients and tools that the interop tests drive, all of it below test/interop/.env (ignored by
# git), and makes the test models. Run by `npm run interop:setup`; does nothing when it was done already.
# Needs: Python 3.11 or later with venv, Go 1.24 or later, and the registries of both; h2load, haproxy and nginx, which it
# installs where it may (Debian's nghttp2-client, haproxy and nginx-light, as root).
set -euo pipefail

GRPCURL='github.com/fullstorydev/grpcurl/cmd/grpcurl@v1.9.4'
HEALTH_PROBE='github.com/grpc-ecosystem/grpc-health-probe@v0.4.61'
GHZ='github.com/bojand/ghz/cmd/ghz@v0.93.0'
H2SPEC='github.com/summerwind/h2spec/cmd/h2spec@v2.2.1+incompatible'
# Makes a collector of the parts in collector/build.yaml.
COLLECTOR_BUILDER='go.opentelemetry.io/collector/cmd/builder@v0.165.0'

TFS_API='tensorflow-serving-api==2.21.0'

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
env="$here/.env"
say() { printf 'interop:setup: %s\n' "$*"; }
fail() {
  printf 'interop:setup: %s\n' "$*" >&2
  exit 1
}

# What would be installed, as one number: a change of a pinned version or of the model script installs again.
wanted="$(cat "$here/setup.sh" "$here/requirements.txt" "$here/requirements-tfs.txt" "$here/models.py" "$here/vectors.py" "$here/collector/build.yaml" | cksum)"
if [ -f "$env/done" ] && [ "$(cat "$env/done")" = "$wanted" ]; then
  say "already done (remove $env to start afresh)"
  exit 0
fi

command -v python3 >/dev/null || fail 'python3 is missing: install Python 3.11 or later'
command -v go >/dev/null || fail 'go is missing: install Go 1.24 or later (grpcurl, grpc-health-probe and ghz are built from source)'

mkdir -p "$env"
rm -f "$env/done"

say "a Python environment in $env/venv"
# Compared with the checkout's own path: a virtual environment that was moved does not work.
if ! "$env/venv/bin/python" -c '' 2>/dev/null; then
  rm -rf "$env/venv"
  python3 -m venv "$env/venv" || fail 'python3 -m venv failed: on Debian, install python3-venv'
fi
say "the Python packages of requirements.txt"
"$env/venv/bin/python" -m pip install --quiet --disable-pip-version-check -r "$here/requirements.txt" ||
  fail 'pip could not install the packages of test/interop/requirements.txt'

# In an environment of its own: it wants another protobuf than the clients above, and its client wants a package called
# tensorflow, of which tensorflow-cpu is the smaller one that has the same modules.
say "TensorFlow Serving's Python client, in $env/tfs"
if ! "$env/tfs/bin/python" -c '' 2>/dev/null; then
  rm -rf "$env/tfs"
  python3 -m venv "$env/tfs" || fail 'python3 -m venv failed: on Debian, install python3-venv'
fi
"$env/tfs/bin/python" -m pip install --quiet --disable-pip-version-check -r "$here/requirements-tfs.txt" ||
  fail 'pip could not install the packages of test/interop/requirements-tfs.txt'
"$env/tfs/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps "$TFS_API" ||
  fail "pip could not install $TFS_API"

for tool in "$GRPCURL" "$HEALTH_PROBE" "$GHZ" "$H2SPEC"; do
  say "$tool"
  GOBIN="$env/bin" GOFLAGS=-mod=mod go install "$tool" || fail "go could not install $tool"
done

say "an OpenTelemetry Collector, by $COLLECTOR_BUILDER"
GOBIN="$env/bin" GOFLAGS=-mod=mod go install "$COLLECTOR_BUILDER" || fail 'go could not install the collector builder'
(cd "$env" && GOFLAGS=-mod=mod bin/builder --config "$here/collector/build.yaml") >/dev/null 2>&1 ||
  fail 'the OpenTelemetry Collector could not be built'
mv "$env/collector/otelcol" "$env/bin/otelcol"

# Tools of Debian packages: some are installed where only root looks for commands.
debian_tool() {
  local tool="$1" package="$2"
  if ! PATH="$PATH:/usr/sbin" command -v "$tool" >/dev/null; then
    say "$tool, from the Debian package $package"
    { [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; } || fail "$tool is missing: install $package"
    { apt-get -q update && apt-get -q install -y --no-install-recommends "$package"; } >/dev/null ||
      fail "apt-get could not install $package"
  fi
  ln -sf "$(PATH="$PATH:/usr/sbin" command -v "$tool")" "$env/bin/$tool"
}
debian_tool h2load nghttp2-client
debian_tool haproxy haproxy
debian_tool nginx nginx-light

# Unpacked, not installed: the package would start a server.
if [ ! -x "$env/bin/promtool" ]; then
  say "prometheus and promtool, from the Debian package prometheus"
  mkdir -p "$env/debian"
  { apt-get -q update && cd "$env/debian" && apt-get -q download prometheus && dpkg-deb -x prometheus_*.deb . && cd - ; } >/dev/null ||
    fail 'apt-get could not fetch the package prometheus'
  for tool in prometheus promtool; do ln -sf "$env/debian/usr/bin/$tool" "$env/bin/$tool"; done
fi

say "the test models in $env/models"
"$env/venv/bin/python" "$here/models.py" "$env/models" || fail 'models.py could not make the test models'

say "the ONNX conformance vectors in $env/vectors"
# The vectors of ONNX 1.12, as Debian packages them, beside those that today's generators write. Without them: only the latter.
stored="$env/debian/usr/share/libonnx-testdata/data/node"
if [ ! -d "$stored" ] && command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null; then
  mkdir -p "$env/debian"
  (cd "$env/debian" && apt-get -q download libonnx-testdata && dpkg-deb -x libonnx-testdata_*.deb .) >/dev/null 2>&1 ||
    say 'Debian has no libonnx-testdata to give: going on without'
fi
[ -d "$stored" ] || stored=''
"$env/venv/bin/python" "$here/vectors.py" "$env/vectors" ${stored:+"$stored"} || fail 'vectors.py could not write the vectors'

printf '%s\n' "$wanted" >"$env/done"
say 'done'
