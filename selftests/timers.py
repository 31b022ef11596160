#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""What happens with time: keepalives, timeouts, and packets that wait."""

import os
import socket
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from cpnstest import ktap
from cpnstest.ktap import check, equal, wait_until
from cpnstest.pair import Pair, Session, load_module
from cpnstest.traffic import SLOW, Counters, Events, drain, udp_socket

PORT = 5010
SO_SNDBUFFORCE = 32
QUEUE_MAX, QUEUE_SECONDS = 128, 30


def listener(p):
    """Takes what is sent to a, so that the stack answers nothing."""
    return udp_socket(p.ns[0], p.a.overlay, PORT)


def inject_udp(p, sock, seq):
    p.inject(sock, p.a, p.session.seal(p.b, seq, p.udp(p.b, port=PORT)))


def send(p, count, first=0):
    """Numbered datagrams from a to b."""
    sock = udp_socket(p.ns[0], p.a.overlay)
    # What waits counts against the sender's buffer, which must hold it all.
    sock.setsockopt(socket.SOL_SOCKET, SO_SNDBUFFORCE, 1 << 22)
    for i in range(first, first + count):
        sock.sendto(i.to_bytes(4, "big"), (str(p.b.overlay), PORT))
    sock.close()


def received(sock):
    return [int.from_bytes(data, "big") for data, _ in drain(sock)]


def received_packet_is_answered():
    p = Pair(peer={"passive_keepalive": 400})
    rx, sock = listener(p), p.raw_socket(1)
    counters = Counters(p.a, p.b)
    begin = time.monotonic()
    inject_udp(p, sock, 1000)
    rx.recv(100)
    wait_until(lambda: counters.grown().get("tx-keepalives"), "keepalive", 3 * SLOW)
    took = time.monotonic() - begin
    check(0.35 <= took <= 1.2 * SLOW, f"it came after {took} s")
    # One for all that came, and an empty DATA asks for none.
    time.sleep(0.6)
    p.inject(sock, p.a, p.session.seal(p.b, 1001, b""))
    time.sleep(0.8)
    counters.expect(rx_packets=1, rx_bytes=len(p.udp(p.b)), tx_keepalives=1,
                    rx_keepalives=1)
    p.delete()


def sent_packet_is_answer_enough():
    p = Pair(peer={"passive_keepalive": 600})
    rx, sock = listener(p), p.raw_socket(1)
    counters = Counters(p.a, p.b)
    inject_udp(p, sock, 1000)
    rx.recv(100)
    send(p, 1)
    time.sleep(1)
    equal("keepalives", 0, counters.grown().get("tx-keepalives", 0))
    p.delete()


def nat_keepalive_keeps_its_interval():
    p = Pair()
    rx = udp_socket(p.ns[1], p.b.overlay, PORT)
    counters = Counters(p.a, p.b)
    p.a.set_peer(p.b, keepalive_interval=300)
    begin = time.monotonic()
    time.sleep(2)
    took = time.monotonic() - begin
    count = counters.grown().get("tx-keepalives", 0)
    check(4 <= count <= took / 0.3 + 1, f"{count} keepalives in {took} s, one each 300 ms is due")

    for _ in range(10):
        counters = Counters(p.a, p.b)
        end = last = time.monotonic()
        end, gap = end + 1, 0
        while time.monotonic() < end:
            send(p, 1)
            gap, last = max(gap, time.monotonic() - last), time.monotonic()
            time.sleep(0.05)
        if gap < 0.15:      # else the machine was too busy to tell
            break
    else:
        raise ktap.Skip("the machine is too busy to send every 150 ms")
    equal("keepalives beside traffic", 0, counters.grown().get("tx-keepalives", 0))

    p.a.set_peer(p.b, keepalive_interval=0)
    counters = Counters(p.a, p.b)
    time.sleep(0.8)
    equal("keepalives when off", 0, counters.grown().get("tx-keepalives", 0))
    rx.close()
    p.delete()


def silent_peer_is_told_of_once():
    p = Pair(peer={"timeout": 500})
    events = Events(p.a)
    p.ping()
    time.sleep(0.8)
    equal("timeouts", [], events.take("peer-timeout-ntf"))

    # From here on b is deaf and dumb.
    p.b.nl.do("key-del", ifindex=p.b.ifindex, eid=p.a.eid)
    for _ in range(2):
        begin = time.monotonic()
        send(p, 3)
        event = events.wait("peer-timeout-ntf")
        took = time.monotonic() - begin
        equal("event", (p.a.ifindex, p.b.eid), (event["ifindex"], event["eid"]))
        check(0.45 <= took <= 1.5 * SLOW, f"it came after {took} s")
        time.sleep(0.8)
        equal("more of them", [], events.take("peer-timeout-ntf"))

    # An empty DATA asks for no answer.
    p.a.nl.do("peer-keepalive", ifindex=p.a.ifindex, eid=p.b.eid)
    time.sleep(0.8)
    equal("timeouts", [], events.take("peer-timeout-ntf"))
    p.delete()


def session_is_asked_for_once_a_second():
    p = Pair(session=False)
    events = Events(p.a)
    begin = time.monotonic()
    while time.monotonic() - begin < 3.5:
        send(p, 1)
        time.sleep(0.05)
    took = time.monotonic() - begin
    got = events.take("acquire-ntf")
    check(3 <= len(got) <= took + 1, f"{len(got)} events in {took} s")
    equal("event", (p.a.ifindex, p.b.eid), (got[0]["ifindex"], got[0]["eid"]))
    p.delete()


def waiting_packets_are_delivered_in_order():
    p = Pair(session=False)
    rx = udp_socket(p.ns[1], p.b.overlay, PORT)
    counters = Counters(p.a, p.b)
    send(p, 100)
    equal("queued", 100, p.a.peer(p.b)["queued"])
    p.rekey()
    got = []
    wait_until(lambda: got.extend(received(rx)) or len(got) >= 100, "all has arrived")
    equal("order", list(range(100)), got)
    equal("queued", 0, p.a.peer(p.b)["queued"])
    equal("drops", {}, counters.drops())
    p.delete()


def oldest_of_too_many_goes():
    p = Pair(session=False)
    rx = udp_socket(p.ns[1], p.b.overlay, PORT)
    counters = Counters(p.a, p.b)
    # Not by one socket: what waits counts against its send buffer.
    for first in range(0, QUEUE_MAX + 22, 30):
        send(p, 30, first)
    counters.expect(tx_queue_full=22)
    equal("queued", QUEUE_MAX, p.a.peer(p.b)["queued"])
    p.rekey()
    got = []
    wait_until(lambda: got.extend(received(rx)) or len(got) >= QUEUE_MAX, "all has arrived")
    equal("order", list(range(22, QUEUE_MAX + 22)), got)
    p.delete()


def deleted_peer_drops_its_queue():
    p = Pair(session=False)
    counters = Counters(p.a)
    send(p, 5)
    p.a.nl.do("peer-del", ifindex=p.a.ifindex, eid=p.b.eid)
    counters.expect(tx_no_key=5)
    p.delete()


def packets_begin_to_wait():
    """Looked at in the last test, 30 s later."""
    global WAITING
    p = Pair(session=False)
    counters = Counters(p.a, p.b)
    send(p, 3)
    WAITING = (p, counters, time.monotonic())


def packets_do_not_wait_for_ever():
    p, counters, begin = WAITING
    time.sleep(max(0, begin + QUEUE_SECONDS - 2 - time.monotonic()))
    if time.monotonic() < begin + QUEUE_SECONDS - 1:
        equal("queued", 3, p.a.peer(p.b)["queued"])
    wait_until(lambda: counters.grown() == {"tx-no-key": 3}, "they are dropped", 5 * SLOW)
    equal("queued", 0, p.a.peer(p.b)["queued"])
    p.delete()


def never_is_no_age():
    p = Pair(session=False)
    peer = p.a.peer(p.b)
    for name in ("last-rx", "last-tx", "up"):
        check(name not in peer, f"{name} of a peer that was never heard: {peer.get(name)}")
    p.session = Session(p.a, p.b)
    p.session.install_at(p.b, slot="current")
    check(not p.b.peer(p.a).get("up"), "up without any authenticated DATA")
    check("last-rx" not in p.b.peer(p.a), "last-rx is there")
    p.session.install_at(p.a, slot="current")
    p.ping()
    peer = p.a.peer(p.b)
    check(peer.get("up"), "not up after authenticated DATA")
    for name in ("last-rx", "last-tx"):
        check(peer[name] < 1000 * SLOW, f"{name} is {peer[name]} ms")
    time.sleep(0.5)
    check(p.a.peer(p.b)["last-rx"] >= 450, "last-rx does not grow")
    p.delete()


def ages_of_a_key_end_it():
    p = Pair(session=False)
    events = Events(p.a)
    p.session = Session(p.a, p.b)
    soft, hard = 400 * SLOW, 1000 * SLOW
    p.session.install_at(p.a, soft_time=soft, hard_time=hard)
    begin = time.monotonic()
    for name, due in (("key-soft-ntf", soft), ("key-dead-ntf", hard)):
        event = events.wait(name)
        took = 1000 * (time.monotonic() - begin)
        equal(name, (p.session.sid[p.a], "time"), (event["sid"], event["cause"]))
        check(due - 150 * SLOW <= took <= due + 700 * SLOW, f"{name} after {took} ms, not {due}")
    equal("keys", [], p.a.keys())
    p.delete()


if __name__ == "__main__":
    load_module()
    ktap.run([
        packets_begin_to_wait,
        received_packet_is_answered,
        sent_packet_is_answer_enough,
        nat_keepalive_keeps_its_interval,
        silent_peer_is_told_of_once,
        session_is_asked_for_once_a_second,
        waiting_packets_are_delivered_in_order,
        oldest_of_too_many_goes,
        deleted_peer_drops_its_queue,
        never_is_no_age,
        ages_of_a_key_end_it,
        packets_do_not_wait_for_ever,
    ])
