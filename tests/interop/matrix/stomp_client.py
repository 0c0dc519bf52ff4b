"""stomp.py over WebSocket, as stomp.js does it: stomp_client.py HOST PORT USER."""

import json
import sys
import threading
import time

import stomp


def say(kind, **more):
    print(json.dumps({"is": kind, **more}), flush=True)


class Listener(stomp.ConnectionListener):
    def __init__(self, connection, user):
        self.connection, self.user, self.acks, self.leaving = connection, user, 0, False

    def dial(self):
        while True:
            try:
                self.connection.connect(self.user, "s3:cret", wait=True)
                return
            except Exception:  # pylint: disable=broad-exception-caught
                time.sleep(0.2)

    def on_connected(self, frame):
        threading.Thread(target=self.work).start()

    def work(self):
        self.connection.subscribe("/user/queue/notices", "n")
        self.connection.send("/app/echo", "hello")

    def on_message(self, frame):
        if frame.headers["subscription"] == "a":
            say("ack", text=frame.body)
            self.acks += 1
            (self.connection.ack if self.acks == 1 else self.connection.nack)(frame.headers["ack"])
        elif frame.body == "!ack":
            self.connection.subscribe(f"/topic/acks-{self.user}", "a", ack="client-individual")
        elif frame.body == "!bye":
            self.leaving = True
            threading.Thread(target=self.connection.disconnect).start()
        else:
            self.connection.send("/app/echo", frame.body)

    def on_disconnected(self):
        say("closed")
        if not self.leaving:
            threading.Thread(target=self.dial).start()


def main():
    host, port, user = sys.argv[1:4]
    c = stomp.WSStompConnection([(host, int(port))], ws_path="/stomp/websocket", heartbeats=(4000, 4000), vhost=host)
    listener = Listener(c, user)
    c.set_listener("", listener)
    listener.dial()
    threading.Event().wait()


main()
