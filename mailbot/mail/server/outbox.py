"""One mail to a submission server (RFC 6409), step by step, so that what is not known to be sent is never taken for sent, nor for
not sent."""

from __future__ import annotations

import base64
import re
import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from mailbot.effect import Effect
from mailbot.errors import AuthenticationFailed, ServerUnavailable, TryAgain
from mailbot.hearsay import confidence, one_line
from mailbot.mail.mime.wire import Wire
from mailbot.mail.server import tls
from mailbot.mail.server.login import Login
from mailbot.mail.server.submission import Answer, Client, said

AFTER_DOT = 600.0
"""Seconds for the answer to the final dot (RFC 5321 4.5.3.2.6): a server that is cut off before may have taken the mail."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """The server has taken the mail. `refused` says of each recipient that it did not take, why."""

    refused: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Refused:
    """The server does not take the mail, and nothing of it was sent. `refused` names recipients, where it lay with them."""

    why: str
    refused: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Later:
    """Nothing was sent, and the same mail may be tried again."""

    why: str


@dataclass(frozen=True, slots=True)
class Lost:
    """The answer to the whole mail never came: it may have been sent or not."""

    why: str


Outcome = Accepted | Refused | Later | Lost


@dataclass(slots=True)
class Outbox:
    """Where an account's mail goes out."""

    login: Login
    handed_over: bool = False
    """Whether the end of a mail was said: from then on the server may have sent it."""

    def check(self) -> None:
        """Connect and log in, and send nothing. Raises what `submit` raises."""
        self._opened().close()

    def submit(self, wire: Wire) -> Outcome:
        """Hand over one mail. Raises ServerUnavailable or TryAgain where the server could not be reached, AuthenticationFailed where
        it refused the login: then nothing was sent either."""
        confidence.text(wire.raw.decode("utf-8", "replace"))
        client = self._opened()
        try:
            return self._conversation(client, wire)
        except Answer as answer:
            why = f"{self._where}: the server said {answer}"
            return Later(why) if answer.later else Refused(why)
        except (OSError, smtplib.SMTPException) as error:
            return Later(f"{self._where}: {said(error)}; nothing was sent")
        finally:
            client.close()

    def _conversation(self, client: Client, wire: Wire) -> Outcome:
        options = self._options(client, wire)
        if isinstance(options, Refused):
            return options
        code, text = client.mail(wire.sender, options)
        if code == 530:  # RFC 4954 6
            raise AuthenticationFailed(
                f"{self._where}: the server wants a login and offers none here: {code} {said(text)}. Are `port` and `security` of"
                " `smtp` right?"
            )
        if code != 250:
            raise Answer(code, said(text))
        refused: dict[str, str] = {}
        worst = 0
        for address in wire.recipients:
            code, text = client.rcpt(address.email)
            if code not in (250, 251, 252):
                refused[address.email] = f"{code} {said(text)}"
                worst = max(worst, code)
            if code == 421:
                raise Answer(code, said(text))
        if len(refused) == len(wire.recipients):
            why = f"{self._where}: the server refused every recipient: " + "; ".join(
                f"{a}: {w}" for a, w in refused.items()
            )
            return Later(why) if worst < 500 else Refused(why, refused)
        code, text = client.docmd("DATA")
        if code != 354:
            raise Answer(code, said(text))
        return self._data(client, wire.raw, refused)

    def _data(self, client: Client, raw: bytes, refused: dict[str, str]) -> Outcome:
        stuffed = re.sub(rb"(?m)^\.", b"..", raw)
        if not stuffed.endswith(b"\r\n"):
            stuffed += b"\r\n"
        try:
            client.send(stuffed)
        except smtplib.SMTPException:
            if last := client.last_words():  # it refuses in the middle of the mail, and hangs up
                raise last from None
            raise
        self.handed_over = True
        try:
            with Effect.MAIL_SUBMITTED:
                client.send(b".\r\n")
                code, text = client.reply(AFTER_DOT)
        except (OSError, smtplib.SMTPException) as error:
            return Lost(f"{self._where}: {said(error)} after the whole mail was handed over")
        if code == 250:
            return Accepted(refused)
        why = f"{self._where}: the server said {code} {said(text)}"
        if code // 100 not in (4, 5):  # an answer to something else: that to the mail never came
            return Lost(why)
        return Later(why) if code // 100 == 4 else Refused(why)

    def _options(self, client: Client, wire: Wire) -> list[str] | Refused:
        """The parameters of MAIL FROM, or why this server cannot take the mail."""
        options = []
        if wire.utf8 and not client.has_extn("smtputf8"):
            return Refused(
                f"{self._where}: an address or a header has letters beyond ASCII, and the server cannot take them (SMTPUTF8)"
            )
        if wire.eight_bit and not client.has_extn("8bitmime"):
            return Refused(
                f"{self._where}: the text has letters beyond ASCII as they are, and the server cannot take them (8BITMIME)"
            )
        most = re.sub(r"\D", "", client.esmtp_features.get("size", ""))
        if most and 0 < int(most) < len(wire.raw):
            return Refused(
                f"{self._where}: the mail has {len(wire.raw)} octets, and the server takes at most {most}"
            )
        if client.has_extn("size"):
            options.append(f"SIZE={len(wire.raw)}")
        if wire.eight_bit:
            options.append("BODY=8BITMIME")
        return [*options, "SMTPUTF8"] if wire.utf8 else options

    def mechanisms(self) -> frozenset[str]:
        """How the server lets one log in, before anybody does (the words after AUTH in the answer to EHLO); none if it asks for no
        login. Raises what `submit` raises."""
        client = self._opened(log_in=False)
        offered = _offered(client)
        client.close()
        return frozenset(offered)

    def _opened(self, *, log_in: bool = True) -> Client:
        """A client that is connected, encrypted and, unless told otherwise, logged in."""
        client, secret = self._connected(), ""
        try:
            if log_in and _offered(
                client
            ):  # else a server of this machine, or one that knows us by our address
                secret = self.login.secret()
                self._attempted(client, secret)
            return client
        except AuthenticationFailed:
            client.close()
            if not secret or self.login.again is None:
                raise
        except BaseException:
            client.close()
            raise
        client = self._connected()
        try:
            self._attempted(client, self.login.again(secret))
            return client
        except BaseException:
            client.close()
            raise

    def _attempted(self, client: Client, secret: str) -> None:
        with self._explained(client):
            self._authenticate(client, secret)

    def _connected(self) -> Client:
        """A client that is connected and encrypted."""
        login = self.login
        context = tls.context(login.ca_file) if login.security != "none" else None
        client = Client(login, context)
        with self._explained(client):
            code, text = client.connect(login.host, login.port)
            if code != 220:
                raise Answer(code, said(text))
            client.ehlo_or_helo_if_needed()
            if login.security == "starttls" and context:
                if not client.has_extn("starttls"):
                    raise ServerUnavailable(
                        f"{self._where}: the server does not offer STARTTLS, so neither password nor mail was sent. Use"
                        " `security: tls` and the TLS port"
                    )
                client.encrypt(context)
                client.ehlo_or_helo_if_needed()
        return client

    @contextmanager
    def _explained(self, client: Client) -> Iterator[None]:
        """Errors of the libraries -> ours; after any the connection is closed."""
        login = self.login
        try:
            yield
        except ssl.SSLError as error:
            client.close()
            raise ServerUnavailable(
                f"{self._where}: {tls.in_words(error, login.host, login.ca_file)}"
            ) from error
        except smtplib.SMTPResponseException as refusal:
            client.close()
            answer = Answer(refusal.smtp_code, said(refusal.smtp_error))
            kind = TryAgain if answer.later else ServerUnavailable
            raise kind(f"{self._where}: the server said {answer}") from refusal
        except Answer as answer:
            client.close()
            kind = TryAgain if answer.later else ServerUnavailable
            raise kind(f"{self._where}: the server said {answer}") from answer
        except (OSError, smtplib.SMTPException) as error:
            client.close()
            raise ServerUnavailable(
                f"{self._where}: could not connect (are `host`, `port` and `security` of `smtp` right?): {said(error)}"
            ) from error
        except BaseException:
            client.close()
            raise

    def _authenticate(self, client: Client, secret: str) -> None:
        offered, name = _offered(client), self.login.username
        if set(name + secret) & set("\r\n\0"):
            raise AuthenticationFailed(
                f"account {self.login.account}: its user name or its secret holds a line end in the middle"
            )
        if self.login.token and "XOAUTH2" in offered:
            code, text = client.docmd(
                "AUTH", f"XOAUTH2 {_base64(f'user={name}{chr(1)}auth=Bearer {secret}{chr(1)}{chr(1)}')}"
            )
            if code == 334:  # the error stands in the challenge; an empty answer asks for the verdict
                code, text = client.docmd("")
        elif self.login.token and "OAUTHBEARER" in offered:  # RFC 7628
            bearer = f"n,a={name},\1host={self.login.host}\1port={self.login.port}\1auth=Bearer {secret}\1\1"
            code, text = client.docmd("AUTH", f"OAUTHBEARER {_base64(bearer)}")
            if code == 334:
                code, text = client.docmd("AQ==")
        elif not self.login.token and "PLAIN" in offered:
            code, text = client.docmd("AUTH", f"PLAIN {_base64(chr(0) + name + chr(0) + secret)}")
        elif not self.login.token and "LOGIN" in offered:
            code, text = client.docmd("AUTH", "LOGIN")
            for answer in (name, secret):
                if code == 334:
                    code, text = client.docmd(_base64(answer))
        else:
            wanted = "XOAUTH2 or OAUTHBEARER" if self.login.token else "PLAIN or LOGIN"
            raise AuthenticationFailed(
                f"{self._where}: the server offers no login by {wanted}, only {one_line(' '.join(offered))[:80]}"
            )
        if code == 235:
            return
        if code // 100 == 4:
            raise TryAgain(f"{self._where}: the server cannot log in now: {code} {said(text)}")
        hint = "Check `username` and `password`; many providers want an app password"
        if self.login.again:
            hint = f"`mailbot auth login {self.login.account}` logs in anew; choose the login of that very address"
        if b"5.7.139" in text:
            hint = "Your administrator has switched sending by SMTP off (SMTP AUTH); ask for it, or send from your mail client"
        raise AuthenticationFailed(
            f"{self._where}: the server refused the login of {name}: {code} {said(text)}. {hint}"
        )

    @property
    def _where(self) -> str:
        return f"account {self.login.account} (smtp {self.login.host}:{self.login.port})"


def _offered(client: Client) -> list[str]:
    return client.esmtp_features.get("auth", "").upper().split()


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
