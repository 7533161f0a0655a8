"""The command line: options in, a report out. No analysis happens here.

Heavy modules (LibCST, rich, the pipeline) are imported inside commands, so that ``--version`` and ``--help`` are instant.
"""

from __future__ import annotations

import errno
import os
import sys
from importlib import import_module
from typing import Any, NoReturn

import click

from session_lint import __version__
from session_lint.cli.options import FAILED, REPORT_IT, say, say_lines
from session_lint.errors import Failed, UserError

INTERRUPTED = 130
_NO_ROOM = frozenset({errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC), errno.EFBIG})


_COMMANDS = ("check", "audit", "trace", "rule", "explain", "init", "baseline", "clean")
"""Each has a module of its name, which is imported when the command is asked for."""


class _CommandLine(click.Group):
    """Every way a run can end becomes one of our exit codes, and every error a sentence."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of the commands, for ``--help`` and completion."""
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """A command by its name."""
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = getattr(import_module(f"session_lint.cli.{cmd_name}"), cmd_name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that the arguments begin with, and the rest of them."""
        name = args[0]
        if not (name in _COMMANDS or name.startswith("-") or ctx.resilient_parsing):
            import difflib  # for the wrong name alone

            close = difflib.get_close_matches(name, _COMMANDS, n=1)
            hint = f"did you mean `{close[0]}`?" if close else f"`{ctx.command_path} --help` lists what there is."
            raise click.UsageError(f"No such command {name!r}; {hint}", ctx)
        return super().resolve_command(ctx, args)

    def main(self, *args: Any, **options: Any) -> NoReturn:
        for stream in (sys.stdout, sys.stderr):
            # A name or source line that the terminal's encoding lacks must not end the run.
            reconfigure = getattr(stream, "reconfigure", None)
            if reconfigure is not None:
                reconfigure(errors="backslashreplace")
        sys.exit(self._run(*args, **{**options, "standalone_mode": False}))

    def _run(self, *args: Any, **options: Any) -> int:
        try:
            code = super().main(*args, **options)
            sys.stdout.flush()
        except click.exceptions.NoArgsIsHelpError as error:
            error.show()
            return FAILED
        except click.ClickException as error:
            say(f"session-lint: {_sentence(error)}")
            return FAILED
        except UserError as error:
            say(f"session-lint: {error}")
            return FAILED
        except (KeyboardInterrupt, click.Abort):
            click.echo("session-lint: interrupted.", err=True)  # `say` may have to import a module that was interrupted
            return INTERRUPTED
        except BrokenPipeError:
            _abandon_stdout()
            return FAILED
        except OSError as error:
            if error.errno not in _NO_ROOM:
                return _fail(error)
            say(f"session-lint: the report cannot be written: {error.strerror}.")
            _abandon_stdout()
            return FAILED
        except Exception as error:  # noqa: BLE001  (the last resort: exit code 1 would read as findings)
            return _fail(error)
        return code if isinstance(code, int) else 0


def _sentence(error: click.ClickException) -> str:
    """What was wrong with the command line, and, where that does not say so itself, what to do."""
    said = " ".join(error.format_message().split())
    if isinstance(error, click.UsageError) and getattr(error, "possibilities", True) in ([], None):
        asked = error.ctx.command_path if error.ctx is not None else "session-lint"
        return f"{said.rstrip('.')}; `{asked} --help` lists what there is."
    return said


def _fail(error: Exception) -> int:
    """Tell of an error of ours."""
    if {"--verbose", "-v"} & set(sys.argv):
        import traceback  # for the error alone

        say_lines(traceback.format_exc())
    what = str(error) if isinstance(error, Failed) else f"{type(error).__name__}: {error}"
    say(f"session-lint: internal error ({what}); {REPORT_IT}")
    return FAILED


def _abandon_stdout() -> None:
    """What reads it has gone, or it has no room: keep the interpreter from failing on its last flush."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@click.group(cls=_CommandLine, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.version_option(__version__, "-V", "--version", message="session-lint %(version)s")
def main() -> None:
    """Lint and audit how Python code handles SQLAlchemy sessions.

    Exit codes: 0 nothing to report, 1 findings, 2 the run itself failed, 130 interrupted.
    """
