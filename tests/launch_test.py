#!/usr/bin/env python3
"""launch/mpirun.sh: the program's exit status, the patience for saving, shared cores, refused arguments.

The ranks are a shell script, so that nothing but Open MPI is tested with it.
"""
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LAUNCH = str(ROOT / "launch/mpirun.sh")
RANK = """#!/usr/bin/env bash
cd "$(dirname "$0")"
save() { for _ in $(seq "${1}0"); do sleep 0.1; done; touch "saved.$OMPI_COMM_WORLD_RANK"; exit 75; }
trap "save $1" USR2
trap 'touch "killed.$OMPI_COMM_WORLD_RANK"' INT TERM
touch "up.$OMPI_COMM_WORLD_RANK"
for i in $(seq 300); do sleep 0.1; done
"""


def run(*arguments, **more):
    return subprocess.run([LAUNCH, *arguments], capture_output=True, text=True, timeout=60, **more)


def shown(*arguments, **environment):
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("SLURM_", "OMP_"))}
    return run(*arguments, "--show", "true", env={**clean, **environment}).stdout


def wait_for(folder, pattern, count):
    for _ in range(300):
        if len(list(folder.glob(pattern))) >= count:
            return
        time.sleep(0.1)
    raise AssertionError(f"no {count} files {pattern} after 30 s")


def interrupted(signals, saving="3"):
    """Exit status and names of the files that two ranks leave when the launcher gets these signals. Saving takes 3 s,
    longer than mpirun would wait by itself."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "rank").write_text(RANK, encoding="utf-8")
        (folder / "rank").chmod(0o755)
        job = subprocess.Popen([LAUNCH, "-n", "2", str(folder / "rank"), saving], stderr=subprocess.DEVNULL,
                               preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler))
        wait_for(folder, "up.*", 2)
        for one in signals:
            job.send_signal(one)
            time.sleep(0.5)
        return job.wait(timeout=30), sorted(p.name for p in folder.glob("saved.*"))


def test_status_is_the_programs():
    for status in (0, 6, 75):
        assert run("-n", "2", "bash", "-c", f"exit {status}").returncode == status, status


def test_interrupt_saves():
    assert interrupted([signal.SIGINT]) == (75, ["saved.0", "saved.1"])


def test_terminate_saves():
    assert interrupted([signal.SIGTERM]) == (75, ["saved.0", "saved.1"])


def test_usr2_twice_saves():
    assert interrupted([signal.SIGUSR2, signal.SIGUSR2]) == (75, ["saved.0", "saved.1"])


def test_second_interrupt_ends_the_job():
    status, saved = interrupted([signal.SIGINT, signal.SIGINT], saving="60")
    assert status != 0 and saved == [], (status, saved)


def test_cores_are_divided():
    cores = len(os.sched_getaffinity(0))
    assert f"OMP_NUM_THREADS={cores} " in shown("-n", "1")
    assert "OMP_NUM_THREADS=1 " in shown("-n", str(2 * cores))
    assert "--oversubscribe" in shown("-n", str(2 * cores))
    assert "--oversubscribe" not in shown("-n", str(cores))


def test_host_file_and_slurm_count_ranks():
    with tempfile.NamedTemporaryFile("w", suffix=".hosts") as hosts:
        hosts.write("# two nodes\na slots=3\nb slots=5\n")
        hosts.flush()
        assert re.search(r"-n 8 .*--hostfile", shown("--hostfile", hosts.name))
    assert "-n 6 " in shown(SLURM_NTASKS="6", SLURM_JOB_NUM_NODES="2", SLURM_JOB_ID="1")


def test_standard_input_reaches_rank_0():
    assert run("-n", "2", "cat", input="a line\n").stdout == "a line\n"


def test_wrong_arguments_are_refused():
    for arguments in (["-n", "0", "true"], ["-n"], ["--fast", "true"], [], ["--hostfile", "/no/such", "true"]):
        done = run(*arguments)
        assert done.returncode == 2 and "mpirun.sh:" in done.stderr, (arguments, done)


def main():
    failed = 0
    tests = {k: v for k, v in globals().items() if k.startswith("test_")}
    for name, test in tests.items():
        started = time.monotonic()
        try:
            test()
        except Exception as error:  # a time-out counts as well
            failed += 1
            print(f"FAILED {name}: {error!r}")
        print(f"{name}: {time.monotonic() - started:.1f} s")
    print(f"{len(tests) - failed} passed, {failed} failed, 0 skipped")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
