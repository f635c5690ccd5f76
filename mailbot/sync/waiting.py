"""A mail that waits for triage or a draft, and what is made of it for the vault and the server."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from datetime import datetime

from mailbot.assistant.asks import Ask
from mailbot.assistant.context import Context
from mailbot.assistant.draft import Draft
from mailbot.assistant.triage import Triage, decided_by, detected, disposition_of
from mailbot.errors import BadData
from mailbot.mail.message import Address, Message, MessageId
from mailbot.mail.mime import compose, reply_body, reply_header
from mailbot.mail.text.split import MailText
from mailbot.settings import Settings
from mailbot.sync import notebook
from mailbot.sync.journal import MailRow
from mailbot.sync.run import Run
from mailbot.vault import draft_note
from mailbot.vault.draft_note import ActionItem, ContextSource, DraftNote
from mailbot.vault.email_note import whole_quoted
from mailbot.vault.files import inside
from mailbot.vault.note import Properties, property_text
from mailbot.vault.words import tongue


@dataclass(frozen=True, slots=True)
class Waiting:
    """The mail, as journalled and as read again; its triage, once there is one."""

    row: MailRow
    message: Message
    reply: MailText
    triage: Triage | None = None

    @property
    def stem(self) -> str:
        """The name of its note, without folder and ending."""
        return self.row.note.rpartition("/")[2].removesuffix(".md")


def remembered(run: Run, w: Waiting, properties: Properties) -> Triage:
    """The triage that an earlier run wrote into the note and the journal. Where that has no asks they are found anew."""

    def texts(key: str) -> tuple[str, ...]:
        value = properties.get(key)
        return tuple(str(v) for v in value) if isinstance(value, list) else ()

    return Triage(
        disposition_of(properties.get("disposition")) or "reply",
        decided_by(properties.get("decided_by")),
        str(properties.get("reason") or ""),
        str(properties.get("recipient_type") or ""),
        str(properties.get("urgency") or ""),
        str(properties.get("stakes") or ""),
        texts("topics"),
        texts("people"),
        tuple(
            Ask("question" if kind == "question" else "request", text)
            for kind, text in run.journal.asks(w.row.id)
        )
        or detected(w.reply, w.message.subject).asks,
    )


def corrected(w: Waiting, properties: Properties) -> Triage | None:
    """What the user says of the mail in its note, None where the note says only what mailbot wrote.

    Before triage we have written no `decided_by`; after it we know which disposition we wrote.
    """
    said = disposition_of(properties.get("disposition"))
    ours = bool(properties.get("decided_by")) if w.row.stage == "triage" else said == w.row.disposition
    if said is None or ours:
        return None
    asks = detected(w.reply, w.message.subject).asks if said == "reply" else ()
    return Triage(said, "user", "You said so in the note", asks=asks)


def planned_reply(run: Run, w: Waiting, text: str, message_id: MessageId) -> compose.Reply:
    """The reply as it goes to the server: everything but `text` comes from the source mail and the settings."""
    account, message = run.account, w.message
    own = tuple(Address(account.display_name, email) for email in account.own_addresses)
    to, cc = readers(run.settings, message)
    in_reply_to, references = reply_header.threading(message)
    quote = (
        ""
        if message.protected
        else reply_body.quoted(_quotable(w.reply), message.sender, message.date, tongue(w.reply.newest))
    )
    return compose.Reply(
        message_id=message_id,
        date=run.clock(),
        sender=reply_header.sender_alias(message, own),
        to=to,
        cc=cc,
        subject=reply_header.reply_subject(message.subject),
        in_reply_to=in_reply_to,
        references=references,
        body=reply_body.body(
            text if account.signature else _signed(text, account.display_name), quote, account.signature
        ),
        mailbot_id=message_id.strip("<>"),
    )


def _signed(text: str, name: str) -> str:
    """A reply with the user's name under it, where it does not stand there already: nobody sends a mail that ends in
    "Best regards,"."""
    last = re.findall(r"\w+", " ".join(text.rstrip().split("\n")[-2:]).casefold())
    told = not name or not set(re.findall(r"\w+", name.casefold())).isdisjoint(last)
    return text if told else f"{text.rstrip()}\n{name}"


def readers(settings: Settings, message: Message) -> tuple[tuple[Address, ...], tuple[Address, ...]]:
    """(To, Cc) of the answer to a mail, by the rule for replies to all."""
    mine = {o.casefold() for o in settings.own_addresses}
    others = {a.key for a in (*message.to, *message.cc)} - mine
    rule = settings.drafts.reply_all
    return reply_header.recipients(
        message, settings.own_addresses, rule == "always" or (rule == "auto" and bool(others))
    )


def _quotable(reply: MailText) -> str:
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
    domain = address.rpartition("@")[2]
    try:
        domain = domain.encode("idna").decode("ascii")
    except UnicodeError:
        domain = "mailbot.invalid"
    return MessageId(f"<{secrets.token_hex(12)}.mailbot@{domain}>")


def write_draft_note(
    run: Run, w: Waiting, draft: Draft, context: Context, path: str = ""
) -> tuple[str, MessageId]:
    """Write the draft note, to `path` or to a name that nothing has; returns its path and the Message-ID chosen."""
    message_id = new_message_id(run.account.address)
    target = path or free_path(run, w)
    earlier = earlier_revisions(run, w)
    planned = planned_reply(run, w, draft.reply, message_id)
    first = planned.to[0] if planned.to else Address("", "")
    triage = w.triage or Triage("reply", "user", "You asked for it")
    shown = DraftNote(
        stem=w.stem,
        original=f"{w.stem}.md",
        created=datetime.now(),
        to=first.email,
        to_name=first.name,
        cc=tuple(str(a) for a in (*planned.to[1:], *planned.cc)),
        subject=planned.subject,
        reply=draft.reply,
        original_quoted=whole_quoted(w.message, w.reply),
        reason=triage.reason,
        topics=triage.topics,
        people=triage.people,
        recipient_type=triage.recipient_type,
        urgency=triage.urgency,
        stakes=triage.stakes,
        reasoning=draft.reasoning,
        action_items=tuple(ActionItem(t.text, t.owner, t.due) for t in draft.tasks),
        context=tuple(
            ContextSource(s.note, s.title, s.heading, s.text, s.why, s.person, s.email)
            for s in context.sources
        ),
        withheld=context.withheld,
        supports=draft.supports,
        unknowns=draft.unknowns,
        account=run.account.name,
        message_id=w.message.message_id or "",
        draft_message_id=message_id,
        lane=draft.lane,
        model=draft.model,
        prompt_version=draft.prompt_version,
        tokens=draft.tokens_in + draft.tokens_out,
        cost=draft.cost,
        lane_reasons=draft.lane_reasons,
        earlier=earlier,
        warnings=draft.warnings,
    )
    notebook.write(run.vault, target, draft_note.render(shown))
    for last in run.journal.drafts(w.row.id)[-1:]:
        if (
            last.note != target
        ):  # the user has edited that one: it stays, and says that it is no longer the draft
            notebook.change(run.vault, last.note, last.note_hash, {"status": "superseded"})
    return target, message_id


def earlier_revisions(run: Run, w: Waiting) -> tuple[tuple[str, str], ...]:
    """What was drafted for a mail before, newest first: the last draft note's reply, as the user may have changed it, and
    the history that stands in that note."""
    last = run.journal.drafts(w.row.id)[-1:]
    found = notebook.read(run.vault, last[0].note) if last else None
    if found is None:
        return ()
    try:
        before = draft_note.parse(found[0], last[0].note)
    except BadData:
        return ()
    return (
        (f"{last[0].created[:16].replace('T', ' ')}, {before.model or 'unknown model'}", before.reply),
        *before.earlier,
    )


def free_path(run: Run, w: Waiting) -> str:
    """Where a new draft note goes: in the place of the last one where that is still as we wrote it, else beside it."""
    folder = f"{run.settings.email_folder}/Drafts"
    last = run.journal.drafts(w.row.id)[-1:]
    if last and (found := notebook.read(run.vault, last[0].note)) and found[1] == last[0].note_hash:
        return last[0].note
    path, number = f"{folder}/{w.stem}.draft.md", 1
    while inside(run.vault, path).exists():
        number += 1
        path = f"{folder}/{w.stem}.draft-{number}.md"
    return path


def draft_on_disk(run: Run, w: Waiting) -> tuple[str, MessageId] | None:
    """The draft note of a mail that lies in the vault though the journal knows no draft, and its Message-ID."""
    path = f"{run.settings.email_folder}/Drafts/{w.stem}.draft.md"
    if not inside(run.vault, path).exists() or run.journal.drafts(w.row.id):
        return None
    properties = notebook.properties(run.vault, path) or {}
    message_id = str(properties.get("draft_message_id") or "")
    ours = properties.get("message_id") == property_text(w.message.message_id or "")
    return (path, MessageId(message_id)) if message_id and ours else None


def composed(run: Run, w: Waiting, note: str, message_id: MessageId) -> tuple[bytes, str]:
    """The draft note as it lies in the vault -> (the mail, the note's hash). Raises BadData where it cannot be read."""
    text, note_hash = notebook.must_read(run.vault, note)
    reply = draft_note.parse(text, note).reply
    return compose.compose(planned_reply(run, w, reply, message_id)), note_hash
