# What tools/demo and tools/check share: the Debian packages of the project,
# how it is configured and how it is built. Sourced by bash, not run.

amp_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
amp_build="$amp_root/build"

# Everything that configuring and building with the tests on needs.
amp_packages=(cmake ninja-build g++ libmlir-22-dev mlir-22-tools llvm-22-dev
              llvm-22-tools nlohmann-json3-dev libgtest-dev libdnnl-dev
              libprotobuf-dev protobuf-compiler zlib1g-dev python3)

amp_say() { printf '== %s\n' "$*"; }
amp_die() { printf '%s: error: %s\n' "${0##*/}" "$1" >&2; exit "${2:-1}"; }

# amp_missing_packages NAME...: prints those that dpkg does not hold.
amp_missing_packages() {
  local package
  for package in "$@"; do
    [[ $(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null) == installed ]] ||
      echo "$package"
  done
}

# amp_install_packages NAME...: installs what is missing and says what that is.
# On a system without apt it only warns: the tools may be there by other means.
amp_install_packages() {
  if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
    amp_say "not a Debian system; these packages are expected: $*"
    return
  fi
  local missing sudo=()
  mapfile -t missing < <(amp_missing_packages "$@")
  ((${#missing[@]})) || return 0
  amp_say "installing Debian packages: ${missing[*]}"
  if [[ $(id -u) != 0 ]]; then
    command -v sudo >/dev/null ||
      amp_die "neither root nor sudo; install these packages first: ${missing[*]}"
    sudo=(sudo)
  fi
  local log
  log=$(mktemp)
  if ! { "${sudo[@]}" apt-get update &&
         "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive \
           apt-get install -y --no-install-recommends "${missing[@]}"; } \
      >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    rm -f "$log"
    amp_die "could not install: ${missing[*]} (MLIR 22 is in bookworm-security)"
  fi
  rm -f "$log"
}

# amp_configure [DIR [CMAKE OPTION...]]: configures a folder once; a later run
# leaves it as it is, and ninja notices by itself when a CMake file changed.
amp_configure() {
  local dir=${1:-$amp_build} launcher=() log
  shift || true
  if [[ -f $dir/build.ninja ]]; then return 0; fi
  if command -v ccache >/dev/null; then
    launcher=(-DCMAKE_C_COMPILER_LAUNCHER=ccache
              -DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
  fi
  amp_say "configuring ${dir#"$amp_root"/}"
  mkdir -p "$dir"
  log="$dir/configure.log"
  if ! cmake -S "$amp_root" -B "$dir" -G Ninja -DCMAKE_BUILD_TYPE=Release \
      "${launcher[@]}" "$@" >"$log" 2>&1; then
    cat "$log" >&2
    amp_die "cmake failed"
  fi
}

# amp_make DIR [TARGET...]: builds, showing ninja's own progress on a terminal
# and only the end otherwise.
amp_make() {
  local dir=$1 log
  shift
  # The same cached objects serve every checkout.
  export CCACHE_BASEDIR="$amp_root" CCACHE_NOHASHDIR=1 \
         CCACHE_SLOPPINESS=pch_defines,time_macros
  amp_say "building ${*:-everything} in ${dir#"$amp_root"/}"
  if [[ -t 1 ]]; then
    ninja -C "$dir" "$@" || amp_die "the build failed"
    return
  fi
  log="$dir/build.log"
  if ! ninja -C "$dir" "$@" >"$log" 2>&1; then
    grep -E -A12 'FAILED|error:' "$log" | head -n 80 >&2
    amp_die "the build failed; the whole log is in $log"
  fi
  tail -n 1 "$log"
}
