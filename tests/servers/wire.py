"""A bad line: a proxy on a free loopback port that splits, delays, cuts, stalls, swallows and repeats what passes, as a seed says."""

from __future__ import annotations

import random
import socket
import threading
import time
from contextlib import suppress
from dataclasses import dataclass

KINDS = ("none", "bytes", "delay", "cut", "stall", "swallow", "repeat", "unheard", "unheard")
DONE = (b"APPENDUID", b"Expunge completed", b"Store completed", b"250 OK", b'"choices"')
"""What a server says once it has acted."""
STALLED = 1.3
"""Seconds for which a stalled line stays open: longer than whoever waits for it has patience."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What befalls one connection. `at` counts the octets of the direction that it befalls; `up` is from the client to the server.
    Where it is `unheard`, the first answer that holds `done` is lost after `at` others, and the line with it."""

    kind: str
    at: int
    up: bool
    done: bytes = b""


def faults(seed: int) -> random.Random:
    """Where the faults of a run come from."""
    return random.Random(seed)


def drawn(source: random.Random, reach: int) -> Fault:
    """The next connection's fault, within 2**reach octets: near the beginning as often as far in."""
    kind = source.choice(KINDS)
    if kind == "unheard":
        return Fault(kind, source.randrange(3), False, source.choice(DONE))
    return Fault(kind, int(2 ** source.uniform(0, reach)), kind in ("cut", "stall") and source.random() < 0.5)


class Wire:
    """Passes connections on to `target`, a port of this machine; the faults lie within 2**reach octets. What befell whom is in `befell`; healthy after `heal()`."""

    def __init__(self, target: int, source: random.Random, reach: int = 15) -> None:
        self.target, self.source, self.reach = target, source, reach
        self.befell: list[Fault] = []
        self.healthy = False
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listener.getsockname()[1]
        self.open: set[socket.socket] = set()
        self.lock = threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, *_: object) -> None:
        self.listener.close()
        self.heal()

    def heal(self) -> None:
        """From now on a line as it should be; those that are open end."""
        with self.lock:
            self.healthy = True
            left = list(self.open)
        for each in left:
            _end(each)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self.listener.accept()
                server = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                return
            with self.lock:
                fault = Fault("none", 0, False) if self.healthy else drawn(self.source, self.reach)
                if not self.healthy:
                    self.befell.append(fault)
                self.open |= {client, server}
            for one in (client, server):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            none = Fault("none", 0, False)
            for source, sink, up in ((client, server, True), (server, client, False)):
                befalls = fault if fault.up == up else none
                threading.Thread(target=self._pass, args=(source, sink, befalls), daemon=True).start()

    def _pass(self, source: socket.socket, sink: socket.socket, fault: Fault) -> None:
        passed, heard = 0, 0
        with suppress(OSError):
            while data := source.recv(65536):
                if fault.kind == "unheard":
                    heard += fault.done in data
                    if heard > fault.at:
                        break
                    sink.sendall(data)
                elif fault.kind == "none" or passed + len(data) <= fault.at:
                    sink.sendall(data)
                elif not self._befall(sink, data, max(fault.at - passed, 0), fault):
                    break
                passed += len(data)
        for each in (source, sink):
            _end(each)
        with self.lock:
            self.open -= {source, sink}

    def _befall(self, sink: socket.socket, data: bytes, good: int, fault: Fault) -> bool:
        """Whether the line goes on. `good` octets of the data pass as they are."""
        if fault.kind == "bytes":
            for n in range(len(data)):
                sink.sendall(data[n : n + 1])
            return True
        if fault.kind == "delay":
            time.sleep(0.02)
            sink.sendall(data)
            return True
        sink.sendall(data[:good])
        if fault.kind == "repeat":
            sink.sendall(data[good:] + data[good:])
            return True
        if fault.kind == "stall":
            time.sleep(STALLED)
        elif fault.kind == "swallow":
            time.sleep(0.1)  # the server has acted; nobody learns of it
        return False


def _end(line: socket.socket) -> None:
    with suppress(OSError):
        line.shutdown(socket.SHUT_RDWR)
    line.close()
