#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""cpnsd and the module against the Python peer of selftests/interop, which
shares no code with them, over UDP: suites, modes, cookies, loss, mischief.

interop-cpnsd.py WORD... runs the cases whose names have one of the words.
"""

import functools
import os
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

sys.dont_write_bytecode = not sys.pycache_prefix
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from cpnstest import interop, ktap
from cpnstest.interop import (ECHO_PORT, MARK_AUTH, MARK_CLEAR, PATIENCE_S, PNE, SERVER,
                              Partner, Subject, judge, stop)
from cpnstest.ktap import check, equal, wait_until
from cpnstest.pair import load_module

import link
from ss1 import wire
from ss1.inner import Echo

SUITES = ("0x0001", "0x0002", "0x0003", "0x0101", "0x0102", "0x0103")
AT_ONCE = 6
# The cipher of a suite may have to be loaded in a first session with it.
FIRST, TOGETHER, LAST = range(3)
UDP = f"--udp {ECHO_PORT}"

CASES = []


def case(*lines, turn=TOGETHER, names=None, **partner):
    """A case: lines and partner describe its Partner. names makes a case of
    each argument."""
    def note(function):
        for value in names or (None,):
            name = function.__name__ + (f"[{value}]" if names else "")
            arguments = (value,) if names else ()
            extra = partner
            if callable(partner.get("ipv6")):
                extra = {**partner, "ipv6": partner["ipv6"](value)}
            CASES.append((name, function, arguments, lines, turn, extra))
        return function
    return note


# ---- suites, both ways ----

@case("accept = auth", names=SUITES, turn=FIRST)
def peer_initiates(p, suite):
    lifetime = 86400 if suite.startswith("0x01") else 3600
    p.initiate(f"--suites {suite} --expect-suite {suite} --expect-lifetime {lifetime} "
               f"--modes encrypt,clear:1,clear:10,auth --rounds 2 {UDP}")
    # In each of 4 modes 2 of 4 kinds, and no drop.
    stats = p.stats()
    equal("packets", (32, 32), (stats["rx_packets"], stats["tx_packets"]))
    equal("counted beside them", set(), {name for name in stats if not name.endswith(
        ("_packets", "_bytes", "_keepalives"))})


@case(names=SUITES)
def cpnsd_initiates(p, suite):
    p.respond(f"--suites {suite} --expect-suite {suite} --expect-lifetime 3600 "
              f"--expect-one-init --rounds 2 {UDP}")
    attempt = p.attempts()[0]
    equal("step", "done", attempt["step"])
    check(attempt["initiator"], "cpnsctl why: begun by this end")


@case("accept = auth", ipv6=True, names=("0x0001", "0x0102", "0x0003"))
def peer_initiates_over_ipv6(p, suite):
    p.initiate(f"--suites {suite} --expect-suite {suite} --modes encrypt,auth --rounds 2 {UDP}")


@case(ipv6=True, names=("0x0002", "0x0101", "0x0103"))
def cpnsd_initiates_over_ipv6(p, suite):
    p.respond(f"--suites {suite} --expect-suite {suite} --rounds 2 {UDP}")


@case("suites = psk-aes256ctr-hmac, x25519-aes256ctr-hmac, x25519-aes256gcm")
def cpnsd_chooses_in_its_order_and_x25519_first(p):
    p.initiate("--suites 0x7f01,0x0103,0x0001,0x0003 --expect-suite 3 --rounds 1")


@case("suites = psk-aes256ctr-hmac, x25519-aes256ctr-hmac, x25519-aes256gcm")
def cpnsd_offers_in_its_order(p):
    d = p.respond("--suites 0x0001,0x0003 --expect-suite 1 --rounds 1")
    equal("offer", {(0x103, 3, 1)}, {tuple(init.suites) for init in d.inits_in()})


@case("lifetime = 120")
def shorter_lifetime_of_cpnsd_counts(p):
    p.initiate("--lifetime 3000 --expect-lifetime 120 --rounds 1")


@case("lifetime = 3000")
def shorter_lifetime_of_the_peer_counts(p):
    p.respond("--lifetime 61 --expect-lifetime 61 --rounds 1")
    equal("hard limit in the module", 61, p.current()["ends_after"])


@case("kind = eukey", "user-id = anna@home.example", user_id=b"anna@home.example")
def user_id_is_in_the_prologue(p):
    p.initiate("--rounds 1")


# ---- modes ----

def pinged(p, expected, *options, **kwargs):
    """cpnsd's side sends; its packets begin the session, and none is lost."""
    d = p.respond(f"--rounds 0 --serve 5 --accept auth --expect-mode {expected}",
                  begin=lambda: p.ping(5, *options, **kwargs))
    check(d.served >= 5, "all answered")


@case()
def module_sends_encrypted(p):
    pinged(p, "encrypt", address=p.record.local4)


@case(ipv6=True)
def module_sends_authenticated(p):
    pinged(p, "auth", "-m", MARK_AUTH, address=p.record.local4)


@case()
def module_sends_a_clear_prefix(p):
    pinged(p, "clear:10", "-m", MARK_CLEAR)


@case()
def less_than_encrypted_is_refused(p):
    p.initiate("--modes encrypt --rounds 1 --refused clear:1,clear:10,auth")
    equal("refused levels", 3, p.stats().get("rx_level", 0))


@case("accept = clear:40")
def clear_prefix_is_accepted_up_to_its_limit(p):
    p.initiate("--modes encrypt,clear:1,clear:10 --rounds 1 --refused clear:11,auth")
    equal("refused levels", 2, p.stats().get("rx_level", 0))


@case("accept = auth")
def all_is_accepted_where_auth_is(p):
    p.initiate("--modes clear:255,auth --rounds 2")
    equal("refused levels", 0, p.stats().get("rx_level", 0))


# ---- cookies ----

@case(ipv6=True)
def cpnsd_obeys_a_cookie(p):
    p.respond("--demand-cookie --rounds 1")
    check(p.attempts()[0]["cookies"], "cpnsctl why: a cookie")


@case()
def cpnsd_obeys_a_cookie_on_a_lossy_path(p):
    p.respond("--demand-cookie --drop-first 1 --expect-one-init --rounds 1")


@case(names=(4, 6), ipv6=lambda version: version == 6, turn=LAST)
def cpnsd_demands_a_cookie_under_a_flood(p, _version):
    d = p.initiate("--exercise flood --tolerant --rounds 1")
    check(d.count_in["COOKIE"] >= 10, f"COOKIE to a flood of 30: {d.count_in['COOKIE']}")


# ---- loss ----

@case()
def peer_initiates_and_the_first_of_each_kind_is_lost(p):
    p.initiate("--drop-first 1 --rounds 1")


@case()
def cpnsd_initiates_and_the_first_of_each_kind_is_lost(p):
    p.respond("--drop-first 1 --expect-one-init --rounds 1")


@case(turn=LAST)
def cpnsd_repeats_its_init_in_time(p):
    d = p.open("--role responder --drop-first 2 --expect-timing --expect-one-init")
    ping = p.ping(1)
    check(d.wait(lambda: d.count_in["INIT"], PATIENCE_S), "an INIT")
    stop(ping)
    interop.peer.check_timing(d)
    d.closing_checks()
    judge(d)


@case(names=(1, 2, 3))
def peer_initiates_at_random_loss(p, seed):
    suite = SUITES[seed - 1]
    p.initiate(f"--suites {suite} --loss 0.2 --seed {seed} --tolerant --rounds 3")


@case(names=(4, 5, 6), ipv6=lambda seed: seed == 5)
def cpnsd_initiates_at_random_loss(p, seed):
    suite = SUITES[seed - 1]
    p.respond(f"--suites {suite} --loss 0.2 --seed {seed} --tolerant --rounds 3")


@case(names=(7, 8))
def peer_initiates_doubled_and_reordered(p, seed):
    p.initiate(f"--dup 0.3 --reorder 0.3 --seed {seed} --tolerant --rounds 10")


@case(names=(9, 10))
def cpnsd_initiates_doubled_and_reordered(p, seed):
    p.respond(f"--dup 0.3 --reorder 0.3 --seed {seed} --tolerant --rounds 10")


# ---- the handshake, put to the test ----

@case()
def repeated_init_gets_the_same_resp(p):
    p.initiate("--rounds 1 --exercise repeat-init")


@case()
def repeated_confirm_gets_an_empty_data_once_a_second(p):
    p.initiate("--rounds 1 --exercise repeat-confirm")


@case()
def repeated_resp_gets_the_same_confirm(p):
    p.respond("--rounds 1 --exercise repeat-resp")


@case()
def forged_resp_and_cookie_are_ignored(p):
    p.respond("--rounds 1 --exercise forge-resp --tolerant")


@case(turn=LAST)
def unknown_key_gets_hint_1(p):
    p.initiate("--rounds 1 --exercise unknown-key --demand-hint")


def refused(p, options, hint, reason):
    """The peer's INIT is refused with a HINT, and cpnsctl why has the reason."""
    d = p.open("--role initiator " + options)
    d.node.start(d.now())
    d.wait(lambda: d.node.hints, PATIENCE_S)
    equal("HINT", [hint], d.node.hints[:1])
    check(not d.count_in["RESP"], "no RESP")
    attempt = p.attempts()[0]
    equal("reason", reason, attempt["reason"])
    check(len(attempt["hint"]) > 20 and not attempt["initiator"], "words for a person")


@case("suites = x25519-aes256gcm", turn=LAST)
def no_common_suite_gets_hint_2(p):
    refused(p, "--suites 0x0002,0x0103", 2, "no_suite")


@case(pure_psk=False, turn=LAST)
def pure_psk_without_permission_gets_hint_2(p):
    refused(p, "--suites 0x0101,0x0102,0x0103", 2, "no_suite")


@case("not-after = 2020-01-01", turn=LAST)
def expired_key_gets_hint_3(p):
    refused(p, "", 3, "key_not_valid")


@case()
def wrong_key_is_met_with_silence_and_explained(p):
    d = p.open("--role initiator", p.wrong_record())
    d.node.start(d.now())
    wait_until(lambda: d.step() or p.attempts(), "cpnsd noticed the INIT", PATIENCE_S)
    attempt = p.attempts()[0]
    equal("reason", "mac1", attempt["reason"])
    check("key" in attempt["hint"], attempt["hint"])
    d.pause(1)
    equal("answers", 0, sum(d.count_in.values()))


@case()
def peer_with_a_wrong_key_is_explained(p):
    d = p.open("--role responder", p.wrong_record())
    p.connect()
    check(d.wait(lambda: d.node.drops["mac1"] >= 2, PATIENCE_S), "INIT and a repetition")
    attempt = p.attempts()[0]
    equal("step", "init-sent", attempt["step"])
    check(attempt["inits"] >= 2 and attempt["step_text"], "cpnsctl why: INITs, and a text")
    check(not d.node.sessions, "no session")


@case(newer_key=True)
def lower_generation_is_tried_after_hint_1(p):
    d = p.respond("--rounds 1 --tolerant")
    check(d.node.drops["key_unknown"], "the newer key came first")
    newest, older = p.attempts()[:2]
    equal("generations", (1, 2), (newest["generation"], older["generation"]))
    equal("HINT in cpnsctl why", 1, older["peer_hint"])
    check(older["inits"] < 6, "not only after a round of INITs")


@case()
def data_before_its_confirm_is_dropped_without_hint(p):
    d = p.open("--role initiator")
    kept, transmit = [], d.transmit

    def hold_confirm(datagram, address):
        if link.kind_of(datagram) == "CONFIRM":
            kept.append(datagram)
        else:
            transmit(datagram, address)
    d.transmit = hold_confirm
    d.node.start(d.now())
    check(d.wait(lambda: kept, PATIENCE_S), "no RESP")
    early, _ = d.request()
    d.pause(1)
    equal("HINT", 0, d.count_in["HINT"])
    d.transmit = transmit
    check(d.wait(lambda: d.node.up, PATIENCE_S), "a session from the repeated CONFIRM")
    check(d.ask(), "an answer on it")
    check(not d.replies[early], "early DATA was not kept")


@case(turn=LAST)
def unknown_sid_gets_hint_5(p):
    d = p.up("--role initiator")
    session = d.node.current
    echo = Echo(p.record.local_address, p.record.remote_address, True, d.ident, 0, b"")
    stranger = os.urandom(4)

    def hinted():
        datagram = session.seal(echo.pack(), d.now())
        d.transmit(datagram[:4] + stranger + datagram[8:], d.node.endpoint)
        d.pause(0.3)
        return [datagram for _, kind, datagram, _ in d.handshake_in if kind == "HINT"]
    # HINTs have a limit for all peers together.
    hint = wire.parse(wait_until(hinted, "a HINT", PATIENCE_S)[0])
    equal("HINT", (5, stranger, bytes(16)), (hint.code, hint.header.sid, hint.mac1))
    check(d.ask(), "the session goes on")


# ---- who goes first ----

def both_start(p):
    """Both INITs are on their way before either is read."""
    d = p.open("--role initiator --tolerant")
    p.connect()
    d.node.start(d.now())
    ping = p.ping(3)
    ours = d.node.preferred()
    check(d.wait(lambda: d.node.up and d.node.current.initiator == ours, PATIENCE_S),
          "the preferred one's session is current at the peer")
    check(d.ask(), "an answer")
    d.wait(lambda: ping.poll() is not None, PATIENCE_S)
    equal("exit status of ping", 0, stop(ping))
    check(d.count_in["INIT"], "an INIT of cpnsd")
    current = p.current()
    equal("current in the module", (not ours, d.node.current.sid_local.hex()),
          (current["initiator"], current["remote_sid"]))
    d.closing_checks()
    judge(d)
    return ours


@case(role=PNE)
def both_start_and_the_peer_is_preferred(p):
    check(both_start(p), "the peer is preferred")


# EIDs above and below that of cpnsd; with equal roles the larger one goes first.
@case(role=SERVER, larger_eid=True)
def both_start_and_the_peer_has_the_larger_eid(p):
    check(both_start(p), "the peer is preferred")


@case(role=SERVER, larger_eid=False)
def both_start_and_cpnsd_has_the_larger_eid(p):
    check(not both_start(p), "cpnsd is preferred")


# ---- sessions that end and begin ----

def talk(d, done):
    """Requests all the time until done(), and a little longer; none is lost."""
    tokens = []
    end = time.monotonic() + PATIENCE_S
    longer = 10
    while longer:
        check(time.monotonic() < end, "not within the time")
        longer -= bool(done())
        tokens.append(d.request()[0])
        d.step(0.02)
        # No more keys in a row than a peer has, however slow the other end is.
        d.wait(lambda: sum(not d.replies[token] for token in tokens) < 10, 10)
    d.wait(lambda: all(d.replies[token] for token in tokens), 10)
    lost = [token for token in tokens if d.replies[token] != 1]
    check(not lost, f"{len(lost)} of {len(tokens)} requests not answered once")
    d.closing_checks()
    judge(d)


@case()
def peer_rekeys_and_loses_nothing(p):
    p.initiate("--rounds 1 --exercise rekey")


@case("soft-packets = 60", "hard-packets = 100000")
def cpnsd_rekeys_as_initiator_and_loses_nothing(p):
    d = p.up("--role responder")
    talk(d, lambda: d.node.handshakes >= 3)
    equal("cause", "rekey", p.attempts()[0]["why"])


@case("soft-packets = 60", "hard-packets = 100000")
def cpnsd_rekeys_as_responder_and_loses_nothing(p):
    d = p.up("--role initiator")
    talk(d, lambda: d.node.handshakes >= 2)
    check(d.count_in["INIT"], "an INIT of cpnsd")


@case("soft-time = 3s", names=("initiator", "responder"))
def cpnsd_rekeys_in_time(p, role):
    d = p.up("--role " + role)
    while d.node.handshakes < 2:
        check(d.ask(), "an answer")
    equal("cause", "rekey", p.attempts()[0]["why"])


@case()
def peer_restarts_as_initiator(p):
    p.initiate("--rounds 1 --exercise restart --tolerant")


@case()
def peer_restarts_as_responder_and_says_hint_5(p):
    d = p.up("--role responder")
    check(d.ask(), "an answer")
    d.node = d.new_node()
    ping = p.ping(1)
    check(d.wait(lambda: d.node.current, PATIENCE_S), "no session after the HINT")
    check(d.ask(), "an answer after the restart")
    equal("cause", "hint", p.attempts()[0]["why"])
    check(d.count_out["HINT"], "a HINT was sent")
    stop(ping)


@case("timeout = 2s")
def silence_of_the_peer_begins_a_handshake(p):
    d = p.up("--role responder")
    lost = d.link.faults.lost
    d.link.faults.lost = lambda way, datagram: link.kind_of(datagram) == "DATA"
    before = d.count_in["INIT"]
    ping = p.ping(1)
    check(d.wait(lambda: d.count_in["INIT"] > before, PATIENCE_S), "an INIT after 2 s")
    d.link.faults.lost = lost
    check(d.wait(lambda: d.node.handshakes >= 2, PATIENCE_S), "a new handshake")
    check(d.ask(), "an answer on it")
    equal("cause", "silence", p.attempts()[0]["why"])
    stop(ping)


@case()
def peer_roams(p):
    d = p.initiate("--rounds 1 --exercise roam --tolerant")
    port = d.link.socket.getsockname()[1]
    equal("endpoint", p.place(port=port), p.shown()["endpoint"])


@case()
def module_sends_a_keepalive_after_10_s(p):
    p.initiate("--rounds 1 --exercise keepalive")


# ---- DATA, put to the test ----

@case()
def replayed_data_is_dropped(p):
    p.initiate("--rounds 1 --exercise replay")
    equal("duplicates", 4, p.stats().get("rx_duplicate", 0))


@case()
def forged_data_is_dropped(p):
    p.initiate("--rounds 1 --exercise forged-data")
    equal("bad tags", 6, p.stats().get("rx_bad_tag", 0))


@case()
def foreign_source_is_dropped(p):
    p.initiate("--rounds 1 --exercise foreign-source")
    equal("foreign sources", 1, p.stats().get("rx_inner_source", 0))


@case()
def reflected_data_is_dropped(p):
    p.initiate("--rounds 1 --exercise reflect --tolerant")


@case()
def reflected_data_is_dropped_by_an_initiator(p):
    p.respond("--rounds 1 --exercise reflect --tolerant", begin=lambda: p.ping(1))


@case(names=("initiator", "responder"), turn=LAST)
def session_outlives_garbage(p, role):
    run = p.initiate if role == "initiator" else p.respond
    run("--rounds 1 --exercise garbage --tolerant")


# ---- running ----

_entered = threading.local()


def in_namespace(subject):
    """For each thread: what it opens belongs to the peers' namespace."""
    _entered.kept = subject.others.enter()      # left when it is forgotten
    _entered.kept.__enter__()


def explained(partner, function, arguments):
    """The case, whose failure comes with what cpnsd has to say."""
    def run():
        try:
            function(partner, *arguments)
        except Exception as err:
            log = partner.subject.log(f" {partner.label}: ")
            raise AssertionError(f"{err}\ncpnsd:\n{log}") from err
    return run


def main():
    words = sys.argv[1:]
    load_module()
    subject = Subject()
    chosen = [c for c in CASES if not words or any(word in c[0] for word in words)]
    partners = [Partner(subject, *c[3], **c[5]) for c in chosen]
    subject.start()
    pool = ThreadPoolExecutor(AT_ONCE, initializer=in_namespace, initargs=(subject,))
    jobs = {turn: [(c[0], explained(partner, c[1], c[2]))
                   for c, partner in zip(chosen, partners) if c[4] == turn]
            for turn in (FIRST, TOGETHER, LAST)}

    @functools.cache
    def together():
        return {name: pool.submit(run) for name, run in jobs[TOGETHER]}

    def one_by_one(turn):
        return [(name, lambda run=run: pool.submit(run).result()) for name, run in jobs[turn]]
    ktap.run(one_by_one(FIRST) +
             [(name, lambda name=name: together()[name].result())
              for name, _ in jobs[TOGETHER]] +
             one_by_one(LAST))


if __name__ == "__main__":
    main()
