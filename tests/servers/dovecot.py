"""A real Dovecot on a free loopback port, in a folder of its own."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import imapclient

PASSWORD = "secret"

_CONFIG = """
base_dir = {base}/run
state_dir = {base}/state
log_path = {base}/dovecot.log
protocols = {protocols}
listen = 127.0.0.1
ssl = {ssl}
disable_plaintext_auth = no
auth_mechanisms = plain login xoauth2 oauthbearer
{users}
first_valid_uid = 1
first_valid_gid = 0
mail_location = maildir:{base}/mail/%u
service imap-login {{
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = {tls_port}
  }}
  chroot =
}}
auth_failure_delay = 0
service anvil {{
  chroot =
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service stats {{
  chroot =
}}
mail_max_userip_connections = 50
{submission}
{tokens}
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={base}/home/%u
}}
namespace inbox {{
  inbox = yes
  separator = {separator}
  prefix = {prefix}
  mailbox Drafts {{
    auto = subscribe
    special_use = \\Drafts
  }}
  mailbox Sent {{
    auto = subscribe
    special_use = \\Sent
  }}
  mailbox Trash {{
    auto = subscribe
    special_use = \\Trash
  }}
}}
"""

_SUBMISSION = """
submission_relay_host = 127.0.0.1
submission_relay_port = {relay}
hostname = test.example
service submission-login {{
  inet_listener submission {{
    port = {port}
  }}
  chroot =
}}
"""
_TOKENS = """
passdb {{
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = {base}/oauth.conf
}}
"""


class Dovecot:
    """Started with `start`, ended with `stop`. Every user name exists, with PASSWORD."""

    def __init__(
        self,
        *,
        prefix: str = "",
        separator: str = "/",
        relay: int = 0,
        introspection: str = "",
        tls: bool = False,
    ) -> None:
        """`relay` is the port of the server to which Dovecot's submission service hands mail on; `introspection` the URL that is asked
        about OAuth access tokens (RFC 7662)."""
        self.relay, self.introspection, self.tls = relay, introspection, tls
        self.base = Path(tempfile.mkdtemp(prefix="mailbot-dovecot-"))
        self.prefix, self.separator = prefix, separator
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.submission_port: int = probe.getsockname()[1]
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.tls_port: int = probe.getsockname()[1]
        self.authority = self.base / "authority.pem"
        """Who has issued its certificate, with `tls`."""
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> Dovecot:
        binary = shutil.which("dovecot", path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")
        assert binary, (
            "Dovecot is not installed: `make test` installs it, or run `apt-get install dovecot-imapd`; `make test-offline` leaves these tests out"
        )
        root = os.geteuid() == 0
        owner = pwd.getpwnam("nobody") if root else pwd.getpwuid(os.geteuid())
        me = pwd.getpwuid(os.geteuid()).pw_name
        users = (
            ""
            if root
            else f"default_internal_user = {me}\ndefault_login_user = {me}\ndefault_internal_group = {owner.pw_gid}"
        )
        self.base.chmod(0o755)
        for folder in ("run", "state", "mail", "home"):
            (self.base / folder).mkdir()
            if root and folder in ("mail", "home"):
                os.chown(self.base / folder, owner.pw_uid, owner.pw_gid)
        text = _CONFIG.format(
            base=self.base, port=self.port, password=PASSWORD, uid=owner.pw_uid, gid=owner.pw_gid, users=users,
            prefix=self.prefix, separator=self.separator, protocols="imap submission" if self.relay else "imap",
            submission=_SUBMISSION.format(port=self.submission_port, relay=self.relay) if self.relay else "",
            tokens=_TOKENS.format(base=self.base) if self.introspection else "",
            tls_port=self.tls_port if self.tls else 0, ssl=self._certified() if self.tls else "no",
        )  # fmt: skip
        self.config = self.base / "dovecot.conf"
        self.config.write_text(text)
        (self.base / "oauth.conf").write_text(
            f"introspection_mode = post\nintrospection_url = {self.introspection}\nusername_attribute = email\nactive_attribute = active\n"
            "active_value = true\n"
        )
        self.process = subprocess.Popen(
            [binary, "-F", "-c", str(self.config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + 15
        while True:
            try:
                with imapclient.IMAPClient("127.0.0.1", self.port, ssl=False) as client:
                    client.login("probe", PASSWORD)
                return self
            except (OSError, imapclient.exceptions.IMAPClientError) as error:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    log = self.base / "dovecot.log"
                    raise AssertionError(
                        f"Dovecot did not start: {log.read_text() if log.exists() else error}"
                    ) from error
                time.sleep(0.05)

    def _certified(self) -> str:
        import trustme

        authority = trustme.CA()
        authority.cert_pem.write_to_path(self.authority)
        made = authority.issue_cert("localhost", "127.0.0.1")
        made.private_key_pem.write_to_path(self.base / "key.pem")
        for number, part in enumerate(made.cert_chain_pems):
            part.write_to_path(self.base / "cert.pem", append=bool(number))
        return f"yes\nssl_cert = <{self.base}/cert.pem\nssl_key = <{self.base}/key.pem"

    def stop(self) -> None:
        if self.process:
            self.process.terminate()
            self.process.wait(timeout=10)
        shutil.rmtree(self.base, ignore_errors=True)

    def adm(self, *arguments: str) -> str:
        """Run doveadm against this server."""
        done = subprocess.run(
            ["doveadm", "-c", str(self.config), *arguments], capture_output=True, text=True, check=True
        )
        return done.stdout

    def client(self, user: str) -> imapclient.IMAPClient:
        client = imapclient.IMAPClient("127.0.0.1", self.port, ssl=False)
        client.login(user, PASSWORD)
        return client

    def deliver(self, user: str, *mails: bytes, mailbox: str = "INBOX") -> None:
        """APPEND mails, unread."""
        with self.client(user) as client:
            for mail in mails:
                client.append(mailbox, mail)

    def flags(self, user: str, mailbox: str = "INBOX") -> dict[int, tuple[bytes, ...]]:
        with self.client(user) as client:
            client.select_folder(mailbox, readonly=True)
            uids = client.search(["ALL"])
            return (
                {
                    uid: tuple(sorted(f for f in data[b"FLAGS"] if f != b"\\Recent"))
                    for uid, data in client.fetch(uids, ["FLAGS"]).items()
                }
                if uids
                else {}
            )

    def messages(self, user: str, mailbox: str) -> dict[int, bytes]:
        with self.client(user) as client:
            client.select_folder(mailbox, readonly=True)
            uids = client.search(["ALL"])
            found = client.fetch(uids, ["BODY.PEEK[]"]) if uids else {}
            # One that somebody expunges in this moment comes without a body.
            return {uid: data[b"BODY[]"] for uid, data in found.items() if data.get(b"BODY[]") is not None}
