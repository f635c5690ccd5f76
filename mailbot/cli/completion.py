"""mailbot completion"""

from __future__ import annotations

import click

from mailbot.cli import console

SHELLS = ("bash", "zsh", "fish")
VARIABLE = "_MAILBOT_COMPLETE"


@click.command(epilog="Example: mailbot completion bash >> ~/.bashrc")
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
@console.handled
def completion(context: click.Context, shell: str) -> None:
    """Print what makes SHELL complete mailbot's commands, options and account names.

    \b
    bash:  mailbot completion bash >> ~/.bashrc
    zsh:   mailbot completion zsh  >> ~/.zshrc     (after compinit)
    fish:  mailbot completion fish > ~/.config/fish/completions/mailbot.fish
    """
    from click.shell_completion import get_completion_class

    made = get_completion_class(shell)
    assert made is not None
    console.show(made(context.find_root().command, {}, "mailbot", VARIABLE).source())
