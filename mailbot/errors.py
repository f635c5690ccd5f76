"""What can go wrong, and the exit code that says so.

    MailbotError                   70  a bug, where nothing better is known
    ├── ConfigError                78  accounts.yaml, a prompt or a secret's source
    ├── BadData                    65  a mail, a note or a journal that cannot be read
    ├── ServerUnavailable          69  IMAP, SMTP or the model cannot be reached or fails
    │   ├── AppendUnknown          69  an APPEND whose answer never came
    │   └── NoSuchMailbox          69  the server has answered, and has no mailbox for a use
    ├── BudgetSpent                75  what the user allowed for models is spent
    ├── TryAgain                   75  locked, offline or throttled: the next run may do
    │   └── Busy                   75  another run has the account
    └── AuthenticationFailed       77  a login was refused or a secret is missing
        └── LoginNeeded            77  an OAuth login has ended, or never was
        (codes 65 to 78 are those of sysexits.h; 2 is click's own usage error, 1 is "some mails failed")

A message is for the user: it names the account, note or server, says what happened and what to do.
"""

from __future__ import annotations

from datetime import timedelta

UNWRITTEN = 74
"""EX_IOERR: what a command has found cannot be written to standard output."""
BY_SIGNAL = 128
"""What a shell adds to the number of the signal that has ended a program: 130 for Ctrl-C, 143 for SIGTERM."""
LONGEST_WAIT = timedelta(days=1)
"""Nothing waits for longer, whoever asks for it. A time further off was set by a clock that was wrong."""


class MailbotError(Exception):
    """Any failure that mailbot explains itself; `exit_code` is what the process ends with, `tokens_in`, `tokens_out` and
    `cost` what a model was paid before it."""

    exit_code = 70
    tokens_in: int = 0
    tokens_out: int = 0
    cost: float = 0.0


class ConfigError(MailbotError):
    exit_code = 78


class BadData(MailbotError):
    exit_code = 65


class ServerUnavailable(MailbotError):
    exit_code = 69


class AppendUnknown(ServerUnavailable):
    """The server may or may not have stored the message: look before appending again."""


class NoSuchMailbox(ServerUnavailable):
    """The server was asked, and has none. A line that failed says nothing of it, and raises another error."""


class BudgetSpent(MailbotError):
    exit_code = 75


class TryAgain(MailbotError):
    """`retry_after` is the server's own hint in seconds, at most a day, or None."""

    exit_code = 75

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = None if retry_after is None else min(retry_after, LONGEST_WAIT.total_seconds())


class Busy(TryAgain):
    """Another run is at work on the account. From cron that is nothing to speak of."""


class AuthenticationFailed(MailbotError):
    exit_code = 77


class LoginNeeded(AuthenticationFailed):
    """Only the user can go on. `told` says that an earlier run has said so."""

    def __init__(self, message: str, *, told: bool = False) -> None:
        super().__init__(message)
        self.told = told
