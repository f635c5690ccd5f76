"""openai's errors as ours, mapped once, and which of them are worth another try."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt
from tenacity.wait import wait_random_exponential

from mailbot import stopping
from mailbot.errors import (
    AuthenticationFailed,
    ConfigError,
    MailbotError,
    ServerUnavailable,
    TryAgain,
)
from mailbot.hearsay import confidence
from mailbot.stopping import TookTooLong

MAX_WAIT = 60.0
"""Seconds of Retry-After that a run waits for; a longer one is for the next run."""


class UnusableAnswer(ServerUnavailable):
    """The model answered, but not with what was asked for: cut off, refused, empty or of the wrong shape."""

    def __init__(
        self, message: str, tokens_in: int = 0, tokens_out: int = 0, what: str = "", cost: float = 0.0
    ) -> None:
        super().__init__(message)
        self.what = what
        """What was wrong, without the server's name: what the model is told."""
        self.tokens_in, self.tokens_out, self.cost = tokens_in, tokens_out, cost


class NotUnderstood(MailbotError):
    """The server refuses the form of the request, such as a response_format it does not know. `wants_completion_tokens` says that
    it knows the limit of an answer by its newer name."""

    def __init__(self, error: Exception) -> None:
        super().__init__(_short(error))
        self.wants_completion_tokens = "max_completion_tokens" in _as_said(error)


_NO_SENSE = (
    ValueError, AttributeError, TypeError, LookupError, ArithmeticError, RecursionError, AssertionError,
)  # fmt: skip
"""What the library raises on answers out of this world."""


@contextmanager
def errors_mapped(where: str, timeout: float) -> Iterator[None]:
    """The library's errors -> ours, each with `where` (host and model) in front; `timeout` is in seconds."""
    import openai

    try:
        yield
    except (openai.AuthenticationError, openai.PermissionDeniedError) as error:
        raise AuthenticationFailed(
            f"{where}: the key was refused; check `llm.api_key` in accounts.yaml"
        ) from error
    except openai.NotFoundError as error:
        raise ConfigError(
            f"{where}: the server does not know this model or address; check `llm.model` and `llm.base_url`"
        ) from error
    except openai.RateLimitError as error:
        wait = _retry_after(error)
        raise TryAgain(
            f"{where}: too many requests or no credit left ({_short(error)}); a later run will try again",
            retry_after=wait,
        ) from error
    except (openai.BadRequestError, openai.UnprocessableEntityError) as error:
        raise NotUnderstood(error) from error
    except (openai.APITimeoutError, TookTooLong) as error:
        raise ServerUnavailable(f"{where}: no answer within {timeout:.0f} s") from error
    except openai.APIConnectionError as error:
        if isinstance(error.__cause__, MailbotError):
            raise error.__cause__ from None
        why = confidence.cleaned(error.__cause__ or error)
        raise ServerUnavailable(
            f"{where}: cannot be reached ({why}); is it running, and is `llm.base_url` right?"
        ) from error
    except openai.APIStatusError as error:
        if error.status_code in (413, 501) or _is_too_long(error):
            raise NotUnderstood(error) from error
        raise ServerUnavailable(
            f"{where}: the server failed with {error.status_code} ({_short(error)})"
        ) from error
    except (openai.OpenAIError, *_NO_SENSE) as error:
        raise UnusableAnswer(f"{where}: the answer could not be read ({type(error).__name__})") from error


def retrying(retries: int) -> Retrying:
    """Calls again after what may pass, at most `retries` times, and waits as long as the server asks for."""
    return Retrying(
        retry=retry_if_exception(_is_transient),
        stop=stop_after_attempt(retries + 1),
        wait=_wait,
        sleep=stopping.pause,
        reraise=True,
    )


def _is_transient(error: BaseException) -> bool:
    import openai

    if isinstance(error, openai.RateLimitError):
        return (_retry_after(error) or 0) <= MAX_WAIT and "insufficient_quota" not in str(error)
    if isinstance(error, openai.APITimeoutError):
        return False  # it has cost its time already; the next run may be luckier
    if isinstance(error, openai.APIConnectionError):
        return not isinstance(error.__cause__, MailbotError)
    if _is_too_long(error):
        return False
    return isinstance(error, openai.APIStatusError) and error.status_code in (
        408,
        409,
        500,
        502,
        503,
        504,
        529,
    )


def _is_too_long(error: BaseException) -> bool:
    """llama.cpp says with a 500 that an input does not fit its batch."""
    return bool(
        re.search(
            r"\b(?:input|prompt|context|tokens?)\b.{0,80}\b(?:too (?:large|long)|exceed)", _as_said(error)
        )
    )


_BACKOFF = wait_random_exponential(multiplier=0.5, max=20)


def _wait(state: RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    hint = _retry_after(error) if error else None
    return hint if hint is not None else _BACKOFF(state)


def _retry_after(error: BaseException) -> float | None:
    """Seconds of a Retry-After header (RFC 9110 10.2.3), a number or a date."""
    headers = getattr(getattr(error, "response", None), "headers", None)
    value = headers.get("retry-after") if headers else None
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds()
        except (ValueError, TypeError, OverflowError):
            return None
    return None if math.isnan(seconds) else max(seconds, 0.0)


def _as_said(error: BaseException) -> str:
    """The server's words as they came: to decide by, never to be kept or shown."""
    return re.sub(r"\s+", " ", str(getattr(error, "message", error))[:4000])


def _short(error: BaseException) -> str:
    return confidence.cleaned(getattr(error, "message", error))
