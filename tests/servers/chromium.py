"""A real Chromium, driven through its debugging pipe. As a program it is the user's browser, for `$BROWSER`: it opens the address
it is given, consents, and writes down which page it ended on."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--disable-extensions", "--remote-debugging-pipe"]  # fmt: skip


class Chromium:
    """One page; use it in a `with`."""

    def __init__(self) -> None:
        self.folder = tempfile.mkdtemp(prefix="mailbot-chromium-")
        ours_in, theirs_out = os.pipe()
        theirs_in, ours_out = os.pipe()

        def hand_over() -> None:  # it reads from 3 and writes to 4
            kept_in, kept_out = os.dup(theirs_in), os.dup(theirs_out)
            os.dup2(kept_in, 3)
            os.dup2(kept_out, 4)

        binary = shutil.which("chromium")
        assert binary, "Chromium is not installed: `make test` installs it"
        self.process = subprocess.Popen(
            [binary, *FLAGS, f"--user-data-dir={self.folder}", "about:blank"], preexec_fn=hand_over, close_fds=False,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(theirs_in)
        os.close(theirs_out)
        self._to, self._from = os.fdopen(ours_out, "wb"), os.fdopen(ours_in, "rb")
        self._last, self._buffer = 0, b""
        self.session = ""

    def __enter__(self) -> Chromium:
        deadline = time.monotonic() + 30
        while True:
            pages = [t for t in self.call("Target.getTargets")["targetInfos"] if t["type"] == "page"]
            if pages or time.monotonic() > deadline:
                break
            time.sleep(0.05)
        target = pages[0]["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait(timeout=15)
        for end in (self._to, self._from):
            end.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._last += 1
        message = {"id": self._last, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        self._to.write(json.dumps(message).encode() + b"\0")
        self._to.flush()
        while True:
            while b"\0" not in self._buffer:
                data = os.read(self._from.fileno(), 65536)
                assert data, "Chromium has ended"
                self._buffer += data
            line, _, self._buffer = self._buffer.partition(b"\0")
            said = json.loads(line)
            if said.get("id") == self._last:
                assert "result" in said, said
                return dict(said["result"])

    def open(self, url: str) -> None:
        self.call("Page.navigate", url=url)

    def run(self, script: str) -> Any:
        return self.call("Runtime.evaluate", expression=script, returnByValue=True)["result"].get("value")

    def wait(self, script: str, seconds: float = 20) -> Any:
        """What a script gives, once that is something."""
        end = time.monotonic() + seconds
        while not (found := self.run(script)):
            assert time.monotonic() < end, (script, self.run("document.documentElement.outerHTML"))
            time.sleep(0.05)
        return found

    def picture(self, path: Path, width: int = 1000, height: int = 700) -> None:
        import base64

        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot")["data"]))


def consent(url: str, ended_on: Path, user: str = "") -> None:
    with Chromium() as browser:
        browser.open(url)
        browser.wait("document.querySelector('button[value=yes]') && true")
        if pictures := os.environ.get("MAILBOT_PICTURES"):
            browser.picture(Path(pictures) / "consent.png", 900, 500)
        if user:
            browser.run(f"document.querySelector('input[name=user]').value = {json.dumps(user)}")
        browser.run("document.querySelector('button[value=yes]').click()")
        ended_on.write_text(browser.wait("document.title == 'mailbot' && document.body.innerText"))


if __name__ == "__main__":
    consent(sys.argv[1], Path(os.environ["MAILBOT_TEST_ENDED_ON"]), os.environ.get("MAILBOT_TEST_USER", ""))
