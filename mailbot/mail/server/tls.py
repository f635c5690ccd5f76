"""TLS: which certificates are believed, and in words what was wrong with one."""

from __future__ import annotations

import ssl
from pathlib import Path

from mailbot.hearsay import confidence

_EXPIRED, _NOT_YET = 10, 9
_SELF_SIGNED = (18, 19)
_UNKNOWN_ISSUER = (2, 20, 21, 27)
_OTHER_NAME = (62, 63, 64)
"""Codes of OpenSSL's X509_V_ERR."""


def context(pinned: Path | None) -> ssl.SSLContext:
    """The system's authorities are believed, or only what stands in the file `pinned`: an authority, or a server's own
    certificate, also one that an authority has issued."""
    made = ssl.create_default_context(cafile=str(pinned) if pinned else None)
    if pinned:
        made.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        made.verify_flags &= (
            ~ssl.VERIFY_X509_STRICT
        )  # the certificates that bridges make for themselves are plain
    return made


def in_words(error: ssl.SSLError, host: str, pinned: Path | None) -> str:
    """What was wrong, and what to do."""
    if not isinstance(error, ssl.SSLCertVerificationError):
        reason = confidence.cleaned((error.reason or str(error)).replace("_", " ").lower())
        return f"TLS failed ({reason}). Check host, port and `security`"
    code = error.verify_code
    if code in _OTHER_NAME:
        return f"the server's certificate is for another name than {host}. Check `host`; if it is right, somebody may be in between"
    if code == _EXPIRED:
        return "the server's certificate has expired. Its owner must renew it; check this machine's clock too"
    if code == _NOT_YET:
        return "the server's certificate is not valid yet. Check this machine's clock"
    if pinned:
        return (
            f"the server's certificate is not the one in {pinned} (`ca_file`). If it was renewed, export it anew; if not,"
            " somebody may be in between"
        )
    if code in _SELF_SIGNED:
        return "the server's certificate is self-signed. If it is a server of your own or a bridge, name its certificate in `ca_file`"
    if code in _UNKNOWN_ISSUER:
        return "no authority that this machine knows has issued the server's certificate. If it is a server of your own, name the authority in `ca_file`"
    return f"the server's certificate is not valid ({confidence.cleaned(error.verify_message)})"
