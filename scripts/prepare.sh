# Sourced by scripts/start and scripts/test, from the root of the checkout: what both need before they begin.

say() { printf 'switchyard: %s\n' "$*" >&2; }

require_node() {
  if ! command -v node >/dev/null; then
    say 'Node.js was not found. Install Node 20.19 or newer, with npm.'
    exit 69
  fi
  if ! node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)'; then
    say "Node $(node --version) is too old: 20.19 or newer is needed."
    exit 69
  fi
}

# npm writes node_modules/.package-lock.json last.
install_packages() {
  local mark=node_modules/.package-lock.json
  if [ -f "$mark" ] && [ ! package-lock.json -nt "$mark" ]; then return; fi
  if ! command -v npm >/dev/null; then
    say 'npm was not found; it is needed once, to install the packages.'
    exit 69
  fi
  say 'installing npm packages'
  npm ci --no-fund --no-audit >&2 || npm install --no-fund --no-audit >&2
  touch "$mark"
}

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

# install_debian PROGRAM=PACKAGE...: installs the packages of the programs that are missing, where we may.
# Returns 1 when something is missing still, after saying how to install it.
install_debian() {
  local pair missing=()
  for pair in "$@"; do
    command -v "${pair%%=*}" >/dev/null || missing+=("${pair#*=}")
  done
  [ "${#missing[@]}" = 0 ] && return 0
  if command -v apt-get >/dev/null && { [ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null; }; then
    say "installing ${missing[*]}"
    if { as_root apt-get update -q && as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${missing[@]}"; } >&2; then
      return 0
    fi
  fi
  say "missing: ${missing[*]}. Install with: sudo apt-get install ${missing[*]}"
  return 1
}
