"""``--help`` that fits a screen: options in sections, related ones in one row."""

from __future__ import annotations

from collections.abc import Iterator

import click

_HELP = "help"

# Each row: the options that it names; its text is the help of the first that the command has.
_SECTIONS: tuple[tuple[str, tuple[tuple[str, ...], ...]], ...] = (
    (
        "Rules",
        (
            ("select", "extend_select"),
            ("ignore", "extend_ignore"),
            ("per_file_ignores",),
            ("preview",),
            ("min_confidence",),
        ),
    ),
    (
        "Project",
        (
            ("root",),
            ("config", "isolated"),
            ("exclude", "extend_exclude"),
            ("force_exclude",),
            ("stdin_filename",),
            ("show_settings", "show_files"),
        ),
    ),
    ("What is known", (("baseline", "no_baseline"), ("diff_base",), ("add_ignores",))),
    ("Fixes", (("fix", "unsafe_fixes"), ("diff",), ("exit_non_zero_on_fix",))),
    (
        "Report",
        (
            ("outputs", "output_format"),
            ("output_file",),
            ("max_size",),
            ("statistics",),
            ("fail_on",),
            ("exit_zero",),
            ("color",),
            ("quiet", "verbose"),
        ),
    ),
    ("Run", (("cache_dir", "no_cache"), ("jobs",), (_HELP,))),
)
_WIDEST = 33
_GAP = 2


class Command(click.Command):
    """A command whose help has sections."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        shown = (one for one in self.get_params(ctx) if isinstance(one, click.Option) and not one.hidden)
        options = {_HELP if one.is_eager else one.name: one for one in shown}
        placed = {name for _, rows in _SECTIONS for row in rows for name in row}
        # What belongs to one command alone comes first.
        layout = (("Options", tuple((name,) for name in options if name and name not in placed)), *_SECTIONS)
        sections = [
            (title, [_row(found) for names in rows if (found := [options[name] for name in names if name in options])])
            for title, rows in layout
        ]
        width = min(_WIDEST, max(len(name) for _, rows in sections for name, _ in rows))
        formatter.write("\n")
        for title, rows in sections:
            if rows:
                formatter.write(f"{title}:\n")
                with formatter.indentation():
                    formatter.write_dl([(name.ljust(width), text) for name, text in rows], _WIDEST, _GAP)


def _row(options: list[click.Option]) -> tuple[str, str]:
    """What is written of options in one row: their names, and what the first says of them."""
    return ", ".join(_spelled(options)), options[0].help or ""


def _spelled(options: list[click.Option]) -> Iterator[str]:
    for place, option in enumerate(options):
        names = ", ".join(option.opts)
        follows = options[place + 1] if place + 1 < len(options) else None
        metavar = _metavar(option)
        shared = follows is not None and _metavar(follows) == metavar
        yield names if not metavar or shared else f"{names} {metavar}"


def _metavar(option: click.Option) -> str:
    if option.is_flag or option.count:
        return ""
    if option.metavar:
        return option.metavar
    if isinstance(option.type, click.Choice):
        return "|".join(str(choice) for choice in option.type.choices)
    return {"integer range": "N"}.get(option.type.name, option.type.name.upper())
