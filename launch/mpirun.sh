#!/usr/bin/env bash
# Starts a program on several MPI ranks, and has the patience that saving needs.
# Usage: launch/mpirun.sh [-n RANKS] [--hostfile FILE] [--mpirun 'FLAGS'] [--show] [--] PROGRAM [ARGUMENT...]
#   -n RANKS         default: the slots of the host file, else Slurm's number of tasks, else 1
#   --hostfile FILE  lines "host slots=N", as Open MPI reads them; under Slurm its node list needs no file
#   --mpirun 'FLAGS' more flags for mpirun, separated by spaces
#   --show           prints the command and starts nothing
# The cores of a node are shared out among its ranks, which mneme does by itself; OMP_NUM_THREADS says it to libraries.
# SIGINT, SIGTERM and SIGUSR2 reach every rank as SIGUSR2: mneme saves at the next step and ends with 75. A second
# SIGINT or SIGTERM ends the job at once. The exit status is the program's: 0 done, 2 to 6 errors, 75 resumable.
set -euo pipefail

ranks="" hostfile="" extra="" show=""

usage_error() {
  printf 'mpirun.sh: %s (launch/mpirun.sh --help)\n' "$1" >&2
  exit 2
}

read_arguments() {
  while (($#)); do
    case $1 in
      -n | --hostfile | --mpirun)
        (($# > 1)) || usage_error "$1 wants a value"
        case $1 in
          -n) ranks=$2 ;;
          --hostfile) hostfile=$2 ;;
          --mpirun) extra=$2 ;;
        esac
        shift 2 ;;
      --show) show=1; shift ;;
      -h | --help) sed -n '2,10s/^# //p' "$0"; exit 0 ;;
      --) shift; break ;;
      -*) usage_error "there is no option $1" ;;
      *) break ;;
    esac
  done
  (($#)) || usage_error "no program was given"
  program=("$@")
  [[ -z $ranks || $ranks =~ ^[1-9][0-9]*$ ]] || usage_error "-n $ranks, wanted a number above 0"
  [[ -z $hostfile || -r $hostfile ]] || usage_error "the host file $hostfile cannot be read"
}

# Slots of all hosts of the host file, and of the fullest one: a host without "slots=" has one per line.
hostfile_slots() {
  awk '{sub(/#.*/, "")} NF {n = 1; for (i = 2; i <= NF; ++i) if ($i ~ /^slots=/) n = substr($i, 7)
        host[$1] += n; all += n}
       END {for (h in host) if (host[h] > most) most = host[h]; print all + 0, most + 0}' "$hostfile"
}

# Sets `ranks`, `local_ranks` (on the fullest node) and `cores` (of this node, that this process may use).
count_ranks() {
  local slots=0 most=0 nodes=${SLURM_JOB_NUM_NODES:-1}
  cores=$(env -u OMP_NUM_THREADS -u OMP_THREAD_LIMIT nproc)
  if [[ -n $hostfile ]]; then
    read -r slots most < <(hostfile_slots)
    ((slots > 0)) || usage_error "the host file $hostfile names no host"
    ranks=${ranks:-$slots}
    local_ranks=$((ranks < most ? ranks : most))
    ((ranks <= slots)) || local_ranks=$(((ranks * most + slots - 1) / slots))
  else
    ranks=${ranks:-${SLURM_NTASKS:-1}}
    local_ranks=$(((ranks + nodes - 1) / nodes))
  fi
}

build_command() {
  command=(mpirun --quiet -n "$ranks" --bind-to none)
  [[ -z $hostfile ]] || command+=(--hostfile "$hostfile")
  if ((local_ranks > cores)); then
    # Waiting ranks must give their core to working ones.
    command+=(--oversubscribe --mca mpi_yield_when_idle 1)
  elif [[ -z $hostfile && -z ${SLURM_JOB_ID:-} ]]; then
    command+=(--use-hwthread-cpus) # a slot for each core that nproc counts
  fi
  local more=()
  read -ra more <<<"$extra"
  command+=("${more[@]}" -x OMP_NUM_THREADS -x MNEME_TERMINAL "${program[@]}")
}

read_arguments "$@"
command -v mpirun >/dev/null || {
  echo "mpirun.sh: mpirun is not here (Debian: openmpi-bin, or tools/setup.sh build)" >&2
  exit 5
}
count_ranks
build_command

export OMP_NUM_THREADS=$((cores > local_ranks ? cores / local_ranks : 1))
MNEME_TERMINAL=0 # Open MPI gives every rank a terminal of its own as stdout: only this script knows what is behind it
if [[ -t 1 ]]; then MNEME_TERMINAL=1; fi
export MNEME_TERMINAL
if ((EUID == 0)); then export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1; fi
if [[ -n $show ]]; then
  printf 'OMP_NUM_THREADS=%s' "$OMP_NUM_THREADS"
  printf ' %q' "${command[@]}"
  printf '\n'
  exit 0
fi

# mpirun kills its ranks on SIGINT and SIGTERM, but hands SIGUSR2 on. In a process group of its own it does not
# see the terminal's Ctrl-C, which therefore comes here alone.
asked=0
# shellcheck disable=SC2317  # called by the traps
ask_to_save() {
  asked=$((asked + 1))
  if ((asked == 1)) || [[ $1 == USR2 ]]; then
    kill -USR2 "$job" 2>/dev/null || true
  else
    kill -TERM "$job" 2>/dev/null || true
  fi
}
exec 3<&0
[[ ! -t 0 ]] || exec 3</dev/null # a group in the background may not read the terminal
set -m
"${command[@]}" <&3 3<&- &
job=$!
set +m
trap 'ask_to_save INT' INT
trap 'ask_to_save TERM' TERM
trap 'ask_to_save USR2' USR2
while :; do
  status=0
  wait "$job" || status=$?
  kill -0 "$job" 2>/dev/null || break # a signal ends `wait` early: the job is still there
done
exit "$status"
