"""Waiting mails -> drafts: triage, context, draft, draft note, server draft. Model calls overlap; all else is in order."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, TypeVar

from mailbot.assistant.asks import Ask
from mailbot.assistant.context import Context, gather
from mailbot.assistant.draft import Draft
from mailbot.assistant.outline import outline
from mailbot.assistant.triage import Circumstances, Triage, detected, disposition_of, facts, judged
from mailbot.errors import (
    AuthenticationFailed,
    BadData,
    ConfigError,
    MailbotError,
    ServerUnavailable,
    TryAgain,
)
from mailbot.mail import compose
from mailbot.mail.mailbox import Mailbox
from mailbot.mail.message import Address, Message, MessageId
from mailbot.mail.parse import parse
from mailbot.mail.reply import Reply, split
from mailbot.sync import deliver, notebook
from mailbot.sync.fetch import verdict_of
from mailbot.sync.journal import MailRow, now
from mailbot.sync.run import Run, log
from mailbot.vault import draft_note
from mailbot.vault.draft_note import ActionItem, ContextSource, DraftNote
from mailbot.vault.email_note import whole_quoted
from mailbot.vault.files import inside
from mailbot.vault.index import Index, index_path
from mailbot.vault.note import property_text

if TYPE_CHECKING:
    from mailbot.assistant.llm import Model

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Waiting:
    """A mail that wants triage or a draft, read again from the spool."""

    row: MailRow
    message: Message
    reply: Reply
    triage: Triage | None = None


def answer(run: Run, server: Mailbox, model: Model | None) -> None:
    """Bring every waiting mail of the account as far as it goes. Raises MailbotError where the server, or the model as a
    whole, fails; what fails for one mail is recorded and tried again by a later run."""
    waiting = list(_read(run, run.journal.waiting(run.account.name, now())))
    if not waiting:
        return
    waiting = _settled_by_facts(run, server, waiting)
    to_draft = [w for w in _triaged(run, waiting, model) if w.triage and w.triage.disposition == "reply"]
    most = run.options.max_drafts if run.options.max_drafts is not None else run.settings.drafts.max_per_run
    chosen = to_draft[-most:] if most else []  # the newest: an answer that comes late is worth least
    run.report.waiting += len(to_draft) - len(chosen)
    if chosen and not run.options.no_drafts:
        _drafted(run, server, chosen, model)


def _read(run: Run, rows: Iterable[MailRow]) -> Iterator[Waiting]:
    for row in rows:
        try:
            message = parse((run.spool / f"{row.sha256}.eml").read_bytes())
        except FileNotFoundError:
            run.journal.mail_failed(
                row.id, "its copy in the spool is gone; draft it with `mailbot draft`", now()
            )
            run.report.failed.append(
                f"{row.note}: its copy in the spool is gone; run `mailbot draft '{row.note}'`"
            )
            continue
        if notebook.read(run.vault, row.note) is None:
            _done(run, row, None)  # the user has removed the note: that is an answer too
            continue
        yield Waiting(row, message, split(message))


def _done(run: Run, row: MailRow, triage: Triage | None) -> None:
    """Nothing more is wanted of a mail: say why in its note, then in the journal."""
    note_hash = (
        notebook.change(run.vault, row.note, row.note_hash, verdict_of(triage).properties())
        if triage
        else row.note_hash
    )
    disposition = triage.disposition if triage else row.disposition
    run.journal.update_mail(row.id, stage="done", disposition=disposition, note_hash=note_hash)
    (run.spool / f"{row.sha256}.eml").unlink(missing_ok=True)
    run.report.count(disposition or "removed")


def _settled_by_facts(run: Run, server: Mailbox, waiting: list[Waiting]) -> list[Waiting]:
    """What Sent and Drafts know: mails that the user has answered, or begun to answer, are done."""
    oldest = min(w.message.date or run.clock() for w in waiting).astimezone()
    floor = run.clock() - run.settings.drafts.newer_than - timedelta(days=30)
    since = max(oldest, floor).date() - timedelta(days=1)

    def parents(use: str) -> set[MessageId]:
        try:
            name = server.find(
                "sent" if use == "sent" else "drafts",
                run.account.sent_mailbox if use == "sent" else run.account.drafts_mailbox,
            )
            server.examine(name)
            return server.parents(since)
        except ServerUnavailable as error:
            log.info("account %s: %s could not be read for earlier answers: %s", run.account.name, use, error)
            return set()

    answered, begun = parents("sent"), parents("drafts")
    left = []
    for w in waiting:
        mine = frozenset(run.settings.own_addresses)
        known = Circumstances(
            mine, answered=w.message.message_id in answered, drafted_by_user=w.message.message_id in begun
        )
        if triage := facts(w.message, w.reply, known):
            _done(run, w.row, triage)
        else:
            left.append(w)
    return left


# --- triage --------------------------------------------------------------------------------------------------------


def _triaged(run: Run, waiting: list[Waiting], model: Model | None) -> list[Waiting]:
    """Each waiting mail with its triage, written into its note; those whose triage failed are left out."""

    def ask(w: Waiting) -> tuple[Triage, int, int, str]:
        if w.row.stage == "draft":
            return _remembered(run, w), 0, 0, ""
        if model is None:
            return detected(w.reply), 0, 0, ""
        settings = run.settings.llm
        assert settings is not None
        name = settings.triage_model or settings.model
        triage, answered = judged(w.message, w.reply, run.settings.own_addresses, _user(run), model, name)
        return triage, answered.tokens_in, answered.tokens_out, answered.model

    done = []
    for w, result in _overlapping(run, "triage", waiting, ask, model is not None):
        if result is None:
            continue
        triage, tokens_in, tokens_out, name = result
        _spent(run, "triage", name, tokens_in, tokens_out)
        if w.row.stage == "triage":
            properties = notebook.properties(run.vault, w.row.note) or {}
            corrected = disposition_of(properties.get("disposition"))
            if corrected and corrected != w.row.disposition:
                triage = replace(
                    triage, disposition=corrected, decided_by="user", reason="You said so in the note"
                )
            if triage.disposition != "reply":
                _done(run, w.row, triage)
                continue
            note_hash = notebook.change(
                run.vault, w.row.note, w.row.note_hash, verdict_of(triage).properties()
            )
            run.journal.update_mail(w.row.id, stage="draft", disposition="reply", note_hash=note_hash)
            run.report.count("reply")
        done.append(replace(w, row=run.journal.mail(w.row.id), triage=triage))
    return done


def _remembered(run: Run, w: Waiting) -> Triage:
    """The triage that an earlier run wrote into the note; the asks are found anew."""
    p = notebook.properties(run.vault, w.row.note) or {}
    found = detected(w.reply).asks

    def text(key: str) -> str:
        return str(p.get(key) or "")

    def texts(key: str) -> tuple[str, ...]:
        value = p.get(key)
        return tuple(str(v) for v in value) if isinstance(value, list) else ()

    return Triage(
        disposition_of(p.get("disposition")) or "reply",
        "model",
        text("reason"),
        text("recipient_type"),
        text("urgency"),
        text("stakes"),
        texts("topics"),
        texts("people"),
        found,
    )


# --- drafts --------------------------------------------------------------------------------------------------------


def _drafted(run: Run, server: Mailbox, chosen: list[Waiting], model: Model | None) -> None:
    contexts: dict[int, Context] = {}
    todo: list[Waiting] = []
    for w in chosen:
        if (adopted := _on_disk(run, w)) is not None:
            _deliver(run, server, w, *adopted)  # the run that drafted it was killed before it could say so
        else:
            todo.append(w)
    if todo:
        with Index(index_path(run.state.parent, run.vault), run.vault) as index:
            index.refresh(run.settings.exclude)
            for w in todo:
                contexts[w.row.id] = context_for(run, index, w)

    def ask(w: Waiting) -> Draft:
        return draft_for(run, w, contexts[w.row.id], model)

    for w, draft in _overlapping(run, "draft", todo, ask, model is not None):
        if draft is None:
            continue
        _spent(run, "draft", draft.model if model else "", draft.tokens_in, draft.tokens_out)
        note, message_id = written_draft(run, w, draft, contexts[w.row.id])
        try:
            _deliver(run, server, w, note, message_id)
        except (TryAgain, ServerUnavailable):
            run.report.failed.append(
                f"{note}: the draft note is written, the server draft is not; the next run tries again"
            )
            raise


def context_for(run: Run, index: Index, w: Waiting) -> Context:
    """What the vault knows for the answer to one mail."""
    budget = run.settings.llm.context_tokens if run.settings.llm else 3000
    wanted = w.triage.asks if w.triage else ()
    folder = f"{run.settings.email_folder}/Drafts"
    own = frozenset(run.settings.own_addresses)
    return gather(
        index, w.message, w.reply, wanted, budget=budget, own=own, own_note=w.row.note, drafts_folder=folder
    )


def draft_for(run: Run, w: Waiting, context: Context, model: Model | None, instruct: str = "") -> Draft:
    """The draft of one mail: the model's, or without one an outline. Acts on nothing."""
    wanted: tuple[Ask, ...] = w.triage.asks if w.triage else ()
    if model is None:
        return outline(w.message.sender, w.reply.newest, wanted, context)
    from mailbot.assistant.draft import by_model

    assert run.settings.llm is not None
    return by_model(
        w.message,
        w.reply,
        wanted,
        context,
        user=_user(run),
        model=model,
        name=run.settings.llm.model,
        today=run.clock().date(),
        instruct=instruct,
    )


def written_draft(
    run: Run, w: Waiting, draft: Draft, context: Context, path: str = ""
) -> tuple[str, MessageId]:
    """Write the draft note; returns its path and the Message-ID chosen for the draft."""
    message_id = new_message_id(run.account.address)
    planned = planned_reply(run, w.message, w.reply, draft.reply, message_id)
    first = planned.to[0] if planned.to else Address("", "")
    triage = w.triage or Triage("reply", "user", "You asked for it")
    stem = w.row.note.rpartition("/")[2].removesuffix(".md")
    shown = DraftNote(
        stem=stem, original=f"{stem}.md", created=datetime.now(), to=first.email, to_name=first.name,
        cc=tuple(str(a) for a in (*planned.to[1:], *planned.cc)), subject=planned.subject, reply=draft.reply, original_quoted=whole_quoted(w.message, w.reply),
        reason=triage.reason, topics=triage.topics, people=triage.people, recipient_type=triage.recipient_type, urgency=triage.urgency,
        stakes=triage.stakes, reasoning=draft.reasoning, action_items=tuple(ActionItem(t.text, t.owner, t.due) for t in draft.tasks),
        context=tuple(ContextSource(s.note, s.title, s.heading, s.text, s.why, s.person) for s in context.sources),
        supports=draft.supports, unknowns=draft.unknowns, account=run.account.name, message_id=w.message.message_id or "",
        draft_message_id=message_id, lane=draft.lane, model=draft.model, prompt_version=draft.prompt_version,
        tokens=draft.tokens_in + draft.tokens_out, warnings=draft.warnings,
    )  # fmt: skip
    target = path or draft_note.path(shown, run.settings.email_folder)
    notebook.write(run.vault, target, draft_note.render(shown))
    return target, message_id


def planned_reply(
    run: Run, message: Message, reply: Reply, text: str, message_id: MessageId
) -> compose.Reply:
    """The reply as it goes to the server: everything but `text` comes from the source mail and the settings."""
    account = run.account
    own = tuple(Address(account.display_name, email) for email in account.own_addresses)
    others = {a.key for a in (*message.to, *message.cc)} - {o.casefold() for o in run.settings.own_addresses}
    rule = run.settings.drafts.reply_all
    to, cc = compose.recipients(
        message, run.settings.own_addresses, rule == "always" or (rule == "auto" and bool(others))
    )
    in_reply_to, references = compose.threading(message)
    quote = "" if message.protected else compose.quoted(_quotable(reply), message.sender, message.date)
    return compose.Reply(
        message_id=message_id, date=run.clock(), sender=compose.sender_alias(message, own), to=to, cc=cc, subject=compose.reply_subject(message.subject),
        in_reply_to=in_reply_to, references=references, body=compose.body(text, quote, account.signature), mailbot_id=message_id.strip("<>"),
    )  # fmt: skip


def _quotable(reply: Reply) -> str:
    """The mail as plain text to be quoted: without its signature, the history of an HTML mail marked as such."""
    parts = []
    for segment in reply.segments:
        if segment.kind == "signature":
            continue
        lines = segment.plain.split("\n")
        deeper = segment.kind == "quoted" and segment.source.html
        parts.append("\n".join(f"> {line}".rstrip() for line in lines) if deeper else segment.plain)
    return "\n\n".join(parts)


def new_message_id(address: str) -> MessageId:
    """A Message-ID of our own, at the user's domain (RFC 5322 3.6.4)."""
    return MessageId(f"<{secrets.token_hex(12)}.mailbot@{address.rpartition('@')[2]}>")


def _on_disk(run: Run, w: Waiting) -> tuple[str, MessageId] | None:
    """The draft note of a mail that lies in the vault though the journal knows no draft."""
    stem = w.row.note.rpartition("/")[2].removesuffix(".md")
    path = f"{run.settings.email_folder}/Drafts/{stem}.draft.md"
    if not inside(run.vault, path).exists() or run.journal.drafts(w.row.id):
        return None
    properties = notebook.properties(run.vault, path) or {}
    message_id = str(properties.get("draft_message_id") or "")
    if not message_id or properties.get("message_id") != property_text(w.message.message_id or ""):
        return None
    return path, MessageId(message_id)


def _deliver(run: Run, server: Mailbox, w: Waiting, note: str, message_id: MessageId) -> None:
    """The draft note that lies in the vault -> the same draft in the server's Drafts, journalled."""
    found = notebook.read(run.vault, note)
    if found is None:
        raise BadData(f"{note}: the draft note is gone")
    text = draft_note.parse(found[0], note).reply
    composed = compose.compose(planned_reply(run, w.message, w.reply, text, message_id))
    if run.settings.drafts.to_server:
        deliver.store(run, server, w.row.id, note, found[1], message_id, composed)
    else:
        link = f"[[{note.removesuffix('.md')}]]"
        note_hash = notebook.change(run.vault, w.row.note, w.row.note_hash, {"draft": link})
        run.journal.update_mail(w.row.id, stage="done", disposition="reply", note_hash=note_hash)
        (run.spool / f"{w.row.sha256}.eml").unlink(missing_ok=True)
    run.report.drafts.append(note)


# --- model calls ---------------------------------------------------------------------------------------------------


def _overlapping(
    run: Run, what: str, waiting: list[Waiting], ask: Callable[[Waiting], Result], overlap: bool
) -> Iterator[tuple[Waiting, Result | None]]:
    """Run `ask` on each mail, several at once, and give the results in order; None where it failed for this mail.

    A failure that would meet every mail (a refused key, an unknown model) ends the work; so does an interrupt.
    """
    concurrency = run.settings.llm.concurrency if run.settings.llm and overlap else 1
    with ThreadPoolExecutor(max_workers=concurrency, thread_name_prefix=what) as pool:
        futures: list[Future[Result]] = [pool.submit(ask, w) for w in waiting]
        try:
            for done, (w, future) in enumerate(zip(waiting, futures, strict=True), 1):
                try:
                    yield w, future.result()
                except (AuthenticationFailed, ConfigError):
                    raise
                except MailbotError as error:
                    _failed(run, w, what, error)
                    yield w, None
                run.progress(f"{run.account.name}: {what}", done, len(waiting))
        finally:
            for future in futures:
                future.cancel()


def _failed(run: Run, w: Waiting, what: str, error: MailbotError) -> None:
    _spent(run, what, "failed", getattr(error, "tokens_in", 0), getattr(error, "tokens_out", 0))
    wait = timedelta(seconds=error.retry_after) if isinstance(error, TryAgain) and error.retry_after else None
    run.journal.mail_failed(w.row.id, str(error), now(), wait)
    run.report.failed.append(f"{w.row.note}: {error}")
    log.warning("account %s: %s of %s failed: %s", run.account.name, what, w.row.note, error)


def _spent(run: Run, purpose: str, model: str, tokens_in: int, tokens_out: int) -> None:
    if tokens_in or tokens_out:
        run.journal.spent(run.account.name, purpose, model, tokens_in, tokens_out, now())
        run.report.tokens_in += tokens_in
        run.report.tokens_out += tokens_out


def _user(run: Run) -> str:
    return run.account.display_name or run.account.address
