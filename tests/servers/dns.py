"""A name server on loopback that knows a few records."""

from __future__ import annotations

import socketserver
import threading

import dns.message
import dns.rcode
import dns.rrset


class NameServer:
    """`records` maps (name, type) to the texts of its records. Use it in a `with`."""

    def __init__(self, records: dict[tuple[str, str], list[str]]) -> None:
        self.asked: list[str] = []
        outer = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                data, sock = self.request
                query = dns.message.from_wire(data)
                question = query.question[0]
                name = question.name.to_text().rstrip(".")
                kind = dns.rdatatype.to_text(question.rdtype)
                outer.asked.append(f"{name} {kind}")
                answer = dns.message.make_response(query)
                found = records.get((name, kind))
                if found:
                    answer.answer.append(dns.rrset.from_text(question.name, 60, "IN", kind, *found))
                else:
                    answer.set_rcode(dns.rcode.NXDOMAIN)
                sock.sendto(answer.to_wire(), self.client_address)

        self.server = socketserver.ThreadingUDPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = int(self.server.server_address[1])

    def __enter__(self) -> NameServer:
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()
