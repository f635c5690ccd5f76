"""Everything that must hold, checked against the servers, the journal and the vault; and what needs no guess, mended."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from mailbot.errors import MailbotError
from mailbot.settings import Settings
from mailbot.sync.checks import places
from mailbot.sync.checks.check import Check, failed
from mailbot.sync.decide.finding import Finding, Mend
from mailbot.sync.session.accounts import each_account
from mailbot.sync.session.opening import Session, chosen, opened, opened_on_a_copy, utc_time
from mailbot.sync.session.report import Options, silent
from mailbot.sync.session.search import opened_index
from mailbot.sync.steps import draft_wiring, wiring
from mailbot.sync.steps.mending import Mender
from mailbot.sync.steps.restore import Restorer
from mailbot.sync.steps.sent import read_sent
from mailbot.sync.steps.survey import Survey
from mailbot.vault.index import Index

Tell = Callable[[Check], None]


def verify(
    settings: Settings, names: Sequence[str], tell: Tell, *, repair: bool = False
) -> tuple[list[Check], int]:
    """(what was found, an exit code): 0 all is as it should be, 1 something is not, else why it could not be told. Each is told as
    soon as it is known. Without `repair` nothing changes: journal and index are copies. Raises ConfigError for an unknown account."""
    found: list[Check] = []

    def told(check: Check) -> None:
        found.append(check)
        tell(check)

    for check in _on_this_machine(settings, names):
        told(check)
    if any(c.level == "wrong" and c.name == "journal" for c in found):
        return found, 1  # without it nothing can be compared: `mailbot rebuild` comes first

    def act(session: Session) -> None:
        session.server.connect()
        with opened_index(session.settings, session.index) as index:
            seen = list(_survey(session, index).findings())
            if repair:
                done: dict[Mend, str] = {}
                seen = [_mended(session, index, each, done) for each in seen]
        for finding in seen:
            told(Check(finding.what, session.account.name, finding.level, finding.found, finding.advice, 1))

    reports = each_account(settings, names, silent, act, opened if repair else opened_on_a_copy)
    for report in reports:
        if report.error:
            told(failed("account", report.account, MailbotError(report.error)))
    code = next((r.exit_code for r in reports if r.exit_code), 0)
    return found, code or int(any(c.level != "ok" for c in found))


def _on_this_machine(settings: Settings, names: Sequence[str]) -> Iterator[Check]:
    """Files and secrets: what `mailbot doctor` checks too."""
    yield from places.secrets(settings, chosen(settings, names))
    yield places.conflicts(settings)
    for check in (*places.journal(settings), places.index(settings)):
        if check.name == "journal" and check.level == "wrong":
            check = replace(check, advice="run `mailbot rebuild`: it makes the journal anew")
        if check.name in ("journal", "index"):
            yield check


def _survey(session: Session, index: Index) -> Survey:
    wish = wiring.wish(session, Options())
    account, server, journal = session.account, session.server, session.journal
    return Survey(account, server, journal, session.notes, index, session.spool, wish, utc_time())


def _mended(session: Session, index: Index, finding: Finding, done: dict[Mend, str]) -> Finding:
    """A finding, and what became of it; `done` are the cures that were tried by now."""
    mend = finding.mend
    if mend is None:
        return finding
    try:
        if mend not in done:
            done[mend] = _mender(session, index).mend(mend)
    except MailbotError as error:
        session.server.ensure()
        return replace(finding, advice=f"it could not be repaired: {error}")
    return replace(finding, level="ok", found=f"{finding.found}; repaired: {done[mend]}", advice="")


def _mender(session: Session, index: Index) -> Mender:
    read_sent(session.server, session.account, session.journal)
    restorer = Restorer(
        session.settings, session.account, session.server, session.journal, session.notes, index, session.spool, session.report, session.clock
    )  # fmt: skip
    return Mender(
        session.account.name, session.journal, session.notes, session.spool, draft_wiring.delivery(session), restorer,
        lambda row: wiring.mail_as_it_came(session, row),
    )  # fmt: skip
