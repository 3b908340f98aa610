"""The poster: which still of a film stands for it, and why. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

DARKEST, BRIGHTEST = 40.0, 225.0
"""Mean brightness, of 0 to 255, outside of which a picture counts as black or as washed out."""
FULL_CONTRAST, FULL_COLOUR = 120.0, 40.0
"""Range of the middle 80 % of the brightness, and mean saturation, that can't be bettered."""
OPENING, CLOSING = Fraction(5, 100), Fraction(90, 100)
"""Before and after these parts of a film there are titles and credits."""
BLURRED = 0.4
"""Part of the sharpness of the sharpest below which a picture counts as blurred, whatever its contrast and colours."""
DIMMEST = 0.5
"""Exposure up to which a picture is no measure of how sharp others can be."""
AT_THE_ENDS = 0.6
"""What a still counts there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Still:
    """What was measured of one candidate, with 8 bits a sample."""

    at_s: Fraction
    brightness: float
    """Mean of the luma."""
    contrast: float
    """From its 10th to its 90th percentile."""
    colourfulness: float
    """Mean saturation."""
    blur: float
    """Mean width of the edges in pixels: the more, the less sharp; fades and motion make it grow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The chosen candidate, and what speaks for and against each."""

    chosen: int
    candidates: tuple[Mapping[str, float], ...]

    def to_json(self) -> dict[str, Any]:
        """A plain value."""
        return {"chosen": self.chosen, "candidates": [dict(one) for one in self.candidates]}


def choose(stills: Sequence[Still], duration_s: Fraction) -> Choice:
    """The still that is well exposed, sharp, rich in contrast and colour, and from the film proper.

    A black or white picture counts nothing, however sharp; a blurred one little, however colourful. Of equals the
    earliest is taken.

    Args:
        stills: The candidates in order, at least one.
        duration_s: How long the film lasts.
    """
    edged = [still for still in stills if still.blur > 0]
    # Words on black are sharper than any picture of a film.
    pictures = [still for still in edged if _exposure(still) > DIMMEST]
    sharpest = min((still.blur for still in pictures or edged), default=1.0)
    marks = [_marks(still, sharpest, duration_s) for still in stills]
    best = max(range(len(stills)), key=lambda place: (marks[place]["score"], -place))
    return Choice(chosen=best, candidates=tuple(marks))


def _marks(still: Still, sharpest: float, duration_s: Fraction) -> dict[str, float]:
    exposure = _exposure(still)
    contrast = min(1.0, still.contrast / FULL_CONTRAST)
    colour = min(1.0, still.colourfulness / FULL_COLOUR)
    # Nothing but one colour has no edges to be sharp.
    sharpness = min(1.0, sharpest / still.blur) if still.blur > 0 else 0.0
    place = 1.0 if duration_s * OPENING <= still.at_s <= duration_s * CLOSING else AT_THE_ENDS
    focus = min(1.0, sharpness / BLURRED)
    score = exposure * focus * (0.4 * contrast + 0.35 * sharpness + 0.25 * colour) * place
    return {
        "at_s": float(still.at_s),
        "score": round(score, 4),
        "exposure": round(exposure, 3),
        "contrast": round(contrast, 3),
        "sharpness": round(sharpness, 3),
        "colourfulness": round(colour, 3),
        "position": place,
    }


def _exposure(still: Still) -> float:
    """1 for a picture that is neither black nor washed out, 0 for nothing but black or white."""
    return max(0.0, min(1.0, still.brightness / DARKEST, (255 - still.brightness) / (255 - BRIGHTEST)))
