"""permessage-deflate as a conformance suite goes through it: offers of all kinds, messages of all sizes, whole and in fragments, compressed with and
without context on either side, echoed and inflated with no more window than was agreed (RFC 7692; what Autobahn's sections 12 and 13 try)."""

import json
import random
import zlib

import pytest

from support.app import echo
from support.frames import BINARY, CONTINUATION, TEXT

SIZES = [16, 64, 256, 1024, 4096, 8192, 16_384, 32_768, 65_536, 131_072]
TAIL = b"\0\0\xff\xff"
OFFERS = {
    "nothing asked": "permessage-deflate",
    "client_max_window_bits": "permessage-deflate; client_max_window_bits",
    "no context, please": "permessage-deflate; server_no_context_takeover; client_max_window_bits",
    "window 9": "permessage-deflate; server_max_window_bits=9; client_max_window_bits",
    "window 15": "permessage-deflate; server_max_window_bits=15; client_max_window_bits",
    "window 9, no context": "permessage-deflate; server_max_window_bits=9; server_no_context_takeover; client_max_window_bits",
    "window 15, no context": "permessage-deflate; server_max_window_bits=15; server_no_context_takeover; client_max_window_bits",
    "own context given up": "permessage-deflate; client_no_context_takeover",
    "several, the first unknown": "permessage-bzip2, permessage-deflate; server_max_window_bits=7, permessage-deflate; server_max_window_bits=10, permessage-deflate",
}
JSON = json.dumps([{"id": n, "dish": ["chow mein", "鱼香肉丝", "🍜"][n % 3], "price": n / 7} for n in range(4000)], ensure_ascii=False).encode()
PAYLOADS = {"JSON": (TEXT, JSON), "noise": (BINARY, random.Random(7).randbytes(140_000)), "one letter": (TEXT, b"a" * 140_000)}


class Peer:
    """A client that compresses and inflates as was agreed, and keeps its own context for as long as it may."""

    def __init__(self, connection, offer):
        self.c = connection
        answer = connection.response.header("Sec-WebSocket-Extensions")
        name, *parameters = [x.strip() for x in answer.split(";")]
        assert name == "permessage-deflate"
        self.agreed = dict((x.split("=") + [""])[:2] for x in parameters)
        asked = {x.strip().split("=")[0] for one in offer.split(",") for x in one.split(";")[1:]}
        assert set(self.agreed) <= asked, "the answer has what was not offered"
        self.own_bits = -int(self.agreed.get("client_max_window_bits") or 15)
        self.server_bits = -int(self.agreed.get("server_max_window_bits") or 15)
        self.deflater = self.inflater = None

    def compressed(self, data):
        if self.deflater is None or "client_no_context_takeover" in self.agreed:
            self.deflater = zlib.compressobj(wbits=min(self.own_bits, -9))
        out = self.deflater.compress(data) + self.deflater.flush(zlib.Z_SYNC_FLUSH)
        assert out.endswith(TAIL)
        return out[:-4]

    def send(self, kind, data, fragment=0):
        data = self.compressed(data)
        parts = [data[i:i + fragment] for i in range(0, len(data), fragment)] if fragment else [data]
        for i, part in enumerate(parts):
            self.c.frame(CONTINUATION if i else kind, part, fin=i == len(parts) - 1, rsv=0 if i else 4)

    def recv(self):
        parts, compressed = [], False
        while True:
            fin, rsv, opcode, payload = self.c.recv_frame(20)
            if opcode == 9:
                self.c.frame(10, payload)
                continue
            compressed = compressed or rsv == 4
            parts.append(payload)
            if fin:
                break
        whole = b"".join(parts)
        if not compressed:
            return whole
        if self.inflater is None or "server_no_context_takeover" in self.agreed:
            self.inflater = zlib.decompressobj(self.server_bits)
        return self.inflater.decompress(whole + TAIL)


def cut(kind, data, size):
    """At a whole character."""
    return data[:size].decode("utf-8", "ignore").encode() if kind == TEXT else data[:size]


@pytest.fixture
def peer(world):
    pod = world.pod(routes=[{"path": "/ws/{rest...}", "deflate": True}])
    pod.app.answer(message=echo)
    return lambda offer: Peer(world.connect(pod, headers=[("Sec-WebSocket-Extensions", offer)], timeout=20), offer)


@pytest.mark.parametrize("payload", list(PAYLOADS))
@pytest.mark.parametrize("offer", list(OFFERS))
def test_messages_of_all_sizes_come_back_as_they_were(peer, offer, payload):
    p = peer(OFFERS[offer])
    kind, data = PAYLOADS[payload]
    for size in SIZES:
        message = cut(kind, data, size)
        for fragment in (0, max(size // 7, 1)):
            p.send(kind, message, fragment)
            assert p.recv() == message, (size, fragment)


def test_messages_with_and_without_compression_take_turns(peer):
    p = peer(OFFERS["nothing asked"])
    for n in range(30):
        message = cut(TEXT, JSON, 100 + 37 * n)
        if n % 3 == 1:
            p.c.frame(TEXT, message)  # is not in the window
        else:
            p.send(TEXT, message, 50 if n % 2 else 0)
            p.c.ping(b"12345678")  # neither
        answers = []
        while len(answers) < 1:
            fin, rsv, opcode, payload = p.c.recv_frame(20)
            if opcode == 10:
                continue
            p.c.buffer = _frame_again(fin, rsv, opcode, payload) + p.c.buffer
            answers.append(p.recv())
        assert answers == [message], n


def _frame_again(fin, rsv, opcode, payload):
    head = bytes([(0x80 if fin else 0) | rsv << 4 | opcode])
    n = len(payload)
    return head + (bytes([n]) if n < 126 else b"\x7e" + n.to_bytes(2, "big") if n < 65_536 else b"\x7f" + n.to_bytes(8, "big")) + payload


@pytest.mark.parametrize("parameters", ["server_max_window_bits", "server_max_window_bits=8x", "server_max_window_bits=16", "client_max_window_bits=7",
                                        "server_no_context_takeover=1", "unknown", "client_max_window_bits; client_max_window_bits"])
def test_an_offer_that_nobody_may_take_is_not_taken(world, parameters):
    pod = world.pod(routes=[{"path": "/ws/{rest...}", "deflate": True}])
    c = world.connect(pod, headers=[("Sec-WebSocket-Extensions", f"permessage-deflate; {parameters}")])
    assert c.response.header("Sec-WebSocket-Extensions") is None
    c.frame(TEXT, b"x", rsv=4)
    assert c.closed()[0] == 1002


def test_an_empty_message_is_one(peer):
    p = peer(OFFERS["nothing asked"])
    p.c.frame(TEXT, b"\x00", rsv=4)  # RFC 7692 section 7.2.3.6
    p.send(TEXT, b"behind")
    got = p.recv()
    assert got in (b"", b"behind"), "an empty answer is no message"
    if got == b"":
        assert p.recv() == b"behind"


def test_blocks_of_all_kinds_are_understood(peer):
    """RFC 7692 section 7.2.3: stored, fixed, several blocks, BFINAL."""
    p = peer(OFFERS["own context given up"])
    for compressed in (b"\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00", bytes.fromhex("f248cdc9c90700"), bytes.fromhex("f24805000000ffffcac9c90700"),
                       bytes.fromhex("f348cdc9c9070000")):
        p.c.frame(TEXT, compressed, rsv=4)
        assert p.recv() == b"Hello", compressed
