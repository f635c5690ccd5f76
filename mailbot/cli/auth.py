"""mailbot auth"""

from __future__ import annotations

import click

from mailbot.cli import console
from mailbot.errors import AuthenticationFailed


@click.group(epilog="Example: mailbot auth login work")
def auth() -> None:
    """Log an account in by browser or device (OAuth), see which logins are good, log out.

    The account needs an `oauth` block in accounts.yaml; docs/oauth.md takes you through it. Tokens are kept in a private file or in
    the system keyring, and are refreshed by themselves. No other command ever asks for a login.
    """


@auth.command(epilog="Example: mailbot auth login work")
@click.argument("account", shell_complete=console.account_names)
@click.option(
    "--no-browser", is_flag=True, help="Print the address, and paste the one that the browser ends at."
)
@click.option("--device", is_flag=True, help="Type a code in on another device (not for Google).")
@click.pass_context
@console.handled
def login(context: click.Context, account: str, no_browser: bool, device: bool) -> None:
    """Log ACCOUNT in, in your browser."""
    from mailbot.sync.commands import auth as logins

    if no_browser and device:
        raise click.UsageError("choose one of --no-browser and --device")
    settings = console.settings(context)
    logins.account_with_oauth(settings, account)
    if not device and not console.answers():
        raise AuthenticationFailed(
            f"account {account}: a login needs somebody at the terminal; run `mailbot auth login {account}` there, or use --device"
        )
    context.meta["stopped"] = "nothing was kept"
    way: logins.Way = "device" if device else "paste" if no_browser else "browser"
    person = logins.Person(console.show, lambda question: str(click.prompt(question)))
    done = logins.log_in(settings, account, way, person)
    console.show(f"{account}: logged in as {done.login_name}, and {done.imap.host} has taken it")


@auth.command(epilog="Example: mailbot auth status --json")
@click.option("--json", "as_json", is_flag=True, help="Report as one JSON object.")
@click.pass_context
@console.handled
def status(context: click.Context, as_json: bool) -> None:
    """Show how each account logs in, and whether its login is good. No server is asked."""
    from mailbot.sync.commands import auth as logins

    found = logins.logins(console.settings(context))
    if as_json:
        console.emit(
            {
                "accounts": [
                    {"account": f.account, "state": f.state, "kept": f.kept, "until": f.until.isoformat() if f.until else "", "why": f.why}
                    for f in found
                ]
            }
        )  # fmt: skip
    else:
        rows = [
            (f.account, f.state, f.kept, f"{f.until.astimezone():%Y-%m-%d %H:%M}" if f.until else "", f.why)
            for f in found
        ]
        console.table(("Account", "Login", "Kept in", "Access token until", "Why"), rows, headed=True)
    raise SystemExit(
        AuthenticationFailed.exit_code if any(f.state in ("ended", "missing") for f in found) else 0
    )


@auth.command(epilog="Example: mailbot auth logout work")
@click.argument("account", shell_complete=console.account_names)
@click.pass_context
@console.handled
def logout(context: click.Context, account: str) -> None:
    """Take ACCOUNT's tokens away, here and, where the provider can be told, there."""
    from mailbot.sync.commands import auth as logins

    left = logins.log_out(console.settings(context), account)
    console.show(f"{account}: logged out" + (f"; {left}" if left else ""))
