#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Slots of the keys, and how a session follows another with nothing lost."""

import os
import sys
import time
from contextlib import contextmanager

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from cpnstest import ktap
from cpnstest.ktap import check, equal, wait_until
from cpnstest.nl import Refused
from cpnstest.pair import PORT, Pair, Session, load_module
from cpnstest.traffic import SLOW, Counters, Events, Stream, Tap, TcpStream, is_udp, udp_socket

REKEY_EVERY, LOAD_SECONDS = 0.5, 15


def slots(end):
    """Local sid to slot."""
    return {k["local-sid"]: k["slot"] for k in end.keys()}


def key(end, sid):
    return end.nl.do("key-get", ifindex=end.ifindex, local_sid=sid)


def rekey(p, initiator):
    """A new session in the way of a handshake, whose messages p's test plays."""
    responder = p.b if initiator is p.a else p.a
    session = Session(initiator, responder)
    session.install_at(initiator, slot="next")
    session.install_at(responder, slot="current")
    p.session = session
    return session


def next_is_promoted_by_its_first_data():
    p = Pair()
    first, events = p.session, Events(p.a)
    second = Session(p.a, p.b)
    second.install_at(p.a, slot="next")
    p.ping()
    equal("slots", {first.sid[p.a]: "current", second.sid[p.a]: "next"}, slots(p.a))
    equal("sent with next", 0, key(p.a, second.sid[p.a])["tx-packets"])
    equal("events", [], events.take("key-promoted-ntf"))

    second.install_at(p.b, slot="current")
    event = events.wait("key-promoted-ntf")
    equal("event", (p.b.eid, second.sid[p.a]), (event["eid"], event["sid"]))
    equal("a", {first.sid[p.a]: "previous", second.sid[p.a]: "current"}, slots(p.a))
    equal("b", {first.sid[p.b]: "previous", second.sid[p.b]: "current"}, slots(p.b))
    p.ping()
    equal("sent with it", 1, key(p.a, second.sid[p.a])["tx-packets"])
    check(key(p.a, second.sid[p.a]).get("confirmed"), "it is not confirmed")
    equal("dead", [], events.take("key-dead-ntf"))
    p.delete()


def next_sends_where_there_is_no_other():
    p = Pair(session=False)
    p.session = Session(p.a, p.b)
    tap, tx = Tap(p.ns[1], "veth0"), udp_socket(p.ns[0], p.a.overlay)
    begin = time.monotonic()
    p.session.install_at(p.a, slot="next")
    tx.sendto(b"x", (str(p.b.overlay), 5006))
    while not is_udp(tap.sock.recv(2000)):
        pass
    took = time.monotonic() - begin
    # The CONFIRM has so long to arrive before the DATA does.
    check(0.1 <= took <= 1 * SLOW, f"it was sent after {took} s")
    equal("slot", {p.session.sid[p.a]: "next"}, slots(p.a))
    equal("queued", 0, p.a.peer(p.b)["queued"])
    equal("more of them", 0, sum(map(is_udp, tap.packets())))
    tx.close()
    p.delete()


@contextmanager
def one_cpu():
    """What the CPUs do side by side has no order that one could ask for."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def session_that_comes_amid_traffic_keeps_the_order():
    """What waits goes first, and nothing overtakes it."""
    with one_cpu():
        session_comes()


def session_comes():
    p = Pair(session=False)
    for _ in range(3):
        stream = Stream((p.ns[0], p.a.overlay), (p.ns[1], p.b.overlay), rate=500)
        time.sleep(0.1)
        rekey(p, p.a)
        time.sleep(0.3)
        stream.stop()
        stream.expect_complete()
        p.a.nl.do("key-del", ifindex=p.a.ifindex, eid=p.b.eid)
    p.delete()


def first_data_lets_the_queue_go_at_once():
    p = Pair(session=False)
    rx = udp_socket(p.ns[1], p.b.overlay, 5003)
    tx = udp_socket(p.ns[0], p.a.overlay)
    for i in range(20):
        tx.sendto(bytes([i]), (str(p.b.overlay), 5003))
    equal("queued", 20, p.a.peer(p.b)["queued"])
    rekey(p, p.a)
    got = [rx.recv(100)[0] for _ in range(20)]
    equal("order", list(range(20)), got)
    equal("slot", {p.session.sid[p.a]: "current"}, slots(p.a))
    for sock in (rx, tx):
        sock.close()
    p.delete()


def previous_receives_then_dies():
    """Begun here and looked at in the last test, 60 s later."""
    global OLD
    p = Pair()
    old, events = p.session, Events(p.a)
    rekey(p, p.a)
    events.wait("key-promoted-ntf")
    sock = p.raw_socket(1)
    counters = Counters(p.a, p.b)
    p.inject(sock, p.a, old.seal(p.b, 5000, b""))
    counters.expect(rx_keepalives=1)
    equal("slot", "previous", slots(p.a)[old.sid[p.a]])
    OLD = (p, old, events, sock, time.monotonic())


def previous_is_dead_after_a_minute():
    p, old, events, sock, begin = OLD
    time.sleep(max(0, begin + 58 - time.monotonic()))
    check(old.sid[p.a] in slots(p.a) or time.monotonic() > begin + 59, "it died early")
    event = events.wait("key-dead-ntf", 10)
    equal("event", (p.b.eid, old.sid[p.a], "replaced"),
          (event["eid"], event["sid"], event["cause"]))
    equal("keys", {p.session.sid[p.a]: "current"}, slots(p.a))
    counters = Counters(p.a)
    p.inject(sock, p.a, old.seal(p.b, 5001, b""))
    counters.expect(rx_unknown_sid=1)
    p.delete()


def previous_dies_by_its_own_time():
    p = Pair(session=False)
    p.session = Session(p.a, p.b)
    p.session.install(hard_time=1000 * SLOW)
    old, events = p.session, Events(p.a)
    rekey(p, p.a)
    equal("slot", "previous", slots(p.a)[old.sid[p.a]])
    event = events.wait("key-dead-ntf")
    equal("event", (old.sid[p.a], "time"), (event["sid"], event["cause"]))
    p.delete()


def next_is_demoted():
    p = Pair()
    own = Session(p.a, p.b)
    own.install_at(p.a, slot="next")
    events = Events(p.a)
    winner = Session(p.b, p.a)
    winner.install_at(p.a, slot="current", demote_next=True)
    equal("slots", {p.session.sid[p.a]: "previous", own.sid[p.a]: "previous",
                    winner.sid[p.a]: "current"}, slots(p.a))
    sock = p.raw_socket(1)
    counters = Counters(p.a, p.b)
    p.inject(sock, p.a, own.seal(p.b, 7, b""))
    counters.expect(rx_keepalives=1)
    equal("promoted", [], events.take("key-promoted-ntf"))
    equal("slot", "previous", slots(p.a)[own.sid[p.a]])
    p.delete()


def previous_slot_is_never_promoted():
    p = Pair()
    events = Events(p.a)
    loser = Session(p.b, p.a)
    loser.install_at(p.a, slot="previous")
    equal("slots", {p.session.sid[p.a]: "current", loser.sid[p.a]: "previous"}, slots(p.a))
    sock = p.raw_socket(1)
    counters = Counters(p.a, p.b)
    p.inject(sock, p.a, loser.seal(p.b, 7, b""))
    counters.expect(rx_keepalives=1)
    equal("promoted", [], events.take("key-promoted-ntf"))
    # From b's side, since a answers where it heard b last.
    p.ns[1].sh("ping", "-c", 1, "-W", 2 * SLOW, p.a.overlay)
    equal("slots", {p.session.sid[p.a]: "current", loser.sid[p.a]: "previous"}, slots(p.a))
    p.delete()


def two_previous_ones_live_on():
    p = Pair()
    sessions, events = [p.session], Events(p.a)
    for _ in range(3):
        sessions.append(rekey(p, p.a))
        events.wait("key-promoted-ntf")
    equal("slots", {sessions[1].sid[p.a]: "previous", sessions[2].sid[p.a]: "previous",
                    sessions[3].sid[p.a]: "current"}, slots(p.a))
    dead = events.take("key-dead-ntf")
    equal("dead", [(sessions[0].sid[p.a], "replaced")],
          [(e["sid"], e["cause"]) for e in dead])
    sock = p.raw_socket(1)
    counters = Counters(p.a, p.b)
    for session in sessions[1:]:
        p.inject(sock, p.a, session.seal(p.b, 5000, b""))
    counters.expect(rx_keepalives=3)
    p.delete()


def second_next_replaces_the_first():
    p = Pair()
    events, first, second = Events(p.a), Session(p.a, p.b), Session(p.a, p.b)
    first.install_at(p.a, slot="next")
    second.install_at(p.a, slot="next")
    event = events.wait("key-dead-ntf")
    equal("dead", (first.sid[p.a], "replaced"), (event["sid"], event["cause"]))
    equal("slots", {p.session.sid[p.a]: "current", second.sid[p.a]: "next"}, slots(p.a))
    p.delete()


def deleted_key_leaves_a_queue():
    p = Pair()
    events, sid = Events(p.a), p.session.sid[p.a]
    p.a.nl.do("key-del", ifindex=p.a.ifindex, eid=p.b.eid, local_sid=sid)
    event = events.wait("key-dead-ntf")
    equal("dead", (p.b.eid, sid, "deleted"), (event["eid"], event["sid"], event["cause"]))
    try:
        key(p.a, sid)
        check(False, "the key is still there")
    except Refused:
        pass
    rx, tx = udp_socket(p.ns[1], p.b.overlay, 5004), udp_socket(p.ns[0], p.a.overlay)
    tx.sendto(b"waits", (str(p.b.overlay), 5004))
    equal("acquire", p.b.eid, events.wait("acquire-ntf")["eid"])
    equal("queued", 1, p.a.peer(p.b)["queued"])
    rekey(p, p.a)
    equal("datagram", b"waits", rx.recv(100))

    p.a.nl.do("key-del", ifindex=p.a.ifindex, eid=p.b.eid)
    equal("keys", {}, slots(p.a))
    for sock in (rx, tx):
        sock.close()
    p.delete()


def deleted_peer_takes_its_keys_along():
    p = Pair()
    events, first = Events(p.a), p.session
    second = rekey(p, p.a)
    events.wait("key-promoted-ntf")
    p.a.nl.do("peer-del", ifindex=p.a.ifindex, eid=p.b.eid)
    dead = {events.wait("key-dead-ntf")["sid"] for _ in range(2)}
    equal("dead", {first.sid[p.a], second.sid[p.a]}, dead)
    counters = Counters(p.a)
    tx = udp_socket(p.ns[0], p.a.overlay)
    tx.sendto(b"x", (str(p.b.overlay), 5005))
    counters.expect(tx_no_peer=1)
    counters = Counters(p.a)
    p.inject(p.raw_socket(1), p.a, second.seal(p.b, 5001, b""))
    counters.expect(rx_unknown_sid=1)

    # The same entity may come back, and with a new session all is well.
    p.a.nl.do("peer-new", ifindex=p.a.ifindex, eid=p.b.eid,
              endpoint={"addr4": int.from_bytes(bytes([10, 77, 0, 2]), "big"), "port": PORT})
    rekey(p, p.a)
    p.ping()
    tx.close()
    p.delete()


def rekey_under_load(p, seconds=LOAD_SECONDS):
    """New sessions all the time, begun by one end and by the other."""
    before = [Counters(p.a), Counters(p.b)]
    end, count = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        rekey(p, (p.a, p.b)[count % 2])
        count += 1
        time.sleep(REKEY_EVERY)
    check(count >= seconds / REKEY_EVERY / 4, f"only {count} sessions")
    print(f"# {count} sessions")
    return before


def expect_no_drops(before):
    for counters in before:
        equal(f"drops at {counters.end.entity.role}", {}, counters.drops())


def udp_loses_nothing():
    udp_under_load(LOAD_SECONDS, ordered=False)


def udp_keeps_its_order():
    with one_cpu():
        udp_under_load(LOAD_SECONDS / 2, ordered=True)


def udp_under_load(seconds, ordered):
    p = Pair()
    there = Stream((p.ns[0], p.a.overlay), (p.ns[1], p.b.overlay), rate=2000)
    back = Stream((p.ns[1], p.b.overlay), (p.ns[0], p.a.overlay), rate=500)
    before = rekey_under_load(p, seconds)
    for stream in (there, back):
        stream.stop()
        print(f"# {stream.sent / seconds:.0f} datagrams a second")
    expect_no_drops(before)
    for end, other in ((p.a, p.b), (p.b, p.a)):
        equal(f"packets to {other.entity.role} that arrived",
              end.stats(other)["tx-packets"], other.stats(end)["rx-packets"])
    for stream in (there, back):
        stream.expect_complete(ordered)
    p.delete()


def tcp_does_not_stall():
    p = Pair()
    tcp = TcpStream((p.ns[0], p.a.overlay), (p.ns[1], p.b.overlay))
    before = rekey_under_load(p)
    received, gap = tcp.stop()
    print(f"# {received / LOAD_SECONDS / 125000:.1f} Mbit/s, longest pause {gap:.3f} s")
    expect_no_drops(before)
    check(gap < 1 * SLOW, f"TCP stood still for {gap} s")
    wait_until(lambda: p.a.stats(p.b)["tx-packets"] == p.b.stats(p.a)["rx-packets"],
               "all that was sent has arrived")
    p.delete()


if __name__ == "__main__":
    load_module()
    ktap.run([
        previous_receives_then_dies,
        next_is_promoted_by_its_first_data,
        next_sends_where_there_is_no_other,
        first_data_lets_the_queue_go_at_once,
        session_that_comes_amid_traffic_keeps_the_order,
        previous_dies_by_its_own_time,
        next_is_demoted,
        previous_slot_is_never_promoted,
        two_previous_ones_live_on,
        second_next_replaces_the_first,
        deleted_key_leaves_a_queue,
        deleted_peer_takes_its_keys_along,
        udp_loses_nothing,
        udp_keeps_its_order,
        tcp_does_not_stall,
        previous_is_dead_after_a_minute,
    ])
