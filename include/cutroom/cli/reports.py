"""What is told of uploaded files: lines of JSON or words, and how the command ends."""

import json
from pathlib import Path
from typing import Any

import typer

from cutroom.errors import SourceRejected
from cutroom.media.upload import is_subtitles

Report = dict[str, Any]
"""What is told of one file."""


class Reports:
    """The reports of a command, in order: as JSON as soon as each is final, else in words when all are."""

    def __init__(self, *, as_json: bool) -> None:
        self.all: list[Report] = []
        self._as_json = as_json
        self._told = 0

    def add(self, report: Report) -> None:
        """One more; it may change until it is told."""
        self.all.append(report)

    def tell(self, count: int | None = None) -> None:
        """The first so many are final; without a number all of them are."""
        for report in self.all[self._told : count] if self._as_json else ():
            tell_json(report)
            self._told += 1

    def tell_all(self) -> None:
        """Nothing more comes."""
        self.tell()
        if not self._as_json:
            tell_in_words(self.all)


def failed(path: Path, reason: str) -> Report:
    """The report of a file that could not be uploaded."""
    return {"file": path.name, "path": str(path), "status": "failed", "reason": reason}


def tell_json(report: Report) -> None:
    """Print one line."""
    typer.echo(printable(json.dumps(report, ensure_ascii=False)))


def tell_in_words(reports: list[Report]) -> None:
    """Print what a person wants to know."""
    for report in reports:
        name = printable(report["file"])
        if is_subtitles(name) and report["status"] in {"uploaded", "kept"}:
            typer.echo(f"{name}: uploaded, to be read with the film beside it")
            continue
        asset = f", asset {report['asset_id']}" if "asset_id" in report else ""
        typer.echo(f"{name}: {report['status']}{asset}")
        if report["status"] == "failed":
            typer.echo(printable(report["reason"]), err=True)
        elif playback := report["playback"]:
            for way in ("hls", "dash"):
                if playback[way]:
                    typer.echo(f"  {way.upper():4} {playback[way]}")


def printable(said: str) -> str:
    """The text without what is none: file systems take any bytes as a name."""
    return said.encode(errors="replace").decode()


def conclude(reports: list[Report]) -> None:
    """End the command as its files ended.

    Raises:
        SourceRejected: One was rejected.
    """
    if any(report["status"] == "failed" for report in reports):
        raise typer.Exit(1)
    if reasons := [report["reason"] for report in reports if report["status"] == "rejected"]:
        raise SourceRejected("\n".join(reasons))
