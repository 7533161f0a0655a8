"""``session-lint init``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from msgspec.structs import replace

from session_lint.cli.help import Command
from session_lint.cli.options import ascii_only, cache_options, cache_request, say_lines, tell_inner, use_color, write
from session_lint.errors import UserError

if TYPE_CHECKING:
    from session_lint.inference import Inference
    from session_lint.request import Files, Request


@click.command(cls=Command)
@click.argument("path", type=click.Path(path_type=Path), default=Path())
@click.option("--dry-run", is_flag=True, help="Show what would be written, and write nothing.")
@click.option("--root", type=click.Path(path_type=Path), help="Folder of the project, all of which is known.")
@cache_options
@click.option("--color", type=click.Choice(["auto", "always", "never"]), default="auto", help="When to use colours.")
def init(path: Path, *, dry_run: bool, root: Path | None, color: str, **options: Any) -> None:
    """Infer the settings that fit the project at PATH (default: the current folder), show why, and write them.

    They go into pyproject.toml, or into session-lint.toml where there is none. An existing section is left alone.
    """
    from session_lint.inference import section
    from session_lint.pipeline import find_files
    from session_lint.report import inference as report
    from session_lint.report.style import path_speller
    from session_lint.request import Request
    from session_lint.rewriting import refuse_outside
    from session_lint.section import section_text, settings_target, with_section

    request = Request(paths=(path,), root=root, **cache_request(options))
    files = find_files(request)
    tell_inner(files)
    existing = files.project.settings_file
    if existing is not None and existing.parent != files.project.root:
        existing = None  # the folder's own settings come before those of a folder above
    if existing is not None and not dry_run:
        raise UserError(
            f"{existing} holds settings for session-lint already; remove them to have them written anew, or look at"
            " `session-lint init --dry-run`."
        )
    inferred = _infer(request, files)
    show = path_speller(files.project.root, Path.cwd())
    target = settings_target(files.project.root)
    table = section(inferred)
    if not dry_run:
        refuse_outside(target, files.project.root, "put a file in the place of the link")
    content = "" if dry_run else with_section(target, table)
    write(report.render(inferred, show, color=use_color(color, to_file=False), ascii_only=ascii_only()), None)
    place = show(target.relative_to(files.project.root).as_posix())
    if not dry_run:
        write(content, target, "toml")
        lead = f"Wrote to {place}"
    elif existing is None:
        lead = f"Would write to {place}"
    else:
        lead = f"Would fit the code ({show(existing.name)} holds settings already)"
    say_lines(f"{lead}:\n\n{section_text(target, table)}", err=False)


def _infer(request: Request, files: Files) -> Inference:
    import msgspec

    from session_lint.inference import infer
    from session_lint.pipeline import run

    # What the user has listed is not asked for again: the code alone is to say which modules make sessions.
    settings = msgspec.structs.replace(files.project.settings, session_modules=())
    return infer(run(request, replace(files, project=replace(files.project, settings=settings))).program)
