"""`mailbot` and `python -m mailbot`."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line; whatever goes wrong ends with one message and an exit code of sysexits.h."""
    from mailbot.cli.main import mailbot

    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure:
            reconfigure(errors="backslashreplace")
    mailbot(prog_name="mailbot")


if __name__ == "__main__":
    main()
