# SPDX-License-Identifier: MIT
# Sourced by scripts/run, scripts/test and .ci/run: the set-up and the build that they share.
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

build_packages=(g++ cmake ninja-build libcaf-dev libssl-dev libboost-context-dev libboost-program-options-dev nlohmann-json3-dev
                libmsgpack-cxx-dev)
test_packages=(doctest-dev patch openssl graphviz)
ci_packages=(iproute2 libbenchmark-dev clang-format-14 clang-tidy-14 ccache)

say() { printf '== %s\n' "$*" >&2; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

# need PACKAGE...: installs the Debian packages that are missing; TROUPE_NO_SETUP=1 trusts that all is there
need() {
  [ -n "${TROUPE_NO_SETUP:-}" ] && return
  if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    die "this set-up knows Debian and Ubuntu only (no apt-get here). Install what these packages hold," \
        "then set TROUPE_NO_SETUP=1 and run again: $*"
  fi
  local missing as_root=()
  missing=$(comm -23 <(printf '%s\n' "$@" | sort -u) \
    <(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "$@" 2>/dev/null | sed -n 's/^installed //p' | sort -u))
  [ -z "$missing" ] && return
  # shellcheck disable=SC2086
  set -- $missing
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || die "these packages are missing and you are neither root nor have sudo." \
      "Ask your administrator for: apt-get install $*"
    as_root=(sudo)
  fi
  say "installing with ${as_root[*]:+sudo }apt-get (a minute or two): $*"
  "${as_root[@]}" apt-get update -qq >&2 || say "apt-get update failed; going on with the package lists that are here"
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null ||
    die "apt-get could not install: $*. Is there a network, and do the sources hold them (Debian 12 does)?" \
        "What apt-get said stands above."
}

# configure PRESET [CMAKE_ARG...]: makes build/PRESET ready
configure() {
  local preset=$1
  shift
  (cd "$root" && cmake --preset "$preset" --log-level=WARNING "$@" >/dev/null) ||
    die "CMake could not configure build/$preset: see above. If the checkout was moved, remove build/ and run again."
}

# compile PRESET [TARGET...]: builds it, with a job for each core
compile() {
  local preset=$1
  shift
  cmake --build "$root/build/$preset" --parallel "$(nproc)" ${1:+--target "$@"}
}
