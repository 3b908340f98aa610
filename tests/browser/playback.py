"""Plays a published presentation as a viewer's browser does, and says what the viewer would have noticed.

    result = play_through(page, manifest_url)
    assert result.errors == [] and result.stalls == 0

Each segment boundary is played across at normal speed, the end is reached, and on the way the player is forced to
another rung twice: once keeping what is buffered, so that the switch happens at a segment boundary, and once
throwing it away. `library` chooses Shaka Player, hls.js (HLS only) or dash.js (DASH only).
"""

import statistics
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any, Literal

from playwright.sync_api import ConsoleMessage, Page, Request, Response

from browser.sample_media import MediaHandler

HERE = Path(__file__).parent
_MODULES = HERE.parents[1] / "plugins" / "media_catalog" / "node_modules"
LIBRARIES = {
    "shaka": _MODULES / "shaka-player" / "dist" / "shaka-player.compiled.js",
    "hls.js": _MODULES / "hls.js" / "dist" / "hls.min.js",
    "dash.js": _MODULES / "dashjs" / "dist" / "modern" / "umd" / "dash.all.min.js",
}
SMALLEST_HOLE_S = 0.05
LONGEST_RESUME_S = 15.0
"""How long pictures may stand still when a switch throws the buffer away."""

Library = Literal["shaka", "hls.js", "dash.js"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch:
    """One forced change of rung."""

    to_height: int
    to_bandwidth_bps: int
    cleared: bool
    asked_at_s: float
    seen_at_s: float | None
    """When pictures of the new size were first on screen; None for sound alone."""
    heights_before: int
    """How many changes of picture size there had been when it was asked for."""
    resumed_s: float
    """How long it took until pictures moved again; 0 where nothing was thrown away."""


@dataclass(slots=True, kw_only=True)
class Playback:
    """What happened."""

    library: str
    version: str
    duration_s: float
    heights: list[int]
    """Heights of the rungs offered."""
    crossed: list[float] = field(default_factory=list)
    """Boundaries that playback went across."""
    switches: list[Switch] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    """Of the player, the page, its console and the network, and what did not happen though it should have."""
    stall_details: list[str] = field(default_factory=list)
    holes: list[str] = field(default_factory=list)
    """Gaps of more than 50 ms in what was buffered around a boundary (browsers close smaller ones)."""
    warnings: list[str] = field(default_factory=list)
    codecs: list[str] = field(default_factory=list)
    """What was playing at the end, where the library tells it."""
    ended: bool = False
    total_frames: int = 0
    dropped_frames: int = 0
    """Decoded too late to be shown: says more about the machine than about the media."""
    corrupted_frames: int = 0
    picture_lag_ms: float | None = None
    """Median of picture time minus clock, which follows the sound; up to one frame late is usual."""

    @property
    def stalls(self) -> int:
        """How often playback stood still though it should not have."""
        return len(self.stall_details)


def play_through(
    page: Page,
    url: str,
    *,
    boundaries: Sequence[float] | None = None,
    library: Library = "shaka",
    before_s: float = 0.7,
    past_s: float = 0.4,
    limit_s: float = 60,
    settings: dict[str, Any] | None = None,
) -> Playback:
    """Play the presentation at `url` in `page`, and tell how it went.

    Args:
        page: A page to use; it is navigated away.
        url: Address of the multivariant playlist or the MPD; its host has to allow any origin.
        boundaries: Segment boundaries in seconds; None: as the library read them (not with dash.js).
        library: Which player library.
        before_s: How long before a boundary playback starts.
        past_s: How far past a boundary it goes.
        limit_s: Longest wait for any one thing, beyond the time that playing takes.
        settings: Configuration of Shaka Player beside that of the harness.
    """
    source = LIBRARIES[library]
    if not source.is_file():
        raise FileNotFoundError(f"{library} is not installed: run `make setup`.")
    with _watched(page) as watched, serve_harness(library, source) as address:
        page.goto(f"{address}/harness.html")
        loaded = page.evaluate("a => harness.load(...a)", [library, url, settings or {}])
        result = Playback(
            library=library,
            version=loaded["version"],
            duration_s=loaded["duration"],
            heights=sorted({rung["height"] for rung in loaded["rungs"]}, reverse=True),
        )
        if not loaded["rungs"]:
            result.errors += page.evaluate("harness.report()")["errors"] + watched.errors
            return result
        drive = _Drive(page, result, before_s=before_s, past_s=past_s, limit_s=limit_s)
        marks = list(boundaries) if boundaries is not None else page.evaluate("harness.boundaries()")
        drive.through([mark for mark in marks if 0 < mark < result.duration_s - past_s])
        drive.to_the_end()
        _take_report(result, page.evaluate("harness.report()"))
    result.errors += watched.errors
    result.warnings += watched.warnings
    return result


@dataclass(frozen=True, slots=True, kw_only=True)
class Subtitles:
    """What a viewer sees of the subtitles."""

    tracks: list[dict[str, Any]]
    """Those that the player offers: language, label, roles, forced, kind."""
    shown: list[dict[str, Any]]
    """Cues on screen: `from` and `to` in seconds, and `text`."""


def show_subtitles(page: Page, url: str, *, label: str, at_s: float, limit_s: float = 60) -> Subtitles:
    """Choose the subtitles of that name in Shaka Player, and look at the screen at a time."""
    with serve_harness("shaka", LIBRARIES["shaka"]) as address:
        page.goto(f"{address}/harness.html")
        page.evaluate("([name, url]) => harness.load(name, url)", ["shaka", url])
        tracks = page.evaluate("harness.subtitles()")
        shown = page.evaluate("a => harness.shownAt(...a)", [label, at_s, limit_s])
    return Subtitles(tracks=tracks, shown=shown)


def trick_play(page: Page, url: str, *, to_s: float, limit_s: float = 60) -> dict[str, Any]:
    """Show keyframes alone in Shaka Player past a time: `found`, whether it has any, and `at`, where it got to."""
    with serve_harness("shaka", LIBRARIES["shaka"]) as address:
        page.goto(f"{address}/harness.html")
        # What is buffered when trick play begins is shown as it is, so only as little is as may be.
        settings = {"streaming": {"bufferingGoal": 1}}
        page.evaluate("a => harness.load(...a)", ["shaka", url, settings])
        played: dict[str, Any] = page.evaluate("a => harness.trickPlay(...a)", [2, to_s, limit_s])
    return played


class _Drive:
    """Makes a loaded harness play, and notes what came of it."""

    def __init__(
        self, page: Page, result: Playback, *, before_s: float, past_s: float, limit_s: float
    ) -> None:
        self._page, self._result = page, result
        self._before_s, self._past_s, self._limit_s = before_s, past_s, limit_s
        self._chosen: object = None

    def through(self, marks: list[float]) -> None:
        # A third of the way in with the buffer kept, two thirds in without it: both well inside.
        keeping, clearing = len(marks) // 3, 2 * len(marks) // 3
        for index, mark in enumerate(marks):
            if index == keeping and len(marks) > 1:
                self._switch_at_a_boundary(marks[index:])
            elif index == clearing and index != keeping:
                self._play(max(0.0, mark - self._before_s), mark - self._before_s + 0.2)
                self._switch(clear=True)
            self._cross(mark)

    def to_the_end(self) -> None:
        end = self._result.duration_s
        self._play(max(0.0, end - self._before_s), end + 1)

    def _cross(self, mark: float) -> None:
        reached = self._play(max(0.0, mark - self._before_s), mark + self._past_s)
        if reached >= mark:
            self._result.crossed.append(mark)
        for hole in self._page.evaluate("mark => harness.holes(mark)", mark):
            if hole["end"] - hole["start"] > SMALLEST_HOLE_S:
                self._result.holes.append(f"{hole['type']}: {hole['start']:.3f}-{hole['end']:.3f} s")

    def _play(self, start: float | None, end: float, rate: float = 1) -> float:
        arguments = [start, end, rate, self._limit_s]
        played = self._page.evaluate("a => harness.play(...a)", arguments)
        return float(played["at"])

    def _switch_at_a_boundary(self, ahead: list[float]) -> None:
        """Ask for another rung and play on without a seek until what was buffered of the old one is used up."""
        self._play(max(0.0, ahead[0] - self._before_s), ahead[0] - self._before_s / 2)
        asked = self._switch(clear=False)
        if asked is None:
            return
        # Twice the speed: what is buffered may be two segments, and nobody listens.
        last = ahead[min(2, len(ahead) - 1)]
        self._play(None, last + self._past_s, rate=2)

    def _switch(self, *, clear: bool) -> dict[str, Any] | None:
        rungs = self._page.evaluate("harness.rungs()")
        now = next((rung for rung in rungs if rung["id"] == self._chosen or rung["active"]), rungs[0])
        others = [
            rung for rung in rungs if (rung["height"], rung["bandwidth"]) != (now["height"], now["bandwidth"])
        ]
        if clear:
            # A viewer's quality menu throws away pictures and keeps the sound. (Shaka Player 5.2.12, told to throw
            # both away while the new sound is on its way, never asks for that sound's initialization again.)
            others = [rung for rung in others if rung.get("sound") == now.get("sound")] or others
        # The farthest away shows most.
        others.sort(key=lambda rung: abs(rung["bandwidth"] - now["bandwidth"]))
        if not others:
            return None
        target: dict[str, Any] = others[-1]
        self._chosen = target["id"]
        asked = self._page.evaluate("a => harness.select(...a)", [target["id"], clear, self._limit_s])
        self._result.switches.append(
            Switch(
                to_height=target["height"],
                to_bandwidth_bps=target["bandwidth"],
                cleared=clear,
                asked_at_s=asked["at"],
                # Old pictures of that size may be on screen already; then none changes its size.
                seen_at_s=asked["at"] if asked["height"] == target["height"] else None,
                heights_before=asked["heights"],
                resumed_s=asked["resumed_s"],
            )
        )
        if asked["resumed_s"] > LONGEST_RESUME_S:
            self._result.errors.append(f"pictures stood still for {asked['resumed_s']:.1f} s at a switch")
        return target


def _take_report(result: Playback, report: dict[str, Any]) -> None:
    result.errors += report["errors"]
    result.stall_details += [f"{each['kind']} at {each['at']:.3f} s" for each in report["stalls"]]
    result.ended = report["ended"]
    result.codecs = report["codecs"]
    result.total_frames, result.dropped_frames = report["frames"], report["dropped"]
    result.corrupted_frames = report["corrupted"]
    if report["lags"]:
        result.picture_lag_ms = round(1000 * statistics.median(report["lags"]), 1)
    if not result.ended:
        result.errors.append(f"the end was not reached: playback is at {report['position']:.3f} s")
    _find_switches(result, report["heights"])


def _find_switches(result: Playback, sizes: list[dict[str, float]]) -> None:
    """Hold each forced switch against the sizes of the pictures that were on screen after it."""
    if not any(result.heights):
        return
    for index, switch in enumerate(result.switches):
        if switch.seen_at_s is not None:
            continue
        after = sizes[switch.heights_before :]
        seen = next((size for size in after if size["height"] == switch.to_height), None)
        if seen is None:
            how = "without" if switch.cleared else "with"
            result.errors.append(f"the switch to {switch.to_height} {how} the buffer was not seen on screen")
            continue
        result.switches[index] = replace(switch, seen_at_s=seen["at"])


@dataclass(slots=True)
class _Watched:
    errors: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


@contextmanager
def _watched(page: Page) -> Iterator[_Watched]:
    """Note what the console, the page and the network complain about."""
    watched = _Watched()

    def console(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            into = watched.errors if message.type == "error" else watched.warnings
            into.append(f"console: {message.text}")

    def failed(request: Request) -> None:
        # A player gives up requests when it seeks or switches.
        if request.failure != "net::ERR_ABORTED":
            watched.errors.append(f"network: {request.url} {request.failure}")

    def answered(response: Response) -> None:
        if response.status >= 400:
            watched.errors.append(f"network: {response.url} answered {response.status}")

    def thrown(error: Exception) -> None:
        watched.errors.append(f"page: {error}")

    listeners: list[tuple[Any, Any]] = [
        ("console", console), ("requestfailed", failed), ("response", answered), ("pageerror", thrown),
    ]  # fmt: skip
    for event, listener in listeners:
        page.on(event, listener)
    try:
        yield watched
    finally:
        for event, listener in listeners:
            page.remove_listener(event, listener)


@contextmanager
def serve_harness(library: str, source: Path) -> Iterator[str]:
    files = {
        **{f"/{name}": HERE / name for name in ("harness.html", "harness.js", "senses.js")},
        f"/library/{library if library.endswith('.js') else f'{library}.js'}": source,
    }

    class Handler(MediaHandler):
        def translate_path(self, path: str) -> str:
            return str(files.get(path.partition("?")[0], HERE / "nothing"))

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=5)
