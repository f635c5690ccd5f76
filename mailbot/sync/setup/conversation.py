"""The set-up, top to bottom: from an address to the first draft. Nothing is written before all is answered and tried."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from mailbot import config
from mailbot.mail.discovery.discover import Sources
from mailbot.mail.server.account import ImapAccount
from mailbot.settings import Settings
from mailbot.sync.checks import mail_server
from mailbot.sync.commands.views import make_views
from mailbot.sync.setup import backlog, first_run, identity, logging_in, writing
from mailbot.sync.setup.first_run import Bars
from mailbot.sync.setup.model import Chosen, ask_model
from mailbot.sync.setup.notes import ask_notes
from mailbot.sync.setup.person import Person, given
from mailbot.sync.setup.servers import an_address, ask_servers
from mailbot.sync.setup.trial import tried
from mailbot.sync.setup.writing import Answers


@dataclass(frozen=True, slots=True)
class Done:
    """What a set-up has made."""

    path: Path
    account: str
    drafts: tuple[str, ...] = ()


def converse(person: Person, path: Path | None, sources: Sources, today: date, bars: Bars) -> Done:
    """Ask, try, write, and make the first drafts. Raises ConfigError where the account does not work, or where nobody is there to
    answer; then nothing was written."""
    where = writing.place(path)
    there = config.load(where) if where.exists() else None
    if there:
        person.say(
            f"{where} has {len(there.accounts)} account(s); another one is added. Nothing else in it changes."
        )
    answers = _asked(person, where, there, sources, today)
    settings = writing.write(where, answers, today)
    person.say(f"\nWritten: {where}")
    if there is None and (made := make_views(settings)):
        person.say(f"For Obsidian: {', '.join(made)}")
    person.begin("The newest mails")
    wanted = first_run.foreseen(person, settings, answers.name, bars)
    drafts: tuple[str, ...] = ()
    if wanted or not person.there():
        report = first_run.make_drafts(person, settings, answers.name, bars)
        drafts = tuple(report.drafts) if report else ()
    first_run.offer_schedule(person, settings, where)
    person.say("\nFrom now on: `mailbot sync` does the job once, `mailbot doctor` checks that all is well.")
    return Done(where, answers.name, drafts)


def _asked(person: Person, where: Path, there: Settings | None, sources: Sources, today: date) -> Answers:
    person.begin("Your mail")
    address = person.ask("address", "Your mail address", an_address)
    taken = frozenset(a.name for a in there.accounts) if there else frozenset()
    servers = ask_servers(person, address, sources)
    name = person.ask(
        "name", "A name for this account", _a_new_one(taken), logging_in.a_name(taken, _suggested(address))
    )
    person.begin("The login")
    offers = logging_in.offered(name, servers)
    way = logging_in.ask_way(person, name, address, servers, offers, where.parent)
    person.begin("Does it work?")
    way, servers = tried(person, way, servers)
    notes, model = None, None
    if there is None:
        person.begin("Your notes")
        notes = ask_notes(person)
        person.begin("The model")
        model = ask_model(person, where.parent)
    person.begin("You, and how far back")
    with ImapAccount(way.imap) as server:
        sent = mail_server.mailboxes(way.account, server).sent
        who = identity.ask_identity(person, server, sent, address)
        unread = backlog.unread_in(server, "INBOX", today)
    reach = backlog.ask_reach(person, unread, "INBOX", today)
    return Answers(name, address, servers, way, who, reach, notes, model or (None if there else Chosen({})))


def _suggested(address: str) -> str:
    """A word for an account: what its domain is called."""
    return address.rpartition("@")[2].partition(".")[0]


def _a_new_one(taken: frozenset[str]) -> Callable[[str], str]:
    def check(text: str) -> str:
        if not re.fullmatch(r"[A-Za-z0-9][\w.-]*", given(text)):
            raise ValueError("write a word such as work (letters, digits, - _ .)")
        if text in taken:
            raise ValueError("there is an account of that name; write another one")
        return text

    return check
