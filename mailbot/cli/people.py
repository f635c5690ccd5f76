"""mailbot people"""

from __future__ import annotations

from dataclasses import asdict

import click

from mailbot.cli import console


@click.command(epilog="Example: mailbot people --merge 'Ana Ruiz' 'Ana R.'")
@click.argument("who", required=False)
@click.option(
    "--merge",
    nargs=2,
    metavar="A B",
    help="Merge two notes about one person: move everything in B into A, and leave a link to A in B's file.",
)
@click.option("--dry-run", is_flag=True, help="With --merge: only show which notes would change.")
@click.option("--json", "as_json", is_flag=True, help="Report as JSON.")
@click.pass_context
@console.handled
def people(
    context: click.Context, who: str | None, merge: tuple[str, str] | None, dry_run: bool, as_json: bool
) -> None:
    """Show the person notes of the vault.

    Without WHO, all of them. With a name, an address or a note, that person, or why there is no note. A note is made only
    for a human you have exchanged mail with. What you write in it is never changed.
    """
    from mailbot.sync.commands import people as known

    settings = console.settings(context)
    if merge:
        stays, goes = known.merge(settings, *merge, dry_run=dry_run)
        if as_json:
            console.emit({"stays": stays, "goes": goes, "dry_run": dry_run})
        else:
            would = "would be" if dry_run else "was"
            console.show(f"{goes} {would} merged into {stays}; its file now links there")
        return
    if who:
        person, why = known.find(settings, who)
        if as_json:
            console.emit({"person": asdict(person) if person else None, "why": why})
        elif person:
            console.show(f"{person.name}: {person.note}")
            for label, value in (("addresses", person.emails), ("also called", person.aliases)):
                if value:
                    console.show(f"  {label}: {', '.join(value)}")
            console.show(f"  last contact: {person.last_contact or 'not known'}")
            if person.auto_created:
                console.show(
                    "  made by mailbot" + ("; please review it (needs-review)" if person.needs_review else "")
                )
        else:
            console.show(f"{who} has no person note: {why}")
        return
    everybody = known.everybody(settings)
    if as_json:
        console.emit({"people": [asdict(p) for p in everybody]})
        return
    rows = [
        (
            p.name,
            ", ".join(p.emails),
            p.last_contact,
            "made by mailbot" if p.auto_created else "yours",
            p.note,
        )
        for p in everybody
    ]
    console.table(("Name", "Addresses", "Last contact", "Note", "Path"), rows)
