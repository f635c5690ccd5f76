"""Unread mail -> durable notes: note, then journal, then cursor (DESIGN 7.2). Nothing on the server changes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from mailbot.assistant.triage import Circumstances, Triage, facts
from mailbot.errors import BadData, MailbotError
from mailbot.mail.mailbox import Listing, Mailbox, Opened
from mailbot.mail.message import Message
from mailbot.mail.parse import parse
from mailbot.mail.reply import Reply, split
from mailbot.sync import notebook
from mailbot.sync.journal import Cursor, Stage, now
from mailbot.sync.run import Run, log
from mailbot.vault.email_note import EmailNote, Filing, Verdict, stem, to_note
from mailbot.vault.files import write_atomic
from mailbot.vault.note import Note


def wanted(
    found: Iterable[int], known: set[int], failures: dict[int, str], at: str, limit: int | None, newest: bool
) -> list[int]:
    """The UIDs to fetch, ascending: what was found, less what is known, and the failures whose time has come.

    `limit` keeps the newest or the oldest of them. Pure.
    """
    due = {uid for uid, until in failures.items() if until <= at}
    uids = sorted(({*found} - known - failures.keys()) | due)
    if limit is None or len(uids) <= limit:
        return uids
    return uids[-limit:] if newest and limit else uids[:limit]


def fetch(run: Run, server: Mailbox) -> None:
    """Keep every wanted mail of the account's mailboxes as a note. Raises MailbotError where the server fails."""
    for name in run.account.mailboxes:
        _mailbox(run, server, name)


def _mailbox(run: Run, server: Mailbox, name: str) -> None:
    account = run.account.name
    opened = server.examine(name)
    cursor = run.journal.cursor(account, name)
    if cursor and cursor.uidvalidity != opened.uidvalidity:
        run.report.remarks.append(
            f"{name}: the server renumbered its mails (UIDVALIDITY {cursor.uidvalidity} became {opened.uidvalidity}); known ones are recognised"
        )
        cursor = None
    everything = run.account.fetch == "new" and cursor is not None
    first = cursor.uid + 1 if everything and cursor else 1
    last = opened.uidnext - 1
    found: list[int] = []
    if opened.exists and last >= first:
        criteria: list[object] = ["ALL"] if everything else ["UNSEEN"]
        if run.options.since:
            criteria += ["SINCE", run.options.since]
        found = server.search(criteria, first=first, last=last)
    uids = wanted(
        found, run.journal.known_uids(account, name, opened.uidvalidity), run.journal.failures(account, name, opened.uidvalidity), now().isoformat(),
        run.options.limit, newest=not everything,
    )  # fmt: skip
    listings = server.listings(uids)
    for done, (listing, raw) in enumerate(_bodies(run, server, listings), 1):
        _one(run, server, opened, listing, raw, everything)
        run.progress(f"{account}: {name}", done, len(listings))
    if not run.options.dry_run and run.options.limit is None and run.options.since is None:
        run.journal.move_cursor(account, name, Cursor(opened.uidvalidity, max(last, 0)))


def _bodies(run: Run, server: Mailbox, listings: list[Listing]) -> Iterable[tuple[Listing, bytes | None]]:
    """Each listing with its bytes, in order; None where the server sent none, or where it is too large to be taken."""
    cap = run.settings.max_mail_size * 1_000_000
    fetched = server.bodies(m for m in listings if m.size <= cap)
    waiting = next(fetched, None)
    for listing in listings:
        if waiting and waiting[0] == listing.uid:
            yield listing, waiting[1]
            waiting = next(fetched, None)
        else:
            yield listing, None


def _one(
    run: Run, server: Mailbox, opened: Opened, listing: Listing, raw: bytes | None, everything: bool
) -> None:
    """One mail becomes a note, or its failure is recorded; a bad mail never stops a mailbox (DESIGN 7.7)."""
    try:
        message: Message | None
        if raw is None and listing.size > run.settings.max_mail_size * 1_000_000:
            message = _stub(server.header(listing.uid), listing)
        else:
            message = parse(raw) if raw else None
        if message is None:
            raise BadData("the server listed the mail but sent no body")
        _keep(run, opened, listing, message, raw or b"", everything)
    except (
        BadData,
        ValueError,
        LookupError,
        TypeError,
        AttributeError,
        RecursionError,
        UnicodeError,
    ) as error:
        reason = (
            str(error)
            if isinstance(error, MailbotError)
            else f"{type(error).__name__} while it was made a note"
        )
        log.error(
            "account %s: %s uid %d: %s",
            run.account.name,
            opened.name,
            listing.uid,
            reason,
            exc_info=not isinstance(error, MailbotError),
        )
        run.report.failed.append(f"{opened.name}, UID {listing.uid}: {reason}")
        if not run.options.dry_run:
            with run.journal.together():
                run.journal.fetch_failed(
                    run.account.name, opened.name, opened.uidvalidity, listing.uid, reason, now()
                )
                if everything:
                    run.journal.move_cursor(
                        run.account.name, opened.name, Cursor(opened.uidvalidity, listing.uid)
                    )


def _stub(header: bytes, listing: Listing) -> Message:
    message = parse(header)
    size = f"{listing.size / 1_000_000:.0f} MB"
    return replace(
        message,
        size=listing.size,
        body=(),
        defects=(*message.defects, f"its body ({size}) is above max_mail_size and was left on the server"),
    )


def _keep(run: Run, opened: Opened, listing: Listing, message: Message, raw: bytes, everything: bool) -> None:
    account = run.account.name
    cursor = Cursor(opened.uidvalidity, listing.uid)
    if known := run.journal.by_content(account, message.sha256):
        run.report.recognised += 1
        if not run.options.dry_run:
            with run.journal.together():
                run.journal.locate(known.id, account, opened.name, opened.uidvalidity, listing.uid)
                if everything:
                    run.journal.move_cursor(account, opened.name, cursor)
        return
    reply = split(message)
    twins = [
        m
        for m in run.journal.by_message_id(message.message_id or "")
        if m.sha256 != message.sha256 or m.account != account
    ]
    triage, stage = _decided(run, message, reply, listing, bool(twins))
    verdict = verdict_of(triage) if triage else Verdict(reason="Not looked at yet")
    filing = Filing(account, opened.name, listing.uid, opened.uidvalidity)
    if run.options.dry_run:
        run.report.would.append(
            {"mailbox": opened.name, "uid": listing.uid, "subject": message.subject, "disposition": triage.disposition if triage else "undecided",
             "reason": verdict.reason}
        )  # fmt: skip
        return
    folder = run.settings.email_folder
    written: tuple[str, str] | None = None
    email = to_note(message, reply, filing, verdict, folder=folder)
    number = 1
    while True:
        if twins:
            properties = {
                **email.note.properties,
                "same_message_id_as": [f"[[{m.note.removesuffix('.md')}]]" for m in twins],
            }
            email = EmailNote(email.path, Note(properties, email.note.body), email.files)
        written = notebook.keep(run.vault, email, message.sha256)
        if written:
            break
        number += 1
        email = to_note(
            message, reply, filing, verdict, folder=folder, name=f"{stem(message, listing.uid)}_{number}"
        )
    if stage != "done":
        write_atomic(run.spool / f"{message.sha256}.eml", raw)
    when = (message.date or listing.internal_date or run.clock()).isoformat()
    with run.journal.together():
        mail_id = run.journal.add_mail(
            account,
            message.message_id or "",
            message.sha256,
            email.path,
            written[0],
            when,
            stage,
            verdict.disposition,
        )
        run.journal.locate(mail_id, account, opened.name, opened.uidvalidity, listing.uid)
        if everything:
            run.journal.move_cursor(account, opened.name, cursor)
    run.report.notes.append(email.path)
    if stage == "done":
        run.report.count(verdict.disposition)
    log.info("account %s: %s uid %d kept as %s", account, opened.name, listing.uid, email.path)


def _decided(
    run: Run, message: Message, reply: Reply, listing: Listing, twin: bool
) -> tuple[Triage | None, Stage]:
    """What the facts decide at once, and what is left to do: `triage`, or nothing."""
    answered = any(f.casefold() == "\\answered" for f in listing.flags)
    triage = facts(message, reply, Circumstances(frozenset(run.settings.own_addresses), answered=answered))
    if triage is None and twin:
        triage = Triage("read", "fact", "Another mail with this Message-ID is kept already")
    arrived = listing.internal_date or message.date
    if triage is None and arrived and run.clock() - arrived.astimezone() > run.settings.drafts.newer_than:
        days = run.settings.drafts.newer_than.days
        triage = Triage(
            "read", "rule", f"Older than {days} days: no draft is made for it (drafts.newer_than)"
        )
    return triage, "done" if triage else "triage"


def verdict_of(triage: Triage) -> Verdict:
    """Triage -> the shape that an email note writes."""
    return Verdict(
        triage.disposition,
        triage.decided_by,
        triage.reason,
        triage.recipient_type,
        triage.urgency,
        triage.stakes,
        triage.topics,
        triage.people,
    )
