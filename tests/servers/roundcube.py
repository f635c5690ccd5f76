"""A real Roundcube in a real browser: PHP's own web server on a free loopback port, Debian's `roundcube-core`, a user's account on Dovecot."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import tempfile
import time
from contextlib import closing
from pathlib import Path

from tests.servers.chromium import Chromium
from tests.servers.dovecot import PASSWORD

PROGRAM = Path("/usr/share/roundcube")
DEFAULTS = Path("/etc/roundcube")
CONFIG = """<?php
$config = [
    'db_dsnw' => 'sqlite:///{folder}/roundcube.sqlite?mode=0600',
    'imap_host' => '127.0.0.1:{imap}',
    'smtp_host' => '127.0.0.1:{smtp}',
    'smtp_user' => '', 'smtp_pass' => '',
    'des_key' => 'ThisKeyIsForTestsOnly24b', 'product_name' => 'Mail', 'skin' => 'elastic', 'enable_installer' => false,
    'log_dir' => '{folder}/logs/', 'temp_dir' => '{folder}/temp/', 'plugins' => [], 'enable_spellcheck' => false,
    'drafts_mbox' => 'Drafts', 'sent_mbox' => 'Sent', 'trash_mbox' => 'Trash', 'language' => 'en_US', 'draft_autosave' => 0,
    'mime_types' => '{defaults}/mimetypes.php', 'htmleditor' => 0, 'session_lifetime' => 60, 'use_https' => false,
];
"""


def installed() -> bool:
    """Whether Roundcube, PHP and Chromium are on this machine."""
    return PROGRAM.is_dir() and all(map(shutil.which, ("php", "chromium")))


class RealRoundcube:
    """Use it in a `with`; `browser` shows the page that it is on."""

    def __init__(self, imap: int, smtp: int, user: str) -> None:
        self.imap, self.smtp, self.user = imap, smtp, user

    def __enter__(self) -> RealRoundcube:
        self.folder = Path(tempfile.mkdtemp(prefix="mailbot-roundcube-"))
        for name in ("config", "logs", "temp", "site"):
            (self.folder / name).mkdir()
        for each in PROGRAM.iterdir():
            (self.folder / "site" / each.name).symlink_to(each)
        for name in ("logs", "temp"):
            (self.folder / "site" / name).symlink_to(self.folder / name)
        for plugins in (self.folder / "site" / "plugins", self.folder / "site" / "skins"):
            assert plugins.exists()
        (self.folder / "config" / "defaults.inc.php").symlink_to(DEFAULTS / "defaults.inc.php")
        made = CONFIG.replace("{folder}", str(self.folder)).replace("{defaults}", str(DEFAULTS))
        made = made.replace("{imap}", str(self.imap)).replace("{smtp}", str(self.smtp))
        (self.folder / "config" / "config.inc.php").write_text(made)
        with closing(sqlite3.connect(self.folder / "roundcube.sqlite")) as base:
            base.executescript((PROGRAM / "SQL" / "sqlite.initial.sql").read_text())
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        site = self.folder / "site"
        self.php = subprocess.Popen(
            ["php", "-d", "error_reporting=0", "-S", f"127.0.0.1:{port}", "-t", str(site)],
            env={"PATH": "/usr/bin:/bin", "ROUNDCUBE_CONFIG_DIR": str(self.folder / "config"), "PHP_CLI_SERVER_WORKERS": "4"},
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=site, start_new_session=True,
        )  # fmt: skip
        end = time.monotonic() + 20
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                assert time.monotonic() < end, "PHP did not start"
                time.sleep(0.05)
        self.browser = Chromium().__enter__()
        self.url = f"http://127.0.0.1:{port}/"
        self._log_in()
        return self

    def __exit__(self, *_: object) -> None:
        self.browser.__exit__()
        os.killpg(self.php.pid, signal.SIGTERM)  # its workers too, which are left alone otherwise
        self.php.wait(15)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _log_in(self) -> None:
        self.browser.open(self.url)
        self.browser.wait("document.querySelector('#rcmloginuser') && true")
        for name, value in (("user", self.user), ("pwd", PASSWORD)):
            self.browser.run(f"document.querySelector('#rcmlogin{name}').value = {json.dumps(value)}")
        self.browser.run("document.querySelector('form#login-form, form[name=login-form]').submit()")
        self.browser.wait("window.rcmail && rcmail.task == 'mail' && rcmail.env.mailbox && true")

    def open_draft(self, uid: int) -> str:
        """Open a draft to be edited; its text as the user sees it."""
        self.browser.open(f"{self.url}?_task=mail&_action=compose&_draft_uid={uid}&_mbox=Drafts")
        self.browser.wait(
            "window.rcmail && rcmail.env.action == 'compose' && document.readyState == 'complete'"
        )
        self.browser.wait(
            "rcmail.commands.send && !rcmail.busy && document.querySelector('#composebody') && true"
        )
        return str(self.browser.run("document.querySelector('#composebody').value"))

    def type(self, text: str) -> None:
        """What the user makes of the text of the open draft."""
        self.browser.run(f"document.querySelector('#composebody').value = {json.dumps(text)}")

    def save(self) -> None:
        """Save the open draft."""
        self.browser.run("rcmail.command('savedraft')")
        self.browser.wait("/saved/i.test(document.querySelector('#messagestack').innerText)")

    def send(self) -> None:
        """Send the open draft."""
        self.browser.run("rcmail.command('send', {})")
        self.browser.wait(
            "rcmail.env.action != 'compose' || /sent/i.test(document.querySelector('#messagestack').innerText)"
        )

    def picture(self, path: Path) -> None:
        self.browser.picture(path, 1100, 760)
