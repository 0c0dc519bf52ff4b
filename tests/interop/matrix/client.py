"""A client of one of Python's libraries that does what matrix_test.py asks for: client.py LIBRARY URL.

It offers chat.v9 and chat.v2, says `hello` and what was chosen, sends back what it gets, and obeys `!close` and `!fragments`. It prints how the
connection was closed, and dials again where there was no close frame.
"""

import asyncio
import sys
import time
from urllib.parse import urlparse

OFFERED = ["chat.v9", "chat.v2"]
GOODBYE = (4005, "bye ✓")
PARTS = ["f" * 70_000, "r" * 10, "ä" * 1000]


def closed(code, reason=""):
    print(f"closed {code or 1006} {reason or ''}".rstrip(), flush=True)
    sys.exit(0)


async def websockets_asyncio(url):
    import websockets
    async with websockets.connect(url, subprotocols=OFFERED, max_size=None) as c:
        await c.send(f"hello {c.subprotocol}")
        try:
            while True:
                m = await c.recv()
                if m == "!close":
                    await c.close(*GOODBYE)
                elif m == "!fragments":
                    await c.send(iter(PARTS))
                else:
                    await c.send(m)
        except websockets.ConnectionClosed as e:
            if e.rcvd:
                closed(e.rcvd.code, e.rcvd.reason)


def websockets_sync(url):
    import websockets.sync.client
    from websockets.exceptions import ConnectionClosed
    with websockets.sync.client.connect(url, subprotocols=OFFERED, max_size=None) as c:
        c.send(f"hello {c.subprotocol}")
        try:
            while True:
                m = c.recv()
                if m == "!close":
                    c.close(*GOODBYE)
                elif m == "!fragments":
                    c.send(iter(PARTS))
                else:
                    c.send(m)
        except ConnectionClosed as e:
            if e.rcvd:
                closed(e.rcvd.code, e.rcvd.reason)


async def aiohttp(url):
    import aiohttp as library
    async with library.ClientSession() as session:
        async with session.ws_connect(url, protocols=OFFERED, compress=15, max_msg_size=0) as c:
            await c.send_str(f"hello {c.protocol}")
            while True:
                m = await c.receive()
                if m.type == library.WSMsgType.CLOSE or (m.type == library.WSMsgType.CLOSED and c.close_code not in (None, 1006)):
                    closed(m.data or c.close_code, m.extra)
                elif m.type not in (library.WSMsgType.TEXT, library.WSMsgType.BINARY):
                    return
                elif m.data == "!close":
                    await c.close(code=GOODBYE[0], message=GOODBYE[1].encode())
                    closed(GOODBYE[0])
                elif m.data == "!fragments":
                    await c.send_str("!none")
                elif m.type == library.WSMsgType.TEXT:
                    await c.send_str(m.data)
                else:
                    await c.send_bytes(m.data)


def websocket_client(url):
    import websocket
    c = websocket.create_connection(url, subprotocols=OFFERED)
    c.send(f"hello {c.getsubprotocol()}")
    while True:
        opcode, data = c.recv_data()
        if opcode == websocket.ABNF.OPCODE_CLOSE:
            closed(int.from_bytes(data[:2], "big"), data[2:].decode())
        if data == b"!close":
            c.close(*GOODBYE[:1], reason=GOODBYE[1].encode())
            closed(GOODBYE[0])
        elif data == b"!fragments":
            for i, part in enumerate(PARTS):
                c.send_frame(websocket.ABNF.create_frame(part.encode(), 1 if i == 0 else 0, 1 if i == len(PARTS) - 1 else 0))
        else:
            c.send(data.decode() if opcode == 1 else data, opcode)


def wsproto(url):
    import socket

    from wsproto import ConnectionType, WSConnection, events
    from wsproto.extensions import PerMessageDeflate
    where = urlparse(url)
    s = socket.create_connection((where.hostname, where.port))
    w = WSConnection(ConnectionType.CLIENT)
    s.sendall(w.send(events.Request(host=where.netloc, target=where.path, subprotocols=OFFERED, extensions=[PerMessageDeflate()])))
    texts, parts = [], []
    while True:
        data = s.recv(65536)
        w.receive_data(data or None)
        for e in w.events():
            out = b""
            if isinstance(e, events.AcceptConnection):
                out = w.send(events.TextMessage(data=f"hello {e.subprotocol}"))
            elif isinstance(e, events.Ping):
                out = w.send(e.response())
            elif isinstance(e, events.CloseConnection):
                if w.state.name != "CLOSED":
                    s.sendall(w.send(e.response()))
                if e.code != 1006:
                    closed(e.code, e.reason)
                return
            elif isinstance(e, events.TextMessage):
                texts.append(e.data)
                if e.message_finished:
                    m = "".join(texts)
                    texts.clear()
                    if m == "!close":
                        out = w.send(events.CloseConnection(*GOODBYE))
                    elif m == "!fragments":
                        out = b"".join(w.send(events.TextMessage(p, message_finished=p is PARTS[-1])) for p in PARTS)
                    else:
                        out = w.send(events.TextMessage(m))
            elif isinstance(e, events.BytesMessage):
                parts.append(bytes(e.data))
                if e.message_finished:
                    out = w.send(events.BytesMessage(b"".join(parts)))
                    parts.clear()
            if out:
                s.sendall(out)
        if not data:
            return


async def tornado(url):
    from tornado.websocket import websocket_connect
    c = await websocket_connect(url, subprotocols=OFFERED, compression_options={}, max_message_size=1 << 24)
    await c.write_message(f"hello {c.selected_subprotocol}")
    while True:
        m = await c.read_message()
        if m is None:
            if c.close_code:
                closed(c.close_code, c.close_reason)
            return
        if m == "!close":
            c.close(*GOODBYE)
        elif m == "!fragments":
            await c.write_message("!none")
        else:
            await c.write_message(m, binary=isinstance(m, bytes))


def autobahn(url):
    from autobahn.twisted.websocket import WebSocketClientFactory, WebSocketClientProtocol, connectWS
    from autobahn.websocket.compress import (PerMessageDeflateOffer, PerMessageDeflateResponse, PerMessageDeflateResponseAccept)
    from twisted.internet import reactor

    class Client(WebSocketClientProtocol):
        def onOpen(self):
            self.sendMessage(f"hello {self.websocket_protocol_in_use}".encode())

        def onMessage(self, payload, isBinary):
            if payload == b"!close":
                self.sendClose(*GOODBYE)
            elif payload == b"!fragments":
                self.beginMessage(isBinary=False)
                for p in PARTS:
                    self.sendMessageFrame(p.encode())
                self.endMessage()
            else:
                self.sendMessage(payload, isBinary)

        def onClose(self, wasClean, code, reason):
            if wasClean:
                print(f"closed {self.remoteCloseCode} {self.remoteCloseReason or ''}".rstrip(), flush=True)
            Client.clean = wasClean
            reactor.stop()
    factory = WebSocketClientFactory(url, protocols=OFFERED)
    factory.protocol = Client
    factory.setProtocolOptions(perMessageCompressionOffers=[PerMessageDeflateOffer()], perMessageCompressionAccept=lambda r:
                               PerMessageDeflateResponseAccept(r) if isinstance(r, PerMessageDeflateResponse) else None)
    factory.clientConnectionFailed = lambda *_: reactor.stop()
    Client.clean = False
    connectWS(factory)
    reactor.run()
    if Client.clean:
        sys.exit(0)
    import os
    time.sleep(0.1)
    os.execv(sys.executable, [sys.executable, *sys.argv])  # a reactor runs once


def ws4py(url):
    from ws4py.client.threadedclient import WebSocketClient

    class Client(WebSocketClient):
        how = None

        def opened(self):
            self.send(f"hello {(self.protocols or [None])[0]}".replace("b'", "").replace("'", ""))

        def received_message(self, m):
            if m.data == b"!close":
                self.close(*GOODBYE)
            elif m.data == b"!fragments":
                self.send(p.encode() for p in PARTS)  # a generator, for this library
            else:
                self.send(m.data.decode() if m.is_text else m.data, binary=not m.is_text)

        def closed(self, code, reason=None):
            Client.how = (code, reason.decode() if isinstance(reason, bytes) else reason)
    c = Client(url, protocols=OFFERED)
    c.connect()
    c.run_forever()
    if Client.how and Client.how[0] != 1006:
        closed(*Client.how)


async def picows(url):
    from picows import WSListener, WSMsgType, ws_connect

    class Client(WSListener):
        def on_ws_connected(self, transport):
            transport.send(WSMsgType.TEXT, f"hello {transport.response.headers.get('Sec-WebSocket-Protocol')}".encode())

        def on_ws_frame(self, transport, frame):
            if frame.msg_type == WSMsgType.CLOSE:
                self.how = (frame.get_close_code(), (frame.get_close_message() or b"").decode())
                transport.send_close(frame.get_close_code())
                transport.disconnect()
            elif frame.msg_type == WSMsgType.PING:
                transport.send_pong(frame.get_payload_as_bytes())
            elif frame.get_payload_as_bytes() == b"!close":
                transport.send_close(GOODBYE[0], GOODBYE[1].encode())
            elif frame.get_payload_as_bytes() == b"!fragments":
                for i, p in enumerate(PARTS):
                    transport.send(WSMsgType.TEXT if i == 0 else WSMsgType.CONTINUATION, p.encode(), fin=i == len(PARTS) - 1)
            elif frame.msg_type in (WSMsgType.TEXT, WSMsgType.BINARY):
                transport.send(frame.msg_type, frame.get_payload_as_bytes())
    transport, client = await ws_connect(Client, url, extra_headers={"Sec-WebSocket-Protocol": ", ".join(OFFERED)}, max_frame_size=1 << 24)
    await transport.wait_disconnected()
    if getattr(client, "how", None):
        closed(*client.how)


def trio_websocket(url):
    import trio
    import trio_websocket as library

    async def main():
        async with library.open_websocket_url(url, subprotocols=OFFERED, max_message_size=1 << 24) as c:
            await c.send_message(f"hello {c.subprotocol}")
            try:
                while True:
                    m = await c.get_message()
                    if m == "!close":
                        await c.aclose(*GOODBYE)
                    elif m == "!fragments":
                        await c.send_message("!none")
                    else:
                        await c.send_message(m)
            except library.ConnectionClosed as e:
                if e.reason and e.reason.code != 1006:
                    return (e.reason.code, e.reason.reason)
    how = trio.run(main)
    if how:
        closed(*how)


def simple_websocket(url):
    import simple_websocket as library
    c = library.Client.connect(url, subprotocols=OFFERED)
    c.send(f"hello {c.subprotocol}")
    try:
        while True:
            m = c.receive()
            if m == "!close":
                c.close(*GOODBYE)
                closed(GOODBYE[0])
            c.send("!none" if m == "!fragments" else m)
    except library.ConnectionClosed as e:
        if e.reason not in (1005, 1006):  # it says 1005 where the connection was lost
            closed(e.reason, e.message)


def httpx_ws(url):
    import httpx_ws as library
    with library.connect_ws(url.replace("ws:", "http:"), subprotocols=OFFERED, max_message_size_bytes=1 << 24) as c:
        c.send_text(f"hello {c.subprotocol}")
        try:
            while True:
                m = c.receive()
                data = m.data
                if data == "!close":
                    c.close(*GOODBYE)
                    closed(GOODBYE[0])
                elif data == "!fragments":
                    c.send_text("!none")
                elif isinstance(data, str):
                    c.send_text(data)
                else:
                    c.send_bytes(bytes(data))
        except library.WebSocketDisconnect as e:
            if e.code != 1006:
                closed(e.code, e.reason)


def lomond(url):
    from lomond import WebSocket
    c = WebSocket(url, protocols=OFFERED, compress=True)
    for event in c.connect(ping_rate=0):
        if event.name == "ready":
            c.send_text(f"hello {event.protocol}")
        elif event.name == "text":
            if event.text == "!close":
                c.close(*GOODBYE)
            else:
                c.send_text("!none" if event.text == "!fragments" else event.text)
        elif event.name == "binary":
            c.send_binary(event.data)
        elif event.name in ("closing", "closed"):
            closed(event.code, event.reason.decode() if isinstance(event.reason, bytes) else event.reason)


LIBRARIES = [websockets_asyncio, websockets_sync, aiohttp, websocket_client, wsproto, tornado, autobahn, ws4py, picows, trio_websocket,
             simple_websocket, httpx_ws, lomond]


def main():
    library, url = sys.argv[1:3]
    run = {f.__name__: f for f in LIBRARIES}[library]
    while True:
        try:
            asyncio.run(run(url)) if asyncio.iscoroutinefunction(run) else run(url)
        except Exception as e:  # pylint: disable=broad-exception-caught
            print(f"! {type(e).__name__} {e}", file=sys.stderr, flush=True)
        time.sleep(0.1)


if __name__ == "__main__":
    main()
