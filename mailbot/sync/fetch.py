"""Unread mail -> durable notes: note, then journal, then cursor (DESIGN 7.2). Nothing on the server changes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from mailbot.assistant.steering import attempts
from mailbot.assistant.triage import Circumstances, Triage, detected, facts
from mailbot.errors import BadData, MailbotError, ServerUnavailable
from mailbot.mail.message import Message
from mailbot.mail.mime.parse import parse
from mailbot.mail.server.account import ImapAccount
from mailbot.mail.server.mailboxes import Opened
from mailbot.mail.server.messages import Listing
from mailbot.mail.text.split import MailText, split
from mailbot.sync import notebook
from mailbot.sync.decide.correspondent import why_no_person
from mailbot.sync.journal import Cursor, Stage, now
from mailbot.sync.run import Run, log
from mailbot.vault.email_note import EmailNote, Filing, Verdict, stem, to_note
from mailbot.vault.files import content_hash, write_atomic
from mailbot.vault.note import Note


@dataclass(frozen=True, slots=True)
class Poll:
    """What one look at a mailbox asks for: the search, from which UID on, and whether each mail moves the cursor."""

    criteria: tuple[object, ...]
    first: int
    moves: bool


def poll(fetch: str, cursor: Cursor | None, uidvalidity: int, since: datetime | None) -> Poll:
    """Which mails are wanted (pure). `unseen`: what is unread. `new`: everything beyond the cursor, read or not; where
    the server has renumbered its mails, everything that came since the cursor last moved; on the very first run, what
    is unread. `since` narrows a run, and then the cursor stays where it is: older mail is still to come."""
    narrowed: tuple[object, ...] = ("SINCE", since.date()) if since else ()
    if fetch == "unseen" or cursor is None:
        return Poll(("UNSEEN", *narrowed), 1, moves=False)
    if cursor.uidvalidity != uidvalidity:
        day = (cursor.moved - timedelta(days=1)).date() if cursor.moved else None
        return Poll(narrowed or (("SINCE", day) if day else ("ALL",)), 1, moves=False)
    return Poll(("ALL", *narrowed), cursor.uid + 1, moves=since is None)


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


def fetch(run: Run, server: ImapAccount) -> None:
    """Keep every wanted mail of the account's mailboxes as a note. A mailbox that cannot be opened is reported and does
    not stop the others. Raises MailbotError where the server as a whole fails, OSError where the disk does."""
    for name in run.account.mailboxes:
        try:
            opened = server.examine(name)
        except ServerUnavailable as error:
            server.ensure()
            there = ", ".join(m.name for m in server.mailboxes() if m.selectable)
            run.report.failed.append(f"{error}; correct `mailboxes` in accounts.yaml, there are: {there}")
            continue
        _mailbox(run, server, opened)


def _mailbox(run: Run, server: ImapAccount, opened: Opened) -> None:
    account, name = run.account.name, opened.name
    cursor = run.journal.cursor(account, name)
    if cursor and cursor.uidvalidity != opened.uidvalidity:
        run.report.remarks.append(
            f"{name}: the server renumbered its mails (UIDVALIDITY {cursor.uidvalidity} became {opened.uidvalidity});"
            " those that are known are recognised"
        )
        if not run.options.dry_run:
            run.journal.forget_failures(account, name, opened.uidvalidity)
    look = poll(run.account.fetch, cursor, opened.uidvalidity, run.options.since_time)
    last = opened.uidnext - 1  # -1 where the server does not say: then the search goes to the end
    found: list[int] = []
    if opened.exists and (last < 0 or last >= look.first):
        found = server.search(look.criteria, first=look.first, last=max(last, 0), exists=opened.exists)
    known = run.journal.known_uids(account, name, opened.uidvalidity)
    failures = run.journal.failures(account, name, opened.uidvalidity)
    uids = wanted(found, known, failures, now().isoformat(), run.options.limit, newest=not look.moves)
    listings = server.listings(uids)
    if len(listings) < len(uids):
        _unlisted(run, server, opened, [uid for uid in uids if uid not in {m.uid for m in listings}])
    for done, (listing, raw) in enumerate(_bodies(run, server, listings), 1):
        _one(run, server, opened, listing, raw, look.moves)
        run.progress(f"{account}: {name}", done, len(listings))
    if not run.options.dry_run and run.options.limit is None and run.options.since is None:
        top = last if last >= 0 else max([0, *found])
        run.journal.move_cursor(account, name, Cursor(opened.uidvalidity, top))


def _unlisted(run: Run, server: ImapAccount, opened: Opened, uids: list[int]) -> None:
    """UIDs that the server found and did not describe: gone meanwhile, or to be tried again."""
    for uid in uids:
        there = server.search(["ALL"], first=uid, last=uid, exists=0)
        if run.options.dry_run:
            continue
        if there:
            _failed(run, opened, uid, "the server did not describe the mail", moves=False)
        else:
            run.journal.forget_failure(run.account.name, opened.name, opened.uidvalidity, uid)


def _bodies(run: Run, server: ImapAccount, listings: list[Listing]) -> Iterable[tuple[Listing, bytes | None]]:
    """Each listing with its bytes, in order; None where the server sent none, or where it is too large to be taken."""
    fetched = server.bodies(m for m in listings if not _too_large(run, m))
    waiting = next(fetched, None)
    for listing in listings:
        if waiting and waiting[0] == listing.uid:
            yield listing, waiting[1]
            waiting = next(fetched, None)
        else:
            yield listing, None


def _too_large(run: Run, listing: Listing) -> bool:
    return listing.size > run.settings.max_mail_size * 1_000_000


def _one(
    run: Run, server: ImapAccount, opened: Opened, listing: Listing, raw: bytes | None, moves: bool
) -> None:
    """One mail becomes a note, or its failure is recorded; a bad mail never stops a mailbox (DESIGN 7.7)."""
    try:
        if _too_large(run, listing):
            message = _stub(server.header(listing.uid), listing)
        elif raw:
            message = parse(raw)
        else:
            raise BadData("the server listed the mail but sent no body")
        _keep(run, opened, listing, message, raw or b"", moves)
    except OSError:
        raise  # the disk: no mail would fare better
    except MailbotError as error:
        _failed(run, opened, listing.uid, str(error), moves)
    except Exception as error:  # noqa: BLE001 - a bad mail never stops a mailbox (DESIGN 7.7)
        log.exception("account %s: %s uid %d", run.account.name, opened.name, listing.uid)
        reason = f"a bug of mailbot ({type(error).__name__}); its log has the details"
        _failed(run, opened, listing.uid, reason, moves)


def _failed(run: Run, opened: Opened, uid: int, reason: str, moves: bool) -> None:
    run.report.failed.append(f"{opened.name}, UID {uid}: {reason}; it is tried again later")
    if run.options.dry_run:
        return
    with run.journal.together():
        run.journal.fetch_failed(run.account.name, opened.name, opened.uidvalidity, uid, reason, now())
        if moves:
            run.journal.move_cursor(run.account.name, opened.name, Cursor(opened.uidvalidity, uid))


def _stub(header: bytes, listing: Listing) -> Message:
    """What is kept of a mail that is too large: its header, under an identity that counts size and UID as well."""
    if not header.strip():
        raise BadData("the server listed the mail but sent no header")
    message = parse(header)
    size = f"{listing.size / 1_000_000:.0f} MB"
    return replace(
        message,
        sha256=content_hash(header + f"{listing.size} {listing.uid}".encode()),
        size=listing.size,
        body=(),
        defects=(*message.defects, f"its body ({size}) is above max_mail_size and was left on the server"),
    )


def _keep(run: Run, opened: Opened, listing: Listing, message: Message, raw: bytes, moves: bool) -> None:
    account = run.account.name
    cursor = Cursor(opened.uidvalidity, listing.uid)
    if known := run.journal.by_content(account, message.sha256):
        run.report.recognised += 1
        if not run.options.dry_run:
            with run.journal.together():
                run.journal.locate(known.id, account, opened.name, opened.uidvalidity, listing.uid)
                if moves:
                    run.journal.move_cursor(account, opened.name, cursor)
        return
    reply = split(message)
    twins = [m.note for m in run.journal.by_message_id(message.message_id or "")]
    triage, stage = _decided(run, message, reply, listing, bool(twins))
    verdict = verdict_of(triage) if triage else Verdict(reason="Not looked at yet")
    if run.options.dry_run:
        if triage is None and run.settings.llm is None:
            triage = detected(reply, message.subject)
        run.report.would.append(
            {
                "mailbox": opened.name,
                "uid": listing.uid,
                "subject": message.subject,
                "disposition": triage.disposition if triage else "undecided",
                "reason": triage.reason if triage else "The model decides",
            }
        )
        return
    filing = Filing(account, opened.name, listing.uid, opened.uidvalidity)
    path, note_hash = written(run, message, reply, filing, verdict, twins)
    if stage != "done":
        write_atomic(run.spool / f"{message.sha256}.eml", raw)
    arrived = (message.date or listing.internal_date or run.clock()).isoformat()
    with run.journal.together():
        mail_id = run.journal.add_mail(
            account,
            message.message_id or "",
            message.sha256,
            path,
            note_hash,
            arrived,
            stage,
            verdict.disposition,
        )
        run.journal.locate(mail_id, account, opened.name, opened.uidvalidity, listing.uid)
        if (
            not why_no_person(message)
            and message.sender
            and message.sender.key not in run.settings.own_addresses
        ):
            parents = (*message.in_reply_to, *message.references)
            run.journal.correspondence.to_meet(mail_id, account, now(), message.sender.key, parents)
        if moves:
            run.journal.move_cursor(account, opened.name, cursor)
    run.report.notes.append(path)
    if stage == "done":
        run.report.count(verdict.disposition)
    log.info("account %s: %s uid %d kept as mail %d", account, opened.name, listing.uid, mail_id)


def written(
    run: Run, message: Message, reply: MailText, filing: Filing, verdict: Verdict, twins: list[str]
) -> tuple[str, str]:
    """(path, hash) of the mail's note, made durable; under another name where another mail's note has the usual one."""
    number, name = 1, ""
    while True:
        email = to_note(message, reply, filing, verdict, folder=run.settings.email_folder, name=name)
        also: dict[str, Any] = suspicion(message)
        if twins:
            also["same_message_id_as"] = [f"[[{note.removesuffix('.md')}]]" for note in twins]
        if also:
            email = EmailNote(
                email.path, Note({**email.note.properties, **also}, email.note.body), email.files
            )
        if written := notebook.keep(run.vault, email, message.sha256):
            return email.path, written
        number += 1
        name = f"{stem(message, filing.uid)}_{number}"


def suspicion(message: Message) -> dict[str, list[str]]:
    """The property of a mail that tries to steer a language model; nothing for almost every mail."""
    found = attempts(message)
    return {"suspicious": list(found)} if found else {}


def _decided(
    run: Run, message: Message, reply: MailText, listing: Listing, twin: bool
) -> tuple[Triage | None, Stage]:
    """What the facts decide at once, and what is left to do: `triage`, or nothing."""
    answered = any(f.casefold() == "\\answered" for f in listing.flags)
    triage = facts(message, reply, Circumstances(frozenset(run.settings.own_addresses), answered=answered))
    if triage is None and twin:
        triage = Triage("read", "fact", "Another mail with this Message-ID is kept already")
    if triage is None and _too_large(run, listing):
        triage = Triage("read", "rule", "Too large: only its header is kept (max_mail_size)")
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
