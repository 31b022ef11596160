#!/usr/bin/python3 -B
# SPDX-License-Identifier: GPL-2.0
"""A CPNS entity in Python over real UDP, to be tried against another one.

It does the handshake in the role asked for, sends echo requests through the
session and answers those that it gets, does the exercises named, and prints a
JSON summary. The exit status is 0 only where everything expected happened,
1 where a check failed, 2 where it could not begin.
"""

import argparse
import json
import signal
import sys

from driver import Driver, Mode
from exercises import EXERCISES, INITIATOR_ONLY, RESPONDER_ONLY
from link import Faults, Link, parse_address
from record import RecordError, load
from ss1.suites import LIFETIME_MAX, LIFETIME_MIN, default_lifetime

LINGER_MAX_S = 120
SILENCE_WITH_WRONG_KEY_S = 6


def _modes(text):
    return [Mode(item) for item in text.split(",") if item]


def _suites(text):
    codes = [int(item, 0) for item in text.split(",")]
    if not 1 <= len(codes) <= 8 or any(not 0 <= code <= 0xffff for code in codes):
        raise ValueError("1 to 8 suite codes of 16 bits")
    return codes


def _exercises(text):
    names = [name for name in text.split(",") if name]
    for name in names:
        if name not in EXERCISES:
            raise ValueError(f"{name!r} is none of {', '.join(EXERCISES)}")
    return names


def _arg(function):
    """Let argparse print the function's own words."""
    def convert(text):
        try:
            return function(text)
        except ValueError as err:
            raise argparse.ArgumentTypeError(str(err)) from err
    return convert


def parse_args(argv):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--record", required=True, metavar="FILE",
        help="key record, made by record.py, mode 0600")
    add("--role", required=True, choices=("initiator", "responder"))
    add("--listen", required=True, type=_arg(parse_address), metavar="ADDR:PORT")
    add("--remote", type=_arg(parse_address), metavar="ADDR:PORT",
        help="where the initiator sends its INIT")
    add("--suites", type=_arg(_suites), default=[1], metavar="CODE,...",
        help="suites offered or preferred, in this order (default 0x0001)")
    add("--lifetime", type=int, help="seconds asked for (default: the page's)")
    add("--window", type=int, default=8192, help="replay window (default 8192)")
    add("--timeout", type=float, default=60, metavar="S",
        help="longest wait for a session (default 60)")
    add("-v", "--verbose", action="store_true", help="each datagram on stderr")

    group = parser.add_argument_group("traffic")
    add = group.add_argument
    add("--rounds", type=int, default=5, metavar="N",
        help="requests of each kind and mode (default 5)")
    add("--modes", type=_arg(_modes), default=_modes("encrypt"), metavar="MODE,...",
        help="how to send: encrypt, clear:N, auth (default encrypt)")
    add("--refused", type=_arg(_modes), default=[], metavar="MODE,...",
        help="modes that the other must drop by its policy")
    add("--accept", type=_arg(Mode), default=Mode("encrypt"), metavar="MODE",
        help="the least protection accepted (default encrypt)")
    add("--expect-mode", type=_arg(Mode), default=None, metavar="MODE",
        help="the protection in which the other must send (default: any that "
        "--accept lets in)")
    add("--reply-mode", type=_arg(Mode), default=Mode("encrypt"), metavar="MODE",
        help="how replies are sent (default encrypt)")
    add("--udp", type=int, default=0, metavar="PORT",
        help="also UDP to an echo service on this port of the other")
    add("--serve", type=int, default=0, metavar="N",
        help="wait until N requests of the other were answered")
    add("--linger", type=float, default=2, metavar="S",
        help="go on serving until nothing came for so long (default 2)")

    group = parser.add_argument_group("expectations")
    add = group.add_argument
    add("--expect-suite", type=lambda text: int(text, 0), metavar="CODE",
        help="the suite that must be chosen")
    add("--expect-lifetime", type=int, metavar="S", help="the session's lifetime")
    add("--expect-one-init", action="store_true",
        help="all INIT received must be the same to the byte but for the cookie")
    add("--expect-timing", action="store_true",
        help="INIT must be repeated after 1, 2, 4, 8, 16 s, each +-25 %%")
    add("--demand-hint", action="store_true",
        help="unknown-key fails without a HINT")
    add("--wrong-key", action="store_true",
        help="use a changed key: no session must come, and no answer")

    group = parser.add_argument_group("mischief")
    add = group.add_argument
    add("--demand-cookie", action="store_true", help="each INIT needs a cookie")
    add("--drop-first", type=int, default=0, metavar="N",
        help="lose the first N of each message kind, both ways")
    add("--loss", type=float, default=0, metavar="P", help="lose with probability P")
    add("--dup", type=float, default=0, metavar="P", help="double with probability P")
    add("--reorder", type=float, default=0, metavar="P",
        help="hold back with probability P")
    add("--seed", type=int, default=1, help="of all of the above (default 1)")
    add("--tolerant", action="store_true",
        help="the path or the other end misbehaves on purpose: do not judge the "
        "order, repeats and hop limits of what arrives")
    add("--lossy-path", action="store_true",
        help="the path or the other end loses datagrams: try a request again; "
        "implies --tolerant")
    add("--exercise", type=_arg(_exercises), default=[], metavar="NAME,...",
        help=", ".join(EXERCISES))
    args = parser.parse_args(argv)
    _check_args(parser, args)
    args.tolerant |= args.lossy_path
    return args


def _check_args(parser, args):
    if args.role == "initiator" and not args.remote:
        parser.error("an initiator needs --remote ADDR:PORT")
    if args.lifetime is None:
        args.lifetime = default_lifetime(args.suites)
    if not LIFETIME_MIN <= args.lifetime <= LIFETIME_MAX:
        parser.error(f"--lifetime must be {LIFETIME_MIN} to {LIFETIME_MAX} seconds")
    if args.window % 64 or not 64 <= args.window <= 32768:
        parser.error("--window must be a multiple of 64 from 64 to 32768")
    wrong = RESPONDER_ONLY if args.role == "initiator" else INITIATOR_ONLY
    for name in wrong.intersection(args.exercise):
        parser.error(f"the exercise {name} is not for the {args.role}")


def run_wrong_key(driver):
    """Neither a session nor a word: a wrong key is met with silence."""
    if driver.args.role == "initiator":
        driver.node.start(driver.now())
    driver.pause(SILENCE_WITH_WRONG_KEY_S)
    driver.check("no session with a wrong key", not driver.node.sessions)
    if driver.args.role == "initiator":
        driver.check("no RESP to a wrong key", not driver.count_in["RESP"])
    else:
        driver.check("an INIT came, and its mac1 failed",
                     driver.node.drops["mac1"] > 0)


def run(driver):
    """The whole of an ordinary run."""
    args = driver.args
    for name in args.exercise:
        if EXERCISES[name][0]:
            EXERCISES[name][0](driver)
    if args.role == "initiator":
        driver.node.start(driver.now())
    up = driver.wait(lambda: driver.node.up, args.timeout)
    if not driver.check("session up", up, f"after {driver.now() - driver.began:.1f} s"):
        return
    check_session(driver)
    for name in args.exercise:
        if not EXERCISES[name][0]:
            continue
        EXERCISES[name][1](driver)
    driver.rounds()
    for name in args.exercise:
        if not EXERCISES[name][0]:
            driver.log(f"exercise {name}")
            EXERCISES[name][1](driver)
    if args.serve:
        driver.check("requests served",
                     driver.wait(lambda: driver.served >= args.serve, args.timeout),
                     f"{driver.served} of {args.serve}")
    end = driver.now() + LINGER_MAX_S
    driver.wait(lambda: driver.now() - driver.last_authenticated >= args.linger or
                driver.now() > end, LINGER_MAX_S + 1)
    driver.closing_checks()


def check_session(driver):
    """What the two agreed upon."""
    args, session = driver.args, driver.node.current
    if args.expect_suite is not None:
        driver.check("suite", session.suite.code == args.expect_suite,
                     f"{session.suite.code:#06x}")
    if args.expect_lifetime is not None:
        driver.check("lifetime", session.lifetime == args.expect_lifetime,
                     f"{session.lifetime} s")
    if args.demand_cookie and args.role == "responder":
        bare, paid = ({message.core for message in driver.inits_in()
                       if bool(message.cookie) == wanted} for wanted in (False, True))
        driver.check("COOKIE obeyed, the INIT else the same", paid and paid <= bare)
    if args.expect_timing:
        check_timing(driver)


def check_timing(driver):
    """The waits between INITs, as far as any came before the session."""
    times = [when for when, kind, _, _ in driver.handshake_in if kind == "INIT"]
    waits = [later - earlier for earlier, later in zip(times, times[1:])]
    good = all(0.75 * wanted - 0.2 <= waited <= 1.25 * wanted + 0.5
               for waited, wanted in zip(waits, (1, 2, 4, 8, 16)))
    driver.check("INIT repeated in time", waits and good,
                 " ".join(f"{waited:.2f}" for waited in waits))


def main(argv=None):
    args = parse_args(argv)
    try:
        record = load(args.record, args.wrong_key)
        link = Link(args.listen, Faults(args.drop_first, args.loss, args.dup,
                                        args.reorder, args.seed))
    except (RecordError, OSError) as err:
        print(f"peer.py: {err}", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    driver = Driver(args, record, link)
    (run_wrong_key if args.wrong_key else run)(driver)
    summary = driver.summary()
    print(json.dumps(summary, indent=1))
    return 0 if summary["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
