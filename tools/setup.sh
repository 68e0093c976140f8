#!/usr/bin/env bash
# Installs the Debian packages that are missing, by group. Does nothing, fast, when all are here.
# Usage: tools/setup.sh [--times FILE] [build|test|quickstart|oracle]...      (default: build)
#   --times FILE  writes "DOWNLOAD_SECONDS INSTALL_SECONDS" there, for callers that report them apart
# Exit status: 0 all are here, 2 wrong usage, 5 packages are missing and may not be installed by this user.
set -euo pipefail

declare -A packages=(
  [build]="g++ cmake ninja-build pkg-config git python3 libopenmpi-dev openmpi-bin libdnnl-dev libhwy-dev
    libyaml-cpp-dev libspdlog-dev libfmt-dev libcli11-dev libhdf5-dev nlohmann-json3-dev
    libsimdjson-dev libsentencepiece-dev libxxhash-dev libzstd-dev zlib1g-dev libhwloc-dev
    libboost-dev"
  [test]="libgtest-dev libgmock-dev librapidcheck-dev libbenchmark-dev clang clang-14 libomp-14-dev
    libclang-rt-14-dev clang-tidy-14 clang-format-14 hdf5-tools python3-h5py python3-numpy python3-yaml
    codespell shellcheck ccache"
  [quickstart]="wordnet-base dict-gcide python3"
  [oracle]="python3-torch libopenblas0 python3-numpy python3-h5py"
)
download_seconds=0
install_seconds=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT

now() { date +%s; }

# Runs a command quietly; on failure shows all it said.
quietly() {
  "$@" >"$log" 2>&1 && return
  local status=$?
  cat "$log" >&2
  return "$status"
}

# Prints the packages of the arguments that dpkg does not know as installed.
missing_of() {
  dpkg-query -W -f='${Package} ${db:Status-Status}\n' "$@" 2>/dev/null |
    awk 'BEGIN {for (i = 1; i < ARGC; ++i) want[ARGV[i]] = 1; ARGC = 1}
         $2 == "installed" {delete want[$1]}
         END {for (p in want) print p}' "$@" | sort
}

# Sets `as_root` to what runs a command as root, or stops and says what to type.
need_root() {
  if ((EUID == 0)); then
    as_root=()
  elif command -v sudo >/dev/null && { sudo -n true 2>/dev/null || [[ -t 0 ]]; }; then
    as_root=(sudo)
  else
    printf 'setup: %d packages are missing and this user may not install them. Ask for:\n  sudo apt-get update && sudo apt-get install -y --no-install-recommends %s\n' \
      $# "$*" >&2
    printf 'Packages in another prefix serve as well: see docs/install.md (CMAKE_PREFIX_PATH).\n' >&2
    exit 5
  fi
}

install_group() {
  local group=$1 start list
  read -ra list <<<"$(tr -s '[:space:]' ' ' <<<"${packages[$group]}")"
  local missing
  mapfile -t missing < <(missing_of "${list[@]}")
  if ((${#missing[@]} == 0)); then
    printf 'setup %s: all %d packages are here\n' "$group" "${#list[@]}"
    return
  fi
  need_root "${missing[@]}"
  printf 'setup %s: %d of %d packages are missing (%s): downloading ' \
    "$group" "${#missing[@]}" "${#list[@]}" "${missing[*]}"
  local apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=600 -y)
  local install=("${apt[@]}" install --no-install-recommends)
  start=$(now)
  quietly "${apt[@]}" update
  quietly "${install[@]}" --download-only "${missing[@]}"
  local downloaded
  downloaded=$(now)
  printf '%d s, installing ' $((downloaded - start))
  quietly "${install[@]}" "${missing[@]}"
  local installed
  installed=$(now)
  printf '%d s\n' $((installed - downloaded))
  download_seconds=$((download_seconds + downloaded - start))
  install_seconds=$((install_seconds + installed - downloaded))
}

main() {
  local times="" groups=()
  while (($#)); do
    case $1 in
      --times) times=${2:?--times wants a file}; shift ;;
      -h | --help) sed -n '2,5s/^# //p' "$0"; exit 0 ;;
      *)
        if [[ -z ${packages[$1]+known} ]]; then
          printf 'setup: there is no group %s; groups are: build test quickstart oracle\n' "$1" >&2
          exit 2
        fi
        groups+=("$1") ;;
    esac
    shift
  done
  ((${#groups[@]})) || groups=(build)
  if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    printf 'setup: no Debian packages on this system, nothing was checked; docs/install.md names what is needed\n'
  else
    for group in "${groups[@]}"; do install_group "$group"; done
  fi
  [[ -z $times ]] || printf '%d %d\n' "$download_seconds" "$install_seconds" >"$times"
}
main "$@"
