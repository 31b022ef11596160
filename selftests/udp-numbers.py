#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Numbered UDP datagrams: which of those sent have arrived?

udp-numbers.py receive ADDRESS PORT FILE    until a datagram says END; writes
                                            the numbers, in order of arrival
udp-numbers.py send ADDRESS PORT RATE SECONDS FILE
                                            at most so many a second; writes
                                            how many were sent, then says END
                                            a few times
udp-numbers.py compare SENT RECEIVED        prints what is lost, doubled and
                                            out of order; exits 1 where
                                            anything is lost or doubled
"""
import socket
import struct
import sys
import time

END = 0xffffffff
SO_RCVBUFFORCE = 33  # which the module socket does not have


def receive(address, port, path):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20)
    sock.bind((address, int(port)))
    sock.settimeout(300)
    print("ready", flush=True)
    numbers = []
    while True:
        number, = struct.unpack("!I", sock.recv(2048)[:4])
        if number == END:
            break
        numbers.append(number)
    with open(path, "w", encoding="ascii") as out:
        out.writelines(f"{n}\n" for n in numbers)


def send(address, port, rate, seconds, path):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_DGRAM)
    sock.connect((address, int(port)))
    begin = time.monotonic()
    total = 0
    while True:
        now = time.monotonic() - begin
        if now >= float(seconds):
            break
        wait = total / float(rate) - now
        if wait > 0.002:
            time.sleep(wait)
        sock.send(struct.pack("!I", total) + bytes(60))
        total += 1
    with open(path, "w", encoding="ascii") as out:
        out.write(f"{total}\n")
    for _ in range(5):
        time.sleep(0.5)
        try:
            sock.send(struct.pack("!I", END))
        except OSError:
            # the receiver has had its END, and is gone
            break


def compare(sent_path, received_path):
    with open(sent_path, encoding="ascii") as f:
        sent = int(f.read())
    with open(received_path, encoding="ascii") as f:
        received = [int(line) for line in f]
    lost = sent - len(set(received))
    doubled = len(received) - len(set(received))
    behind = sum(1 for a, b in zip(received, received[1:]) if b < a)
    print(f"{sent} sent, {lost} lost, {doubled} doubled, {behind} out of order")
    return 1 if lost or doubled else 0


if __name__ == "__main__":
    what, args = (sys.argv[1:2] or [""])[0], sys.argv[2:]
    if what == "receive" and len(args) == 3:
        sys.exit(receive(*args))
    if what == "send" and len(args) == 5:
        sys.exit(send(*args))
    if what == "compare" and len(args) == 2:
        sys.exit(compare(*args))
    sys.exit(__doc__)
