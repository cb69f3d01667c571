#!/usr/bin/env bash
# Installs Flask, gunicorn and MLServer below bench/peers/.env (ignored by git) and fits the forest that they serve.
# Run by `npm run bench:peers:setup`; does nothing when it was done already. Needs Python 3.11 or later with venv, and PyPI.
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
env="$here/.env"
say() { printf 'bench:peers:setup: %s\n' "$*"; }
fail() {
  printf 'bench:peers:setup: %s\n' "$*" >&2
  exit 1
}

wanted="$(cat "$here/setup.sh" "$here/requirements.txt" "$here/train.py" | cksum)"
if [ -f "$env/done" ] && [ "$(cat "$env/done")" = "$wanted" ]; then
  say "already done (remove $env to start afresh)"
  exit 0
fi
command -v python3 >/dev/null || fail 'python3 is missing: install Python 3.11 or later'

rm -rf "$env"
say "a Python environment in $env"
python3 -m venv "$env" || fail 'python3 -m venv failed: on Debian, install python3-venv'
say 'the Python packages of requirements.txt'
"$env/bin/python" -m pip install --quiet --disable-pip-version-check -r "$here/requirements.txt" ||
  fail 'pip could not install the packages of bench/peers/requirements.txt'
say 'the forest'
"$env/bin/python" "$here/train.py" "$env/forest.joblib" || fail 'train.py could not fit the forest'

printf '%s\n' "$wanted" >"$env/done"
say 'done'
