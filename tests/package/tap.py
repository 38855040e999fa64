"""Reports of tests in TAP, and commands that are run for them."""

import subprocess
import sys

count = failed = 0
LIMIT = 3600  # seconds; only to end a hang


def report(name, why=None):
    """One line of the report: it has failed if there is a reason WHY."""
    global count, failed
    count += 1
    failed += bool(why)
    print(f"{'not ok' if why else 'ok'} {count} - {name}", flush=True)
    for line in str(why or "").splitlines()[-40:]:
        print("#", line[:300], flush=True)


def skip(name, why):
    global count
    count += 1
    print(f"ok {count} - {name} # SKIP {why}", flush=True)


def run(*command, **how):
    return subprocess.run([str(c) for c in command], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace", timeout=LIMIT, check=False, **how)


def check(name, command, wanted="", **how):
    """Runs COMMAND: it must end with status 0, and print WANTED."""
    done = run(*command, **how)
    report(name, None if done.returncode == 0 and wanted in done.stdout
           else f"{' '.join(map(str, command))}\n{done.stdout}\nstatus {done.returncode}")
    return done.stdout


def finish():
    print(f"1..{count}")
    sys.exit(failed > 0)
