"""A scripted server of OpenAI's chat completions, spoken to through the real client."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = dict[str, Any] | tuple[int, dict[str, str], str] | str | None

TRIAGE = {
    "disposition": "reply", "reason": "Contains question", "recipient_type": "technical_team", "urgency": "medium", "stakes": "low",
    "topics": ["Storage"], "people": [], "asks": [{"kind": "question", "text": "Which erasure coding did you use?"}],
}  # fmt: skip
DRAFT = {
    "reply": "Hi Ana,\n\nwe used 8+3 in every run.\n\nBest regards", "reasoning": "The project note has it.",
    "action_items": [{"text": "Send the benchmark.", "owner": "me", "due": "2026-12-01"}],
    "claims": [{"text": "8+3 was used in every run", "sources": ["S1"]}], "unknowns": [],
}  # fmt: skip


def is_triage(request: dict[str, Any]) -> bool:
    return "decide what should happen" in request["messages"][0]["content"]


def letters(text: str) -> list[float]:
    """A vector that texts of like letters share: enough to tell near from far."""
    return [text.casefold().count(chr(97 + n)) + 0.01 for n in range(26)] + [0.1] * 6


class ModelServer:
    """`answer(request)` gives the object to answer with, a (status, headers, body) triple, raw text, or None for
    silence. Every request is kept in `requests`."""

    def __init__(self, answer: Callable[[dict[str, Any]], Answer] | None = None) -> None:
        self.answer = answer or (lambda request: TRIAGE if is_triage(request) else DRAFT)
        self.requests: list[dict[str, Any]] = []
        self.embedded: list[str] = []
        """Every text that vectors were asked for."""
        self.reranked: list[dict[str, Any]] = []
        """Every request to /rerank, which `relevance(query, document)` answers."""
        self.relevance: Callable[[str, str], float] = lambda *_: 0.5
        self.rerank_status = 200
        self.longest_embedded = 10**9
        """Characters beyond which /embeddings fails as llama.cpp does."""
        self.finish_reason = "stop"
        self.usage: dict[str, Any] = {
            "prompt_tokens": 1000,
            "completion_tokens": 200,
            "total_tokens": 1200,
        }
        self.release = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = 1 << 16  # header and body in one packet: else each answer waits 40 ms for an ACK

            def do_POST(self) -> None:
                request = json.loads(self.rfile.read(int(self.headers["content-length"])))
                if self.path.endswith("/rerank"):
                    outer.reranked.append(request)
                    scored = [
                        {"index": n, "relevance_score": outer.relevance(request["query"], text)}
                        for n, text in enumerate(request["documents"])
                    ]
                    self._send(json.dumps({"results": scored}), outer.rerank_status)
                    return
                if self.path.endswith("/embeddings"):
                    outer.embedded += request["input"]
                    if any(len(text) > outer.longest_embedded for text in request["input"]):
                        told = "input (612 tokens) is too large to process. increase the physical batch size (current batch size: 512)"
                        self._send(
                            json.dumps({"error": {"code": 500, "message": told, "type": "server_error"}}), 500
                        )
                        return
                    made = [
                        {"object": "embedding", "index": n, "embedding": letters(t)}
                        for n, t in enumerate(request["input"])
                    ]
                    self._send(
                        json.dumps(
                            {
                                "object": "list",
                                "data": made,
                                "model": request["model"],
                                "usage": {"prompt_tokens": 1, "total_tokens": 1},
                            }
                        )
                    )
                    return
                outer.requests.append(request)
                said = outer.answer(request)
                if said is None:
                    outer.release.wait(30)
                    self.close_connection = True
                    return
                if isinstance(said, tuple):
                    status, headers, body = said
                else:
                    content = said if isinstance(said, str) else json.dumps(said)
                    status, headers = 200, {}
                    body = json.dumps({
                        "id": "x", "object": "chat.completion", "created": 1, "model": request["model"],
                        "choices": [{"index": 0, "finish_reason": outer.finish_reason, "message": {"role": "assistant", "content": content}}],
                        "usage": outer.usage,
                    })  # fmt: skip
                data = body.encode()
                length = headers.pop("x-content-length", str(len(data)))
                self.send_response(status)
                for name, value in {
                    "content-type": "application/json",
                    "content-length": length,
                    **headers,
                }.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(data)
                if length != str(len(data)):
                    self.close_connection = True

            def _send(self, body: str, status: int = 200) -> None:
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body.encode())))
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, *arguments: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/v1"

    def __enter__(self) -> ModelServer:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.release.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(5)
