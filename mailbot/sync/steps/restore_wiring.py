"""Restoring what a lost journal knew, given what it needs."""

from __future__ import annotations

from mailbot.mail.mail import read_mail
from mailbot.sync.decide.recovery import AGAIN
from mailbot.sync.session.opening import Session
from mailbot.sync.session.report import Options
from mailbot.sync.session.search import opened_index
from mailbot.sync.steps import wiring
from mailbot.sync.steps.restore import Restorer
from mailbot.sync.steps.restore_drafts import RestoreDrafts
from mailbot.sync.steps.restore_mails import RestoreMails
from mailbot.sync.steps.sent import read_sent
from mailbot.vault.index import Index


def restorer(session: Session, index: Index) -> Restorer:
    made, wanted = wiring.draft_notes(session, index), wiring.wish(session, Options())
    account, server, journal, spool = session.account, session.server, session.journal, session.spool
    return Restorer(
        RestoreMails(account, server, journal, session.notes, index, spool, wanted, session.clock),
        RestoreDrafts(
            session.settings, account, server, journal, session.notes, index, spool, session.report,
            lambda row, path, id_: made.composed(row, read_mail(wiring.mail_as_it_came(session, row)), path, id_).raw, session.clock,
        ),
    )  # fmt: skip


def remember_again(session: Session) -> None:
    """The first run of an account in this journal: its mails and drafts may be in the vault already, and are written into the journal as
    `mailbot rebuild` does it. An approval is taken back: of what, only the lost journal knew. Raises MailbotError where the index cannot be
    used: without it and the journal nobody knows which mails have their notes, so they stay unread."""
    with opened_index(session.settings, session.index) as index:
        read_sent(session.server, session.account, session.journal)
        done = restorer(session, index).everything()
    session.report.adopted += done.mails
    for path in done.notes:
        session.report.noticed.append({"note": path, "status": "edited", "what": AGAIN})
