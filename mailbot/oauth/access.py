"""An access token for an account, whenever one is needed: kept, refreshed in time, by one process at a time. Nobody is asked here."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NoReturn

from filelock import FileLock, Timeout

from mailbot import private, stopping
from mailbot.errors import AuthenticationFailed, ConfigError, LoginNeeded, ServerUnavailable, TryAgain
from mailbot.oauth.endpoints import Endpoints
from mailbot.oauth.tokens import Tokens, TokenStore

EARLY = 300.0
"""Seconds before its end a token is not used any more."""
PATIENCE = 60.0
"""Seconds that another process may take for its refresh."""
_OVER = ("invalid_grant", "interaction_required", "consent_required", "login_required")
"""Errors after which only a new login helps (the last three are Microsoft's and OpenID's)."""
_CLIENT = ("invalid_client", "unauthorized_client")
"""Errors that say nothing of the login: the client's own name or secret is wrong."""


@dataclass(frozen=True, slots=True)
class Access:
    """The access of one account. `lock` is a file, `secret` the client's, called when it is needed."""

    account: str
    endpoints: Endpoints
    store: TokenStore
    lock: Path
    secret: Callable[[], str] = lambda: ""
    clock: Callable[[], float] = time.time

    def token(self) -> str:
        """An access token that is good for minutes. Raises LoginNeeded if only the user can help, ServerUnavailable or TryAgain."""
        tokens = self.store.read()
        return tokens.access if tokens and self._fresh(tokens) else self._renewed()

    def after(self, refused: str) -> str:
        """Another access token than the one that the mail server refused. Raises what `token` raises."""
        return self._renewed(refused)

    def keep(self, tokens: Tokens) -> None:
        """New tokens from a login: a refresh that is under way does not overwrite them. Raises what the store raises."""
        with self._alone():
            self.store.write(tokens)

    def forget(self) -> Tokens | None:
        """No tokens are there any more; returns those that were, None if there were none or they could not be read."""
        with self._alone():
            try:
                return self.store.read()
            except AuthenticationFailed:
                return None
            finally:
                self.store.remove()

    def _fresh(self, tokens: Tokens) -> bool:
        # One whose end is not known is used until a server refuses it; one that lives for minutes only, for half of its life.
        left, early = tokens.expires - self.clock(), min(EARLY, tokens.lasts / 2 or EARLY)
        return not tokens.dead and (tokens.expires == 0 or left > early)

    def _renewed(self, refused: str = "") -> str:
        with self._alone():
            tokens = self.store.read()  # another process may have been faster
            if tokens is None:
                raise LoginNeeded(
                    f"account {self.account}: nobody has logged in yet; run `mailbot auth login {self.account}`"
                )
            if tokens.dead:
                self._tell(tokens)
            if tokens.access != refused and self._fresh(tokens):
                return tokens.access
            return self._refreshed(tokens, refused)

    def _refreshed(self, tokens: Tokens, refused: str) -> str:
        from mailbot.oauth.token_endpoint import Refused

        self._check()
        try:
            return stopping.to_its_end(PATIENCE, lambda: self._exchanged(tokens)).access
        except Refused as error:
            if error.code in _CLIENT:
                raise ConfigError(
                    f"account {self.account}: {error}; correct `oauth.client_id` or `oauth.client_secret` in accounts.yaml"
                ) from error
            if error.code not in _OVER:
                raise ServerUnavailable(f"account {self.account}: {error}") from error
            again = self.store.read()  # one that keeps to no lock, on another machine perhaps, was faster
            if again and again.refresh != tokens.refresh and again.access != refused and self._fresh(again):
                return again.access
            self._tell(replace(tokens, dead=str(error), told=False))
        except (ServerUnavailable, TryAgain):
            if tokens.access != refused and tokens.expires > self.clock():
                return tokens.access  # it is good for some minutes more
            raise

    def _exchanged(self, tokens: Tokens) -> Tokens:
        """Ask for new tokens and keep them, in one go: the old refresh token may be dead from the moment that the server answers."""
        from mailbot.oauth.token_endpoint import refreshed

        new = refreshed(self.endpoints, self.secret(), tokens)
        self.store.write(new)
        return new

    def _check(self) -> None:
        """Raises TryAgain if what the server will give could not be kept: then it is not asked."""
        try:
            self.store.check()
        except OSError as error:
            raise TryAgain(
                f"account {self.account}: its tokens cannot be written ({error.strerror or error}), so it was not refreshed;"
                " make room or write access, and the next run does it"
            ) from error

    def _tell(self, tokens: Tokens) -> NoReturn:
        """Raises LoginNeeded. Tokens are marked, never wiped: a server may have been wrong."""
        if not tokens.told:
            self.store.write(replace(tokens, told=True))
        raise LoginNeeded(
            f"account {self.account}: its login has ended ({tokens.dead}); run `mailbot auth login {self.account}`",
            told=tokens.told,
        )

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """The lock round a whole refresh: a rotating refresh token that two use at once is dead."""
        private.folder(self.lock.parent)
        lock = FileLock(self.lock, mode=0o600)
        try:
            lock.acquire(timeout=PATIENCE)
        except Timeout as error:
            raise TryAgain(
                f"account {self.account}: another mailbot is logging in; the next run may do"
            ) from error
        try:
            yield
        finally:
            lock.release()
