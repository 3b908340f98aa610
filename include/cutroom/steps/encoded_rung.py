"""A rung of an encode chunk as it was encoded: decoded once, and held against what its encoder was given."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cutroom.errors import EncoderRefused, VerificationFailed
from cutroom.media.joins import Quality, Sampling, quality_of, sampling_of
from cutroom.media.timeline import EncodeChunk
from cutroom.media.video_plan import VideoPlan, VideoRung
from cutroom.steps.frame_stats import frame_ticks
from cutroom.steps.workshop import Workshop

if TYPE_CHECKING:
    from cutroom.ffmpeg.coded import CodedPictures
    from cutroom.ffmpeg.quality import Sampled


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodedRung:
    """One rung of a chunk, as ffmpeg made it, decoded once."""

    rung: VideoRung
    path: Path
    frame_ticks: list[int]
    """When its frames are shown, ascending."""
    coded: "CodedPictures"
    quality: Quality | None

    def to_json(self) -> dict[str, Any]:
        """What is kept beside it: frames in the order in which they are decoded, each with its presentation time."""
        (digest,) = self.coded.digests
        # Its container may have moved all times, and its encoder knows frames that are shown for long by other ones.
        shown_at = dict(zip(sorted(self.coded.ticks), self.frame_ticks, strict=True))
        told = {"quality": asdict(self.quality)} if self.quality else {}
        return {
            "frame_ticks": [shown_at[tick] for tick in self.coded.ticks],
            "digest": digest,
            "parameters": self.coded.parameters,
            "crf": self.rung.crf,
            **told,
        }


def decoded_again(
    shop: Workshop,
    video: VideoPlan,
    chunk: EncodeChunk,
    folder: Path,
    given: Sequence[tuple[VideoRung, list[int]]],
) -> list[EncodedRung]:
    """What a decoder makes of each encode.

    Args:
        shop: Where it is decoded.
        video: The plan of the pictures.
        chunk: What was encoded.
        folder: Where the encodes lie.
        given: The rungs, each with the times of the frames that its encoder was given.

    Raises:
        VerificationFailed: An encode can't be decoded, or shows other frames than its encoder was given.
    """
    from cutroom.ffmpeg import quality, runner

    samples = [
        quality.Sampled(
            encoded=encode_file(folder, rung),
            given=sample_file(folder, rung),
            picked=sampled_frames(video, chunk, rung).picked(ticks),
            shown=folder / f"{rung.name}.shown.txt",
            stats=folder / f"{rung.name}.quality.txt",
        )
        for rung, ticks in given
    ]
    log = folder / "quality.log"
    try:
        # One after the other: together they would keep as many threads busy as there are rungs.
        for sample in samples:
            with shop.busy(1):
                runner.run(quality.compare(sample), log=log, limits=shop.limits, on_line=lambda _: None)
    except EncoderRefused as error:
        raise VerificationFailed(
            f"What was encoded of chunk {chunk.name} can't be decoded without an error. Clear the task; if it comes "
            f"again, another preset of its codec may help. {error}"
        ) from error
    return [
        _checked(video, rung, sample, ticks) for (rung, ticks), sample in zip(given, samples, strict=True)
    ]


def _checked(video: VideoPlan, rung: VideoRung, sample: "Sampled", given: list[int]) -> EncodedRung:
    """An encode that shows, decoded, the frames that its encoder was given.

    Raises:
        VerificationFailed: It shows others.
    """
    from cutroom.ffmpeg import coded, quality

    timescale = video.timing.timescale
    shown = frame_ticks(sample.shown, timescale)
    # Its container may have moved all times, so that none is negative.
    moved = shown[0] - given[0] if shown else 0
    if [tick - moved for tick in shown] != video.timing.encoder_ticks(given):
        raise VerificationFailed(
            f"An encode of rung {rung.name} shows {len(shown)} frames; "
            f"its encoder was given {len(given)}, or other ones."
        )
    return EncodedRung(
        rung=rung,
        path=sample.encoded,
        frame_ticks=given,
        coded=coded.read([sample.encoded], timescale),
        quality=None if _are_crammed(given, timescale) else quality_of(quality.read_psnr(sample.stats)),
    )


def _are_crammed(ticks: Sequence[int], timescale: int) -> bool:
    """Whether frames lie so close that a decoder may show them in another order than they were given in."""
    return any(1000 * (after - before) < timescale for before, after in pairwise(ticks))


def sampled_frames(video: VideoPlan, chunk: EncodeChunk, rung: VideoRung) -> Sampling:
    """Which frames of a chunk are compared with what the encoder of a rung was given."""
    timing = video.timing
    frame = round(timing.timescale * rung.frame_step / video.mean_rate)
    return sampling_of(timing.output_ticks(chunk.start_pts), timing.output_ticks(chunk.end_pts), frame)


def encode_file(folder: Path, rung: VideoRung) -> Path:
    """Where a rung is encoded to."""
    return folder / f"{rung.name}.nut"


def sample_file(folder: Path, rung: VideoRung) -> Path:
    """Where some frames are kept as the encoder of a rung was given them."""
    return folder / f"{rung.name}.given.nut"
