# SPDX-License-Identifier: GPL-2.0
"""Things that a well-behaved peer does not do, and what must come of them.

Each function takes the Driver, does its mischief and records its checks.
BEFORE run before the handshake, AFTER once the session is up.
"""

import random
import secrets

from link import Link
from ss1 import wire
from ss1.identity import Entity
from ss1.handshake import Initiator
from ss1.inner import Echo
from ss1.keys import KeyRecord

SILENCE_S = 1.5
FLOOD = 30
GARBAGE = 200


def _strange_record(driver):
    """The same pair under a key that the other end cannot know."""
    key = driver.record.key
    return KeyRecord(secrets.token_bytes(16), secrets.token_bytes(32),
                     Entity(key.local.name, key.local.role),
                     Entity(key.remote.name, key.remote.role),
                     user_id=key.user_id, pure_psk=True)


def _arrived(driver, kinds, since):
    return [datagram for when, kind, datagram, lost in driver.handshake_in
            if kind in kinds and when >= since and not lost]


def _last_sent(driver, kind):
    return [datagram for _, sent, datagram, _ in driver.handshake_out
            if sent == kind][-1]


def unknown_key(driver):
    """HINT 1 that quotes the INIT, or silence (--demand-hint: the HINT)."""
    since = driver.now()
    stranger = Initiator(_strange_record(driver), driver.args.suites,
                         driver.args.lifetime, since)
    driver.transmit(stranger.init_datagram(), driver.node.endpoint)
    driver.pause(SILENCE_S)
    hints = [message for message in map(wire.parse, _arrived(driver, ("HINT",), since))
             if message.mac1 == stranger.mac1]
    others = _arrived(driver, ("RESP", "COOKIE"), since)
    about_it = [datagram for datagram in others if datagram[4:8] == stranger.sid_local]
    driver.check("unknown key is not answered but with HINT 1",
                 not about_it and all(hint.code == wire.HINT_KEY_UNKNOWN and
                                      hint.header.sid == wire.SID_NONE
                                      for hint in hints))
    if driver.args.demand_hint:
        driver.check("unknown key gets HINT 1", hints)


def flood(driver):
    """More INIT a second than are free: the next handshake needs a cookie."""
    for _ in range(FLOOD):
        extra = Initiator(driver.record.key, driver.args.suites,
                          driver.args.lifetime, driver.now())
        driver.transmit(extra.init_datagram(), driver.args.remote)


def check_flood(driver):
    """The real handshake came through although a cookie was asked for."""
    own = driver.node.initiator.mac1
    cookies = [message for message in
               map(wire.parse, _arrived(driver, ("COOKIE",), driver.began))
               if message.mac1 == own]
    driver.check("cookie demanded under load and obeyed",
                 cookies and driver.node.initiator.cookie == cookies[-1].cookie)


def forge_resp(driver):
    """Before the genuine RESP come forged ones; they must change nothing."""
    def forge(datagram, address):
        if datagram[:1] != bytes([wire.VERSION << 4 | wire.INIT]):
            return
        init = wire.parse(datagram)
        for suite in dict.fromkeys((*init.suites, 0x0001, 0x0101)):
            if suite not in wire.SUITES:
                continue
            e_r = secrets.token_bytes(32) if wire.SUITES[suite].x25519 else b""
            core = wire.resp_core(init.sid_i, init.header.src, init.header.dst,
                                  secrets.token_bytes(4), secrets.token_bytes(32),
                                  suite, e_r, init.lifetime, b"")
            driver.transmit(wire.signed(core, secrets.token_bytes(32)), address)
        driver.transmit(wire.cookie_datagram(
            init.sid_i, init.header.src, init.header.dst, secrets.token_bytes(16),
            secrets.token_bytes(17)), address)
    driver.before_receive = forge


def check_forge_resp(driver):
    driver.before_receive = None
    driver.check("forged RESP ignored", driver.node.up and
                 not driver.node.drops["auth_i"])


def repeat_init(driver):
    """A repeated INIT gets the stored RESP, to the byte, after CONFIRM too."""
    initiator = driver.node.initiator
    first = _arrived(driver, ("RESP",), driver.began)[-1]
    since = driver.now()
    for _ in range(3):
        driver.transmit(initiator.init_datagram(), driver.node.endpoint)
        driver.pause(0.3)
    answers = _arrived(driver, ("RESP",), since)
    driver.check("repeated INIT gets the same RESP",
                 answers and all(answer == first for answer in answers),
                 f"{len(answers)} answers to 3")


def repeat_confirm(driver):
    """A repeated CONFIRM gets a new empty DATA, at most one a second."""
    driver.pause(1.1)
    confirm = driver.node.initiator.confirm_datagram()
    since = driver.now()
    for _ in range(10):
        driver.transmit(confirm, driver.node.endpoint)
        driver.pause(0.2)
    driver.pause(0.5)
    times = [when for when in driver.empties if when >= since]
    took = driver.now() - since
    driver.check("repeated CONFIRM gets an empty DATA, at most one a second",
                 1 <= len(times) <= took + 1, f"{len(times)} in {took:.1f} s")


def repeat_resp(driver):
    """A repeated RESP gets the same CONFIRM."""
    first = _arrived(driver, ("CONFIRM",), driver.began)[-1]
    since = driver.now()
    driver.transmit(_last_sent(driver, "RESP"), driver.node.endpoint)
    driver.pause(SILENCE_S)
    answers = _arrived(driver, ("CONFIRM",), since)
    driver.check("repeated RESP gets the same CONFIRM",
                 answers and all(answer == first for answer in answers))


def replay(driver):
    """A DATA that was taken once is not taken again."""
    token, datagram = driver.request()
    driver.wait(lambda: driver.replies[token], 10)
    for _ in range(3):
        driver.transmit(datagram, driver.node.endpoint)
    other_hops = datagram[:2] + b"\x03" + datagram[3:]
    driver.transmit(other_hops, driver.node.endpoint)
    driver.pause(SILENCE_S)
    driver.check("replayed DATA has no effect", driver.replies[token] == 1,
                 f"{driver.replies[token]} replies")


def forged_data(driver):
    """One changed bit anywhere, and nothing comes of it; then all is well."""
    session = driver.node.current
    packet = Echo(driver.record.local_address, driver.record.remote_address, True,
                  driver.ident, 0, b"forged").pack()
    genuine = session.seal(packet, driver.now())
    driver.asked["echo", driver.ident, 0] = b"forged"
    for offset in (1, 3, 12, 20, 31, 40, len(genuine) - 1):
        changed = bytearray(genuine)
        changed[offset] ^= 0x04
        driver.transmit(bytes(changed), driver.node.endpoint)
    driver.transmit(genuine[:-1], driver.node.endpoint)
    driver.transmit(genuine + b"\0", driver.node.endpoint)
    driver.pause(SILENCE_S)
    driver.check("forged DATA has no effect",
                 not driver.replies["echo", driver.ident, 0])
    driver.transmit(genuine, driver.node.endpoint)
    driver.check("a forgery does not use up the seq",
                 driver.wait(lambda: driver.replies["echo", driver.ident, 0], 5))


def foreign_source(driver):
    """An inner packet in another's name is dropped although its tag is good."""
    stranger = driver.record.local_address + 1
    packet = Echo(stranger, driver.record.remote_address, True, driver.ident, 1,
                  b"spoofed")
    before = len(driver.seqs[driver.node.current.sid_local])
    driver.node.send(packet.pack(), driver.now())
    driver.flush()
    driver.pause(SILENCE_S)
    driver.check("a foreign inner source is dropped",
                 len(driver.seqs[driver.node.current.sid_local]) == before)


def reflect(driver):
    """The peer's own DATA sent back to it has no effect."""
    caught = []

    def catch(datagram, _address):
        if datagram[:1] == bytes([wire.VERSION << 4 | wire.DATA]):
            caught.append(datagram)
    driver.before_receive = catch
    driver.ask()
    driver.before_receive = None
    served = driver.served
    for datagram in caught:
        own = driver.node.current
        turned = datagram[:4] + own.sid_remote + datagram[16:24] + datagram[8:16] + \
            datagram[24:]
        driver.transmit(datagram, driver.node.endpoint)
        driver.transmit(turned, driver.node.endpoint)
    driver.pause(SILENCE_S)
    driver.check("reflected DATA has no effect", caught and driver.served == served)


def garbage(driver):
    """Random bytes and mutated messages; the session goes on."""
    source = random.Random(driver.args.seed)
    _, datagram = driver.request()
    stock = [datagram] + [sent for _, _, sent, _ in driver.handshake_out]
    for number in range(GARBAGE):
        junk = bytearray(source.choice(stock))
        if number % 4 == 0:
            junk = bytearray(source.randbytes(source.randrange(1, 200)))
        elif number % 4 == 1:
            del junk[source.randrange(len(junk)):]
        else:
            for _ in range(source.randrange(1, 4)):
                junk[source.randrange(len(junk))] ^= 1 << source.randrange(8)
        if junk:
            driver.transmit(bytes(junk), driver.node.endpoint)
        if number % 20 == 19:
            driver.pause(0.05)
    driver.pause(0.5)
    driver.check("the session outlives garbage", driver.ask())


def keepalive(driver):
    """Who received and has sent nothing for 10 s sends an empty DATA."""
    driver.pause(1.5)
    since, heard = driver.now(), driver.last_authenticated
    unasked = Echo(driver.record.local_address, driver.record.remote_address, False,
                   driver.ident, 0xffff, b"no answer is due to a reply")
    driver.node.send(unasked.pack(), since)
    driver.flush()
    came = driver.wait(lambda: any(when > since for when in driver.empties), 13)
    silent = driver.now() - heard
    driver.check("keepalive after 10 s of silence", came and silent >= 9.5,
                 f"{silent:.1f} s")


def rekey(driver):
    """A new handshake under traffic: every request is answered, once."""
    old = driver.node.current
    done = driver.node.handshakes
    lossy = driver.link.faults.lossy or driver.args.lossy_path
    tokens = [driver.request()[0] for _ in range(5)]
    driver.node.start(driver.now())
    ready = lambda: driver.node.handshakes > done
    end = driver.now() + driver.args.timeout
    while not ready() and driver.now() < end:
        tokens.append(driver.request()[0])
        driver.step(0.02)
    for _ in range(20):
        tokens.append(driver.request()[0])
        driver.step(0.02)
    driver.check("rekey done", ready() and driver.node.current is not old)
    driver.wait(lambda: all(driver.replies[token] for token in tokens), 5)
    lost = [token for token in tokens if not driver.replies[token]]
    if not lossy:
        driver.check("rekey loses nothing", not lost, f"{len(lost)} of {len(tokens)}")
    late = Echo(driver.record.local_address, driver.record.remote_address, True,
                driver.ident, 0xfffe, b"late")
    driver.asked["echo", driver.ident, 0xfffe] = b"late"
    driver.transmit(old.seal(late.pack(), driver.now()), driver.node.endpoint)
    answered = driver.wait(lambda: driver.replies["echo", driver.ident, 0xfffe], 5)
    if not lossy:
        driver.check("the old key still receives", answered)


def restart(driver):
    """All state is lost: a new handshake gets through, whatever session stands."""
    driver.node = driver.new_node()
    if driver.args.role == "initiator":
        driver.node.start(driver.now())
    driver.check("a session again after a restart",
                 driver.wait(lambda: driver.node.up, driver.args.timeout) and
                 driver.ask())


def roam(driver):
    """From another port: the peer follows the newest authenticated DATA."""
    old = driver.link
    host = old.socket.getsockname()[0]
    driver.link = Link((host, 0), old.faults)
    driver.link.on_lost = old.on_lost
    driver.check("the peer follows to a new port", driver.ask())
    old.socket.close()


# name -> (before the handshake, once the session is up)
EXERCISES = {
    "unknown-key": (None, unknown_key),
    "flood": (flood, check_flood),
    "forge-resp": (forge_resp, check_forge_resp),
    "repeat-init": (None, repeat_init),
    "repeat-confirm": (None, repeat_confirm),
    "repeat-resp": (None, repeat_resp),
    "replay": (None, replay),
    "forged-data": (None, forged_data),
    "foreign-source": (None, foreign_source),
    "reflect": (None, reflect),
    "garbage": (None, garbage),
    "keepalive": (None, keepalive),
    "rekey": (None, rekey),
    "restart": (None, restart),
    "roam": (None, roam),
}
INITIATOR_ONLY = {"flood", "repeat-init", "repeat-confirm", "rekey"}
RESPONDER_ONLY = {"forge-resp", "repeat-resp"}
