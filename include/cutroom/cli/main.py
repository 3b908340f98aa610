"""The `cutroom` command: wiring of the commands, and how errors become exit codes."""

import sys

import typer

from cutroom import __version__
from cutroom.cli import account, assets, blocks, file_service, media, stack, upload
from cutroom.errors import CutroomError, ProfileInvalid, SourceRejected, UsageError
from cutroom.settings import adopt_stack_environment

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_REJECTED = 3

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Cutroom: an upload in S3 becomes verified HLS and DASH.",
    epilog="Exit codes: 0 done, 1 failed (trying again may help), 2 wrong usage, 3 the source was rejected.",
)
for commands in (stack, upload, assets, account, media, file_service, blocks):
    commands.register(app)


@app.callback(invoke_without_command=True)
def root(*, version: bool = typer.Option(False, "--version", help="Print the version and stop.")) -> None:
    """Cutroom: an upload in S3 becomes verified HLS and DASH."""
    if version:
        typer.echo(__version__)
        raise typer.Exit


def main() -> None:
    """Run the command line; errors that Cutroom knows end in one line on stderr and their exit code."""
    adopt_stack_environment()
    try:
        app()
    except SourceRejected as error:
        sys.exit(_told(error, EXIT_REJECTED))
    except (UsageError, ProfileInvalid) as error:
        sys.exit(_told(error, EXIT_USAGE))
    except CutroomError as error:
        sys.exit(_told(error, EXIT_FAILED))


def _told(error: CutroomError, code: int) -> int:
    typer.echo(str(error), err=True)
    return code
