"""The steps of an opened account, each given what it needs. A step is imported when it is wired: a run that finds nothing new pays
for none of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mailbot.assistant.models import Models
    from mailbot.assistant.request import DraftRequest
    from mailbot.assistant.style import Voice
    from mailbot.settings import Account
    from mailbot.sync.decide.mailbox import Wish
    from mailbot.sync.memory.rows import MailRow
    from mailbot.sync.session.kept_notes import KeptNotes
    from mailbot.sync.session.opening import Session
    from mailbot.sync.session.report import Options
    from mailbot.sync.steps.circumstances import Knowledge, KnowledgeOf
    from mailbot.sync.steps.cost import Bill
    from mailbot.sync.steps.draft import Storage
    from mailbot.sync.steps.draft_note import DraftNotes
    from mailbot.sync.steps.fetch import Arrivals
    from mailbot.sync.steps.keep import Keeper
    from mailbot.sync.steps.ledger import Ledger
    from mailbot.sync.steps.people import PersonNotes
    from mailbot.sync.steps.reading import ReadMails
    from mailbot.sync.steps.second_thoughts import SecondThoughts
    from mailbot.sync.steps.style import SentStyle
    from mailbot.sync.steps.triage import Judge
    from mailbot.sync.steps.waiting import TriageRecord, Waiting
    from mailbot.sync.steps.wrong_clock import WrongClock
    from mailbot.vault.index import Index
    from mailbot.vault.source import Context


def sweep(session: Session) -> None:
    """Take away what killed runs have left unfinished, in the vault and in the spool, and raw mails that are done with."""
    name, journal = session.account.name, session.journal
    session.notes.sweep()
    session.spool.sweep(journal.mails.unfinished(name), journal.drafts.intended(name))


def user_of(account: Account) -> str:
    """The user's name in a prompt."""
    return account.display_name or account.address


def wish(session: Session, options: Options) -> Wish:
    from mailbot.sync.decide.mailbox import Wish
    from mailbot.sync.session.report import midnight

    asked, set_ = options.since_time, session.account.since
    return Wish(
        session.account.fetch, asked, options.limit, max_size(session), midnight(set_) if set_ else None
    )


def max_size(session: Session) -> int:
    """Octets; of a larger mail only the header is kept."""
    return session.settings.max_mail_size * 1_000_000


def knowledge(session: Session, index: Index) -> Knowledge:
    """What is known beside a mail. With a model configured the model decides what the rules leave open. Drafts is read here,
    before any mailbox is: a connection has one mailbox open."""
    from mailbot.sync.steps.circumstances import Knowledge, begun_by_user

    newer_than, account = session.settings.drafts.newer_than, session.account
    begun = begun_by_user(session.server, account, session.journal, newer_than, session.clock())
    model = session.settings.llm is not None
    return Knowledge(session.settings, account.name, session.journal, index, begun, model, index.newest_id())


def arrivals(session: Session, knows: KnowledgeOf | None) -> Arrivals:
    from mailbot.sync.decide.disposition import Circumstances
    from mailbot.sync.steps.fetch import Arrivals

    at_once = Circumstances(
        own=frozenset(session.settings.own_addresses), newer_than=session.settings.drafts.newer_than
    )
    folder = session.settings.email_folder
    return Arrivals(
        session.account.name, session.server, session.journal, at_once, knows, folder, session.clock()
    )


def kept_notes(session: Session, index: Index | None) -> KeptNotes:
    from mailbot.sync.session.kept_notes import KeptNotes

    return KeptNotes(session.account.name, session.notes, index)


def keeper(session: Session, mails: ReadMails, index: Index | None) -> Keeper:
    from mailbot.sync.steps.keep import Keeper

    return Keeper(
        session.account.name,
        session.journal,
        kept_notes(session, index),
        session.spool,
        mails,
        frozenset(session.settings.own_addresses),
        ledger(session),
        session.report,
        session.progress,
    )


def ledger(session: Session) -> Ledger:
    from mailbot.sync.steps.ledger import Ledger

    return Ledger(session.account.name, session.journal, session.report)


def read_mails(session: Session) -> ReadMails:
    from mailbot.sync.steps.reading import ReadMails

    return ReadMails(session.spool)


def record(session: Session, index: Index) -> TriageRecord:
    from mailbot.sync.steps.links import Links
    from mailbot.sync.steps.waiting import TriageRecord

    named = Links(index, session.notes, session.journal.mails).of_names
    return TriageRecord(session.journal, session.notes, session.spool, session.report, named)


def most_drafts(session: Session, options: Options) -> int:
    """How many drafts this run may make."""
    return session.settings.drafts.max_per_run if options.max_drafts is None else options.max_drafts


def bill(session: Session) -> Bill:
    from mailbot.sync.steps.cost import Bill

    return Bill(session.account.name, session.journal.costs, session.report)


def concurrency(session: Session, models: Models | None) -> int:
    """How many questions may be in flight."""
    return session.settings.llm.concurrency if session.settings.llm and models else 1


def judge(session: Session, models: Models | None, index: Index) -> Judge | None:
    """The model as a judge, None if there is no model."""
    from mailbot.sync.steps.triage import Judge
    from mailbot.vault.languages import main_languages

    if models is None:
        return None
    return Judge(
        models,
        user_of(session.account),
        session.settings.folder,
        concurrency(session, models),
        bill(session),
        session.progress,
        session.ends,
        main_languages(index),
    )


def draft_notes(session: Session, index: Index) -> DraftNotes:
    from mailbot.sync.steps.draft_note import DraftNotes

    return DraftNotes(
        session.settings, session.account, session.journal.drafts, session.notes, index, session.clock
    )


def storage(session: Session, index: Index) -> Storage:
    from mailbot.sync.steps import draft_wiring
    from mailbot.sync.steps.draft import Storage
    from mailbot.sync.steps.rivals import Rivals

    to_server = session.settings.drafts.to_server
    beside, delivery = draft_wiring.open_drafts(session, index), draft_wiring.delivery(session)
    rivals = Rivals(delivery, session.clock)
    return Storage(draft_notes(session, index), delivery, record(session, index), to_server, beside, rivals)


def person_notes(session: Session, index: Index) -> PersonNotes:
    from mailbot.sync.steps.people import PersonNotes

    return PersonNotes(
        session.account.name,
        session.settings,
        session.journal,
        session.notes,
        index,
        session.report,
        session.clock().date().isoformat(),
    )


def sent_style(session: Session) -> SentStyle:
    from mailbot.sync.steps.style import SentStyle

    return SentStyle(session.account.name, session.settings, session.journal, session.server)


def mail_as_it_came(session: Session, row: MailRow) -> bytes:
    """A kept mail's raw bytes. Raises what `raw_mail` raises."""
    from mailbot.sync.steps.raw_mail import raw_mail

    return raw_mail(
        row,
        session.spool,
        session.journal.locations,
        session.server,
        session.account.mailboxes,
        max_size(session),
    )


def wrong_clock(session: Session) -> WrongClock:
    from mailbot.sync.steps.wrong_clock import WrongClock

    return WrongClock(
        session.account.name,
        session.journal,
        session.notes,
        session.spool,
        session.server,
        lambda row: mail_as_it_came(session, row),
        session.settings.drafts.newer_than,
    )


def second_thoughts_of(session: Session) -> SecondThoughts:
    from mailbot.sync.steps.second_thoughts import SecondThoughts

    return SecondThoughts(
        session.journal,
        session.notes,
        session.spool,
        session.server,
        lambda row: mail_as_it_came(session, row),
        session.report,
    )


def request(session: Session, waiting: Waiting, context: Context, voice: Voice | None = None) -> DraftRequest:
    """What a draft for a mail is made from."""
    from mailbot.assistant.request import DraftRequest
    from mailbot.assistant.steering import attempts

    return DraftRequest(
        waiting.mail,
        waiting.verdict.asks,
        context,
        user_of(session.account),
        session.clock(),
        style=voice.words if voice else "",
        closing=voice.closing if voice else "",
        suspicious=tuple(attempts(waiting.mail.message)),
    )
