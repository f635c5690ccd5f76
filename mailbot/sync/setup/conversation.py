"""The set-up, top to bottom: from an address to the first draft. Nothing is written before all is answered and tried."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from mailbot import config
from mailbot.errors import ConfigError, ServerUnavailable, TryAgain
from mailbot.mail.discovery.discover import Sources
from mailbot.mail.server.account import ImapAccount
from mailbot.settings import Settings
from mailbot.sync.checks import mail_server
from mailbot.sync.commands.views import make_views
from mailbot.sync.setup import backlog, first_run, identity, logging_in, writing
from mailbot.sync.setup.first_run import Bars
from mailbot.sync.setup.model import Chosen, ask_model
from mailbot.sync.setup.notes import ask_notes
from mailbot.sync.setup.person import Person, counted, given
from mailbot.sync.setup.servers import Servers, an_address, ask_by_hand, ask_servers
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
        count = counted(len(there.accounts), "account")
        person.say(f"{where} has {count}; this adds another one. Nothing else in it changes.")
        for key in ("vault", "email-folder", "people-folder", "model-url", "model", "api-key-file"):
            if person.ask(key, "", str, ""):
                raise ConfigError(f"--{key}: {where} has its own already; edit it there")
    answers = _asked(person, where, there, sources, today)
    settings = writing.write(where, answers, today)
    person.say(f"\nWritten: {where}")
    try:
        if there is None and (made := make_views(settings)):
            person.say(f"For Obsidian: {', '.join(made)}")
        drafts = _first_drafts(person, settings, answers.name, bars)
        first_run.offer_schedule(person, settings, where)
    except BaseException:
        person.say(f"\nThe set-up is done, and {where} stays as it is; `mailbot sync` goes on from here.")
        raise
    person.say("\nFrom now on: `mailbot sync` does the job once, `mailbot doctor` checks that all is well.")
    return Done(where, answers.name, drafts)


def _first_drafts(person: Person, settings: Settings, name: str, bars: Bars) -> tuple[str, ...]:
    """Show what would become of the newest mails, and do it if the user says so; returns the draft notes."""
    person.begin("The newest mails")
    if not first_run.foreseen(person, settings, name, bars):
        return ()
    report = first_run.make_drafts(person, settings, name, bars)
    return tuple(report.drafts) if report else ()


def _asked(person: Person, where: Path, there: Settings | None, sources: Sources, today: date) -> Answers:
    person.begin("Your mail")
    address = person.ask("address", "Your mail address", an_address)
    _is_new(person, address, there)
    taken = frozenset(a.name for a in there.accounts) if there else frozenset()
    servers = ask_servers(person, address, sources)
    name = person.ask(
        "name", "A name for this account", _a_new_one(taken), logging_in.a_name(taken, _suggested(address))
    )
    person.begin("The login")
    servers, offers = _reached(person, name, servers)
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


def _is_new(person: Person, address: str, there: Settings | None) -> None:
    """Raises ConfigError if the address is set up already and the user does not want it twice: each of its mails would have two
    notes."""
    known = [a.name for a in there.accounts if a.address.casefold() == address.casefold()] if there else []
    if known and not person.agrees(
        "twice", f"{address} is set up already, as {known[0]}. Add it once more?", default=False
    ):
        raise ConfigError(f"{address} is set up already, as {known[0]}; nothing was changed")


def _reached(person: Person, name: str, servers: Servers) -> tuple[Servers, logging_in.Offered]:
    """What the servers offer; asked for by hand where they cannot be reached. Raises what `offered` raises if nobody can be asked, or
    the third one cannot be reached either."""
    for _ in range(logging_in.TRIES - 1):
        try:
            return servers, logging_in.offered(name, servers)
        except (ServerUnavailable, TryAgain) as error:
            if not person.there():
                raise
            person.say(
                f"  {error}\n  Is there a network? If so, correct the server (nothing is written yet)."
            )
            servers = ask_by_hand(person, servers)
    return servers, logging_in.offered(name, servers)


def _suggested(address: str) -> str:
    """A word for an account: what its domain is called."""
    return address.rpartition("@")[2].partition(".")[0]


def _a_new_one(taken: frozenset[str]) -> Callable[[str], str]:
    def check(text: str) -> str:
        text = given(text)
        if not re.fullmatch(r"[A-Za-z0-9][\w.-]*", text):
            raise ValueError("write a word such as work (letters, digits, - _ .)")
        if text in taken:
            raise ValueError("there is an account of that name; write another one")
        return text

    return check
