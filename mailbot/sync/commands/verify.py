"""Everything that must hold, checked against the servers, the journal and the vault; and what needs no guess, mended."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from mailbot.errors import MailbotError
from mailbot.settings import Settings
from mailbot.sync.checks import places
from mailbot.sync.checks.check import Check, failed, wrong
from mailbot.sync.decide.finding import Finding, Mend
from mailbot.sync.session.accounts import each_account
from mailbot.sync.session.opening import Session, check_vault, chosen, opened, opened_on_a_copy, utc_time
from mailbot.sync.session.report import Options, silent
from mailbot.sync.session.search import opened_index
from mailbot.sync.session.state import State
from mailbot.sync.steps import draft_wiring, wiring
from mailbot.sync.steps.mending import Mender
from mailbot.sync.steps.restore_wiring import restorer
from mailbot.sync.steps.sent import read_sent
from mailbot.sync.steps.survey import Survey
from mailbot.vault.index import Index
from mailbot.vault.indexing import refresh

Tell = Callable[[Check], None]


def verify(
    settings: Settings, names: Sequence[str], tell: Tell, *, repair: bool = False, accept: bool = False
) -> tuple[list[Check], int]:
    """(what was found, an exit code): 0 all is as it should be, 1 something is not, else why it could not be told. Each is told as
    soon as it is known. With `accept` notes that are gone are gone for good. Without it and `repair` nothing changes: journal and index
    are copies. Raises ConfigError for an unknown account or a vault that is not there."""
    check_vault(settings.vault)
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
            survey = _survey(session, index)
            seen = list(survey.findings())
            if accept:
                survey.accept()
            if repair and (mended := _mended(session, index, seen)):
                refresh(index, session.settings.exclude)
                for check in mended:
                    told(check)
            if repair or accept:
                seen = list(survey.findings())
        for finding in seen:
            told(_check(finding, session.account.name))

    reports = each_account(settings, names, silent, act, opened if repair or accept else opened_on_a_copy)
    again = (
        "try again when it is well" if repair or accept else "nothing was changed; try again when it is well"
    )
    for report in reports:
        if report.error:
            error = failed("account", report.account, MailbotError(report.error))
            told(replace(error, code=report.exit_code, advice=again))
    code = next((r.exit_code for r in reports if r.exit_code), 0)
    return found, code or int(any(c.level != "ok" for c in found))


def _check(finding: Finding, account: str) -> Check:
    return Check(
        finding.what, account, finding.level, finding.found, finding.advice, int(finding.level != "ok")
    )


def _on_this_machine(settings: Settings, names: Sequence[str]) -> Iterator[Check]:
    """Files and secrets: what `mailbot doctor` checks too."""
    yield from places.secrets(settings, chosen(settings, names))
    yield places.conflicts(settings)
    if not State(settings.vault).journal.exists() and any(
        (settings.vault / settings.email_folder).rglob("*.md")
    ):
        said = "it is lost: the vault has mail that it should know"
        yield wrong("journal", str(State(settings.vault).journal), said, "run `mailbot rebuild`")
        return
    yield from (
        c for c in (*places.journal(settings), places.index(settings)) if c.name in ("journal", "index")
    )


def _survey(session: Session, index: Index) -> Survey:
    wish = wiring.wish(session, Options())
    account, server, journal = session.account, session.server, session.journal
    return Survey(account, server, journal, session.notes, index, session.spool, wish, utc_time())


def _mended(session: Session, index: Index, seen: Sequence[Finding]) -> list[Check]:
    """What became of each thing that can be mended; one cure may be that of several."""
    done: dict[Mend, Check] = {}
    for finding in seen:
        if finding.mend and finding.mend not in done:
            about = session.account.name
            try:
                how = _mender(session, index).mend(finding.mend)
                done[finding.mend] = Check("repair", about, "ok", f"{finding.found}: {how}")
            except MailbotError as error:
                session.server.ensure()
                done[finding.mend] = Check(
                    "repair", about, "wrong", f"{finding.found}: it failed: {error}", code=1
                )
    return list(done.values())


def _mender(session: Session, index: Index) -> Mender:
    read_sent(session.server, session.account, session.journal)
    return Mender(
        session.account.name, session.journal, session.notes, session.spool, draft_wiring.delivery(session), restorer(session, index),
        lambda row: wiring.mail_as_it_came(session, row),
    )  # fmt: skip
