"""Assets on a terminal: tables, bars and panels from records. Prints nothing itself."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from fractions import Fraction

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from cutroom.media.progress import PartProgress
from cutroom.media.report_words import words_of
from cutroom.media.version import PublishedRendition
from cutroom.stores.records import AssetRecord, RunRecord, ToolRunRecord

STATUS_STYLES = {
    "processing": "yellow",
    "published": "green",
    "superseded": "cyan",
    "failed": "red",
    "rejected": "magenta",
}
_BAR_WIDTH = 16
_WIDE = 110


def plain(value: str) -> Text:
    """Text from outside: no markup, and nothing that a terminal would take for a command."""
    return Text("".join(each if each.isprintable() else "\ufffd" for each in value))


def duration(value: str | None) -> str:
    """Seconds as hours, minutes and seconds; what is not a number is shown as it is."""
    if value is None:
        return "–"
    try:
        ms = round(Fraction(value) * 1000)
    except (ValueError, ZeroDivisionError):
        return value
    minutes, ms = divmod(ms, 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{ms // 1000:02}.{ms % 1000:03}"


def size(value_bytes: int) -> str:
    """Bytes in the unit that leaves one to three digits before the point."""
    amount = float(value_bytes)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if amount < 1024:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1024
    return f"{amount:.1f} TiB"


def moment(value: datetime | None) -> str:
    """A time in UTC, to the second."""
    return "–" if value is None else f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def assets_table(records: Sequence[AssetRecord], *, width: int) -> Table:
    """One line for each asset; within a few characters, profile and last change are left out for the title.

    Args:
        records: The assets.
        width: Characters that a line may have.
    """
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("asset", no_wrap=True)
    table.add_column("title", overflow="ellipsis", no_wrap=True, ratio=1)
    is_wide = width >= _WIDE
    for name in ("status", "duration", *(("profile", "updated (UTC)") if is_wide else ())):
        table.add_column(name, no_wrap=True)
    for record in records:
        more = (plain(record.profile), f"{record.updated_at.astimezone(UTC):%m-%d %H:%M}")
        table.add_row(
            record.asset_id, plain(record.title), _progress(record), duration(record.duration_s),
            *(more if is_wide else ()),
        )  # fmt: skip
    return table


def asset_panel(record: AssetRecord, *, media_base_url: str) -> Panel:
    """Everything of one asset."""
    parts: list[RenderableType] = [_facts(record, media_base_url)]
    if record.version is not None:
        parts += [Text("\nRenditions", style="bold"), _renditions(record.version.renditions)]
        if words := words_of(record.version.report):
            parts += [Text("\nVerified before it was published", style="bold"), _words(words)]
    for number, run in enumerate(record.runs):
        parts += [Text(""), *_run(run, with_steps=number == 0)]
    heading = Text.assemble((record.asset_id, "bold"), "  ", plain(record.title))
    return Panel(Group(*parts), title=heading, title_align="left")


def commands(tools: Sequence[ToolRunRecord]) -> Group:
    """The commands of a run, each whole, with versions and log."""
    lines: list[RenderableType] = []
    for tool in tools:
        versions = ", ".join(f"{name} {version}" for name, version in sorted(tool.versions.items()))
        heading = f"{tool.step} {tool.part} · attempt {tool.attempt} · {versions} · log {tool.log_key}"
        lines += [plain(heading).append("", style="bold"), plain(tool.command), Text("")]
    return Group(*(lines or [Text("No commands are recorded.")]))


def _facts(record: AssetRecord, media_base_url: str) -> Table:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="bold", no_wrap=True)
    grid.add_column(overflow="fold")
    grid.add_row("status", _status(record.status))
    if record.reason:
        grid.add_row("reason", plain(record.reason))
    source = record.source
    grid.add_row("source", plain(f"s3://{source.bucket}/{source.key}"))
    grid.add_row("", plain(_source_line(record)))
    made = (record.version.report.get("notes") or ()) if record.version else ()
    for heading, name in (("left out", "not_carried"), ("damage", "damage"), ("notes", "notes")):
        found = [*(source.facts.get(name) or ()), *(made if name == "notes" else ())]
        for number, said in enumerate(found):
            grid.add_row("" if number else heading, plain(str(said)))
    grid.add_row("uploaded", f"{moment(source.uploaded_at)} UTC")
    if record.owner:
        grid.add_row("owner", plain(record.owner))
    if record.tags:
        grid.add_row("tags", plain(", ".join(record.tags)))
    grid.add_row("profile", plain(record.profile))
    playback = record.playback(media_base_url)
    if playback is None:
        grid.add_row("plays", "nothing yet" if record.status == "processing" else "nothing")
    else:
        for name, address in playback.items():
            if isinstance(address, str):
                grid.add_row(name, plain(address))
        for name, address in playback["downloads"].items():
            grid.add_row(f"download {name}", plain(str(address)))
    return grid


def _source_line(record: AssetRecord) -> str:
    container = record.source.facts.get("container")
    known = [str(container)] if container else []
    return " · ".join([*known, duration(record.duration_s), size(record.source.size_bytes)])


def _renditions(renditions: Sequence[PublishedRendition]) -> Table:
    # Narrow enough for a terminal of 80 columns; the rest is in the JSON.
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("codec", "picture or sound"):
        table.add_column(name, no_wrap=True)
    for name in ("average kb/s", "peak", "size"):
        table.add_column(name, justify="right", no_wrap=True)
    for each in renditions:
        table.add_row(
            plain(each.codec_string), plain(_form(each)),
            f"{each.average_bandwidth_bps / 1000:,.0f}", f"{each.bandwidth_bps / 1000:,.0f}", size(each.bytes),
        )  # fmt: skip
    return table


def _words(words: Sequence[tuple[str, str]]) -> Table:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for about, found in words:
        grid.add_row(about, plain(found))
    return grid


def _form(rendition: PublishedRendition) -> str:
    if rendition.width is not None and rendition.height is not None:
        rate = f" {float(Fraction(rendition.frame_rate)):.5g} fps" if rendition.frame_rate else ""
        return f"{rendition.width}×{rendition.height}{rate}"
    facts = [rendition.language] if rendition.language else []
    if rendition.channels is not None:
        facts.append(f"{rendition.channels} ch")
    if rendition.sample_rate_hz is not None:
        facts.append(f"{rendition.sample_rate_hz / 1000:g} kHz")
    return " ".join(facts) or "–"


def _run(run: RunRecord, *, with_steps: bool) -> Iterator[RenderableType]:
    attempt = f" · attempt {run.attempt}" if run.attempt > 1 else ""
    left = f" · about {run.eta_s} s left" if run.eta_s is not None else ""
    times = f" · {moment(run.started_at)} to {moment(run.ended_at)}" if run.ended_at else ""
    yield Text.assemble(("Run ", "bold"), plain(run.run_id), f" · {run.dag_id}{attempt}{times}")
    row = Table.grid(padding=(0, 1))
    row.add_row(_status(run.status), _bar(run.percent), Text(left))
    yield row
    if run.reason:
        yield plain(run.reason)
    if not (with_steps and run.parts):
        return
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(overflow="ellipsis")
    table.add_column(min_width=_BAR_WIDTH + 7)
    for part in run.parts:
        table.add_row(plain(part.step), plain(part.part), _bar(100 * part.fraction), plain(_amount(part)))
    yield table


def _amount(part: PartProgress) -> str:
    if part.unit == "bytes":
        return f"{size(round(part.done))} of {size(round(part.total))}"
    return f"{part.done:,.4g} of {part.total:,.4g} {part.unit}"


def _progress(record: AssetRecord) -> Text:
    text = _status(record.status)
    if record.status == "processing" and record.runs:
        text.append(f" {record.runs[0].percent:.0f}%")
    return text


def _status(status: str) -> Text:
    return Text(status, style=STATUS_STYLES.get(status, ""))


def _bar(percent: float) -> Table:
    grid = Table.grid(padding=(0, 1))
    grid.add_column(width=_BAR_WIDTH)
    grid.add_column(justify="right", width=6)
    grid.add_row(ProgressBar(total=100, completed=percent, width=_BAR_WIDTH), f"{percent:.1f}%")
    return grid
