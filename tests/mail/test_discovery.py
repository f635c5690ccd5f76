"""From an address to its mail servers."""

from __future__ import annotations

import time

import pytest

from mailbot.mail.discovery.autoconfig import parse
from mailbot.mail.discovery.discover import Sources, discover
from mailbot.mail.discovery.dns_records import Nameserver
from mailbot.mail.discovery.found import MailServer
from mailbot.mail.discovery.providers import by_domain, by_mx, files_sent_itself, providers
from tests.servers.autoconfig import WebServer, config
from tests.servers.dns import NameServer

NOBODY = Nameserver("127.0.0.1", 9)


def sources(
    web: WebServer | None = None, dns: NameServer | None = None, deadline: float = 2.0, ispdb: bool = True
) -> Sources:
    base = web.url if web else "http://127.0.0.1:9"
    own = (f"{base}/own/{{domain}}", f"{base}/well-known/{{domain}}")
    where = Nameserver("127.0.0.1", dns.port) if dns else NOBODY
    return Sources(own, f"{base}/ispdb/" if ispdb else "", where, deadline)


def test_the_table_is_whole() -> None:
    assert len(providers()) >= 20
    for provider in providers():
        assert provider.domains or provider.mx
        assert provider.imap.port in (993, 1143) and provider.smtp.port in (465, 587, 1025)
        assert bool(provider.app_passwords.startswith("https://")) == ("app password" in provider.logins), (
            provider.key
        )
        assert set(provider.logins) <= {"password", "app password", "oauth google", "oauth microsoft"}
    domains = [d for p in providers() for d in p.domains]
    assert len(domains) == len(set(domains)) and all(d == d.casefold() for d in domains)


@pytest.mark.parametrize(
    ("domain", "imap", "smtp"),
    [
        ("gmail.com", "imap.gmail.com:993 (tls)", "smtp.gmail.com:465 (tls)"),
        ("Hotmail.com", "outlook.office365.com:993 (tls)", "smtp-mail.outlook.com:587 (starttls)"),
        ("proton.me", "127.0.0.1:1143 (starttls)", "127.0.0.1:1025 (starttls)"),
        ("icloud.com.", "imap.mail.me.com:993 (tls)", "smtp.mail.me.com:587 (starttls)"),
    ],
)
def test_a_known_provider_needs_no_network(domain: str, imap: str, smtp: str) -> None:
    with WebServer({}) as web:
        found = discover(domain, sources(web))
        assert found and (str(found.imap), str(found.smtp)) == (imap, smtp) and not web.asked


def test_the_domains_own_word_comes_first_and_the_address_stays_here() -> None:
    pages = {
        "/own/acme.example": config(imap="mail.acme.example"),
        "/ispdb/acme.example": config(imap="other.example"),
    }
    with WebServer(pages) as web:
        found = discover("acme.example", sources(web))
        assert found and found.imap == MailServer("mail.acme.example", 993) and not found.guess
        assert found.source == web.url.removeprefix("http://")
        time.sleep(0.1)
        assert not any("jo" in said for said in web.said)


def test_then_its_well_known_page_then_the_database() -> None:
    with WebServer({"/well-known/acme.example": config(imap="wk.acme.example")}) as web:
        found = discover("acme.example", sources(web))
        assert found and found.imap.host == "wk.acme.example"
    with WebServer({"/ispdb/acme.example": config(imap="db.acme.example")}) as web:
        found = discover("acme.example", sources(web))
        assert found and found.imap.host == "db.acme.example"
        assert discover("acme.example", sources(web, ispdb=False, deadline=0.5)) is None


def test_then_who_takes_its_mail() -> None:
    records = {
        ("acme.example", "MX"): ["20 mx2.host.test.", "10 aspmx.l.google.com."],
        ("b.example", "MX"): ["5 mx.hoster.net."],
    }
    with NameServer(records) as dns, WebServer({"/ispdb/hoster.net": config("hoster.net")}) as web:
        found = discover("acme.example", sources(web, dns))
        assert found and found.provider and found.provider.key == "gmail"
        found = discover("b.example", sources(web, dns))
        assert found and found.imap.host == "imap.hoster.net" and found.guess  # an MX can be forged


def test_last_its_srv_records_which_are_a_guess() -> None:
    records = {
        ("_imaps._tcp.acme.example", "SRV"): ["10 5 993 late.acme.example.", "0 5 993 imap.acme.example."],
        ("_submission._tcp.acme.example", "SRV"): ["0 5 587 smtp.acme.example."],
        ("_submissions._tcp.acme.example", "SRV"): ["0 0 0 ."],
    }
    with NameServer(records) as dns, WebServer({}) as web:
        found = discover("acme.example", sources(web, dns))
        assert found and found.guess and found.imap == MailServer("imap.acme.example", 993)
        assert found.smtp == MailServer("smtp.acme.example", 587, "starttls")


def test_a_slow_source_holds_up_nothing_beyond_the_deadline_and_a_better_one_is_waited_for() -> None:
    pages = {
        "/own/acme.example": (200, config(imap="slow.acme.example"), 0.5),
        "/ispdb/acme.example": config(imap="db.acme.example"),
    }
    with WebServer(pages) as web:
        found = discover("acme.example", sources(web))
        assert found and found.imap.host == "slow.acme.example"
        began = time.monotonic()
        found = discover("acme.example", sources(web, deadline=0.3))
        assert found and found.imap.host == "db.acme.example" and time.monotonic() - began < 2


@pytest.mark.parametrize("page", [(302, "", 0.0), (500, "x", 0.0), "x" * 70_000, b"\xff\xfe<", "<html>", ""])
def test_an_answer_without_sense_is_none(page: object) -> None:
    with WebServer({"/own/acme.example": page, "/ispdb/acme.example": config()}) as web:  # type: ignore[dict-item]
        found = discover("acme.example", sources(web))
        assert found and found.source.endswith(web.url.rpartition(":")[2])


def test_nobody_knows() -> None:
    with WebServer({}) as web:
        assert discover("acme.example", sources(web)) is None
        assert discover("a" * 70 + ".example", sources(web)) is None


def test_what_a_document_says() -> None:
    found = parse(
        config(
            username="%EMAILLOCALPART%", imap="IMAP.%EMAILDOMAIN%", imap_security="STARTTLS", imap_port=143
        ).encode(),
        "b.example",
        "x",
    )
    assert found and found.imap == MailServer("imap.b.example", 143, "starttls")
    assert found.login_name("Jo.V@b.example") == "Jo.V"
    two = config().replace(
        "</emailProvider>",
        "<incomingServer type='imap'><hostname>tls.acme.example</hostname><port>993</port><socketType>SSL</socketType></incomingServer></emailProvider>",
    )
    both = parse(
        two.replace("993</port><socketType>SSL", "143</port><socketType>STARTTLS", 1).encode(),
        "acme.example",
        "x",
    )
    assert both and both.imap.host == "tls.acme.example"


@pytest.mark.parametrize(
    "document",
    [
        config(imap_security="plain"), config(imap_port=0), config(imap_port=70000), config(imap_port="000001999999"), config(imap_port="99 3"), config(imap="a b"),
        config(imap="-x.example"), config(imap="x.example/path"), config(imap="x.example:99"), config(username="a b"),
        config(username="x" * 300), config(imap="a" * 300), config().replace("imap", "jmap"),
        config().replace("<clientConfig", "<!DOCTYPE x [<!ENTITY a 'b'>]><clientConfig"),
        config().replace("<clientConfig", "<!doctype x SYSTEM 'file:///etc/passwd'><clientConfig"),
        config().replace("imap.acme.example", "<![CDATA[imap.acme.example]]>"), "<a>" * 5000, "\0", config()[:300],
    ],
)  # fmt: skip
def test_a_hostile_document_names_no_server(document: str) -> None:
    assert parse(document.encode(), "acme.example", "x") is None


def test_an_mx_is_matched_by_whole_labels() -> None:
    found = by_mx(["acme-com.mail.protection.outlook.com."])
    assert found and found.key == "microsoft365"
    assert by_mx(["evilgoogle.com", "google.com.evil.example"]) is None
    assert by_domain("gmail.com.evil.example") is None


@pytest.mark.parametrize(
    ("host", "port", "itself"),
    [
        ("smtp.gmail.com", 465, True), ("SMTP.Office365.com.", 587, True), ("smtp.mail.me.com", 587, True), ("127.0.0.1", 1025, True),
        ("127.0.0.1", 587, False), ("smtp.example.com", 465, False), ("smtp.gmail.com.evil.example", 465, False),
        ("smtp.fastmail.com", 465, False), ("smtp-relay.gmail.com", 587, True),
    ],
)  # fmt: skip
def test_the_submission_host_tells_who_files_a_copy(host: str, port: int, itself: bool) -> None:
    assert files_sent_itself(host, port) == itself
