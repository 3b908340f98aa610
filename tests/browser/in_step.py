"""How far picture and sound are from their places in a viewer's browser, measured without a clock.

A frame of a counted source shows its number, and the browser tells the time that it presents it at. What the element
plays from a seek on is taken sample by sample on its way to the speakers, and looked for in the source's sound. Neither
depends on how fast the machine is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from playwright.sync_api import Page

from browser.playback import LIBRARIES, Library, serve_harness
from counted import SAMPLE_RATE

HEARD_SAMPLES = SAMPLE_RATE // 4
SEARCHED_S = 0.25
"""How far from its place the sound is looked for."""
LIMIT_S = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Sensed:
    """What a viewer sees and hears of one moment; positive is late."""

    at_s: float
    frame: int
    picture_late_ms: float
    sound_late_ms: float
    likeness: float
    """Correlation of what was heard with what the source has there: 1 is the same."""

    @property
    def offset_ms(self) -> float:
        """By how much the sound comes after the picture."""
        return self.sound_late_ms - self.picture_late_ms


def sense(
    page: Page,
    url: str,
    sound: "npt.NDArray[np.float32]",
    *,
    library: Library,
    rate: float,
    moments: Sequence[float],
    settings: dict[str, Any] | None = None,
) -> list[Sensed]:
    """Look and listen at some moments of a presentation, each after a seek.

    Args:
        page: A page to use; it is navigated away.
        url: Address of the multivariant playlist or the MPD.
        sound: All of the source's, from the beginning of the presentation on.
        library: Which player library.
        rate: Frames a second of the source.
        moments: In seconds, each at least `SEARCHED_S` from both ends.
        settings: Configuration of Shaka Player beside that of the harness.
    """
    found = []
    with serve_harness(library, LIBRARIES[library]) as address:
        page.goto(f"{address}/harness.html")
        loaded = page.evaluate("a => harness.load(...a)", [library, url, settings or {}])
        assert loaded["rungs"], page.evaluate("harness.report()")["errors"]
        for at in moments:
            seen: dict[str, Any] = page.evaluate("a => senses.seen(...a)", [at, LIMIT_S])
            heard = page.evaluate("a => senses.heard(...a)", [at, HEARD_SAMPLES, LIMIT_S])
            place, likeness = _place(np.array(heard, float), sound, at)
            found.append(
                Sensed(
                    at_s=at,
                    frame=seen["number"],
                    picture_late_ms=1000 * (seen["at"] - seen["number"] / rate),
                    sound_late_ms=1000 * (at - place),
                    likeness=likeness,
                )
            )
    return found


def _place(heard: "npt.NDArray[Any]", sound: "npt.NDArray[Any]", near_s: float) -> tuple[float, float]:
    """Where in the source a stretch of sound is most alike, in seconds, and how alike it is there."""
    first = round((near_s - SEARCHED_S) * SAMPLE_RATE)
    part = sound[first : first + len(heard) + round(2 * SEARCHED_S * SAMPLE_RATE)].astype(float)
    energy = np.concatenate([[0.0], np.cumsum(part**2)])
    energy = energy[len(heard) :] - energy[: -len(heard)]
    # By Fourier's transform, as the sum for each place would take a second of a core.
    size = len(part)
    products = np.fft.irfft(np.fft.rfft(part) * np.conj(np.fft.rfft(heard, size)), size)[: len(energy)]
    alike = products / np.sqrt(energy * np.dot(heard, heard))
    best = int(np.argmax(alike))
    return (first + best) / SAMPLE_RATE, float(alike[best])
