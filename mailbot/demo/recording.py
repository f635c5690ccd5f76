"""A recorded answer of a model, played back on loopback, so that a newcomer sees a model's draft without one. It answers one mail and
says of itself that it is a recording."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files

MODEL = "recording"
"""What stands in a note as the name of the model."""
_SOURCE = re.compile(r"^id: (S\d+)\n(.*?)^SOURCE-", re.MULTILINE | re.DOTALL)


@contextmanager
def played_back() -> Iterator[str]:
    """The base URL of a server that plays the recording, as long as it is needed."""
    recording = json.loads(files("mailbot.demo").joinpath("recording.json").read_text(encoding="utf-8"))

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = self.rfile.read(int(self.headers["content-length"])).decode()
            prompt = "\n".join(message["content"] for message in json.loads(asked)["messages"])
            known = recording["for"] in prompt
            text = json.dumps(_named(recording["answer"], prompt)) if known else "this mail was not recorded"
            choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
            body = json.dumps(
                {"id": "1", "object": "chat.completion", "created": 0, "model": MODEL, "choices": [choice]}
            ).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """The demo shows what it does by itself."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()
        server.server_close()


def _named(answer: object, prompt: str) -> object:
    """The answer with each `{words}` replaced by the id that the source with these words has in a prompt."""
    if isinstance(answer, dict):
        return {key: _named(value, prompt) for key, value in answer.items()}
    if isinstance(answer, list):
        return [_named(value, prompt) for value in answer]
    if isinstance(answer, str) and answer.startswith("{") and answer.endswith("}"):
        return next((id_ for id_, text in _SOURCE.findall(prompt) if answer[1:-1] in text), "mail")
    return answer
