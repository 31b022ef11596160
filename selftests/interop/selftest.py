#!/usr/bin/python3 -B
# SPDX-License-Identifier: GPL-2.0
"""The Python peer against itself over loopback.

A peer that disagrees with itself would prove nothing about anybody else. Each
case is a pair of processes and passes where both exit as they should. Some
must fail, so that a peer which checks nothing would be found out.
"""

import json
import socket
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
SUITES = ("0x0001", "0x0002", "0x0003", "0x0101", "0x0102", "0x0103")
MODES = "encrypt,clear:10,clear:1,auth"
AT_ONCE = 8
LIMIT_S = 200
RESPONDER_LEAD_S = 0.4

# name -> (entity a, entity b); a answers, b starts
PAIRS = {
    "pne": ("server@home.example:1", "pne-7@home.example:3"),
    "gw": ("gw-1@häuser.example:2", "gerät-ü@häuser.example:3"),
    "down": ("sensor:3", "cpns-server:1"),
    "equal": ("時計@例え.example:2", "gw-1@home.example:2"),
}

INITIATOR_MISCHIEF = ("repeat-init,repeat-confirm,unknown-key,replay,forged-data,"
                      "foreign-source,reflect,garbage,rekey,roam")
RESPONDER_MISCHIEF = "forge-resp,repeat-resp,replay,forged-data,reflect"


@dataclass
class Case:
    """Options of both ends and the exit statuses that they must have."""

    name: str
    both: str = ""
    b: str = ""
    a: str = ""
    pair: str = "pne"
    ipv6: bool = False
    roles: tuple = ("responder", "initiator")
    statuses: tuple = (0, 0)
    other_record: bool = False


def _cases():
    yield from _suite_cases()
    yield from _fault_cases()
    yield from _mischief_cases()
    yield from _failing_cases()


def _suite_cases():
    for suite in SUITES:
        fixed = f"--suites {suite} --expect-suite {suite}"
        yield Case(f"{suite}, every mode, IPv4",
                   f"{fixed} --modes {MODES} --accept auth --rounds 2 --udp 7")
        yield Case(f"{suite}, cookie, each kind lost once, IPv6",
                   f"{fixed} --rounds 2", b="--lossy-path",
                   a="--demand-cookie --drop-first 1 --expect-one-init", ipv6=True,
                   pair="gw")
    yield Case("the responder's order, unknown codes skipped", "--rounds 1",
               b="--suites 0x7f01,0x0103,0x0001,0x0003 --expect-suite 3",
               a="--suites 0x0103,0x0003,0x0001 --expect-suite 3")
    yield Case("pure PSK where no X25519 suite is permitted", "--rounds 1",
               b="--suites 0x0001,0x0102 --expect-suite 0x102",
               a="--suites 0x0101,0x0102 --expect-suite 0x102", pair="down")
    yield Case("the smaller lifetime", "--rounds 1 --expect-lifetime 61",
               b="--lifetime 61", a="--lifetime 3600", pair="equal")
    yield Case("protection of each direction as told", "--accept auth",
               b="--rounds 6 --expect-mode clear:10",
               a="--rounds 0 --serve 18 --reply-mode clear:10 --expect-mode encrypt")


def _fault_cases():
    yield Case("waits between INITs", "--rounds 1", pair="down",
               b="--lossy-path", a="--drop-first 2 --expect-timing --expect-one-init")
    yield Case("each kind lost once at both ends", "--drop-first 1 --rounds 1")
    for seed, suite in ((1, "0x0001"), (2, "0x0002"), (3, "0x0103")):
        yield Case(f"loss, seed {seed}, {suite}", f"--suites {suite} --tolerant "
                   "--loss 0.1 --timeout 100 --linger 8",
                   b=f"--seed {seed}", a=f"--seed {seed + 100}", ipv6=seed == 2)
    yield Case("doubled and reordered", "--dup 0.3 --reorder 0.3 --tolerant "
               "--rounds 20", b="--seed 5", a="--seed 6")
    yield Case("both ends start", "--rounds 2 --remote {other}", pair="gw",
               roles=("initiator", "initiator"))


def _mischief_cases():
    yield Case("mischief of the initiator", b=f"--exercise {INITIATOR_MISCHIEF}",
               a="--tolerant --linger 12")
    yield Case("mischief of the responder", b="--tolerant --linger 5",
               a=f"--exercise {RESPONDER_MISCHIEF}", ipv6=True)
    yield Case("cookie under a flood of INIT", "--rounds 1",
               b="--exercise flood", a="--tolerant")
    yield Case("unknown key gets its HINT", "--rounds 1",
               b="--exercise unknown-key --demand-hint", a="--linger 4")
    yield Case("keepalive after 10 s", "--rounds 1", b="--exercise keepalive",
               a="--linger 15")
    yield Case("restart of the initiator", "--rounds 1", b="--exercise restart",
               a="--rounds 0 --linger 4")
    yield Case("less protection refused", "--rounds 1", a="--tolerant --linger 6",
               b="--refused auth,clear:10")
    yield Case("a wrong key is met with silence", b="--wrong-key",
               a="--timeout 8", statuses=(1, 0))


def _failing_cases():
    """Where the peer must say no."""
    yield Case("fails: the keys differ", "--timeout 4", statuses=(1, 1),
               other_record=True)
    yield Case("fails: nothing arrives", "--timeout 4 --loss 1", statuses=(1, 1))
    yield Case("fails: another suite was expected", "--rounds 1",
               b="--expect-suite 2", statuses=(0, 1))
    yield Case("fails: less protection is not refused", "--rounds 1 --accept auth",
               a="--linger 4", b="--refused auth", statuses=(0, 1))
    yield Case("fails: another protection was expected", "--rounds 1",
               b="--expect-mode clear:10", statuses=(0, 1))
    yield Case("fails: pure PSK not permitted", "--suites 0x0101 --timeout 4",
               pair="no-psk", statuses=(1, 1))


def _free_port(host):
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.bind((host, 0))
        return probe.getsockname()[1]


def _make_record(directory, name, ends, permit=True):
    subprocess.run(
        [HERE / "record.py", "--out", f"{directory}/{name}-a,{directory}/{name}-b",
         "--a", ends[0], "--b", ends[1], "--a4", "10.9.0.1", "--b4", "10.9.0.2"] +
        (["--pure-psk"] if permit else []), check=True)


def _run_case(case, directory):
    """Returns None, or what went wrong."""
    host = "::1" if case.ipv6 else "127.0.0.1"
    shown = "[::1]" if case.ipv6 else host
    places = [f"{shown}:{_free_port(host)}" for _ in "ab"]
    running = []
    for number, own in enumerate((case.a, case.b)):
        record = "other-b" if case.other_record and number else \
            f"{case.pair}-{'ab'[number]}"
        options = f"{case.both} {own}".format(other=places[1 - number]).split()
        if case.roles[number] == "initiator" and "--remote" not in options:
            options += ["--remote", places[1 - number]]
        running.append(subprocess.Popen(
            [HERE / "peer.py", "--record", f"{directory}/{record}",
             "--role", case.roles[number], "--listen", places[number], *options],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
        time.sleep(RESPONDER_LEAD_S if case.roles[0] == "responder" else 0)
    outputs = []
    for process in running:
        try:
            outputs.append(process.communicate(timeout=LIMIT_S))
        except subprocess.TimeoutExpired:
            process.kill()
            outputs.append(process.communicate())
    got = tuple(process.returncode for process in running)
    if got == case.statuses:
        return None
    return f"exit {got} instead of {case.statuses}: " + \
        " | ".join(_explain(*output) for output in outputs)


def _explain(stdout, stderr):
    try:
        summary = json.loads(stdout)
    except ValueError:
        return stderr.strip()[-300:] or "no output"
    bad = [f"{check['name']} ({check['detail']})" for check in summary["checks"]
           if not check["ok"]]
    return f"{summary['role']}: {', '.join(bad) or 'all checks good'}"


def main():
    wanted = sys.argv[1:]
    chosen = [case for case in _cases()
              if not wanted or any(word in case.name for word in wanted)]
    failed = 0
    with tempfile.TemporaryDirectory() as directory:
        for name, ends in PAIRS.items():
            _make_record(directory, name, ends)
        _make_record(directory, "other", PAIRS["pne"])
        _make_record(directory, "no-psk", PAIRS["pne"], permit=False)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            results = pool.map(lambda case: _run_case(case, directory), chosen)
            for case, trouble in zip(chosen, results):
                failed += trouble is not None
                print(f"not ok - {case.name}: {trouble}" if trouble
                      else f"ok - {case.name}", flush=True)
    print(f"{len(chosen) - failed} passed, {failed} failed, 0 skipped")
    return 1 if failed or not chosen else 0


if __name__ == "__main__":
    sys.exit(main())
