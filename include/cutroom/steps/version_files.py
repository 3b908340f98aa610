"""The files of a version: under which key each lies, and as what it is served."""

from cutroom.media import keys
from cutroom.media.plan import Plan
from cutroom.steps.job import Job
from cutroom.steps.workshop import Workshop

CONTENT_TYPES = {
    ".jpg": "image/jpeg",
    ".png": "image/png",
    ".vtt": "text/vtt; charset=utf-8",
    ".m3u8": "application/vnd.apple.mpegurl",
    ".mpd": "application/dash+xml",
    ".mp4": "video/mp4",
    ".m4s": "video/iso.segment",
    ".json": "application/json",
    ".ts": "video/mp2t",
    ".webm": "video/webm",
    ".m4a": "audio/mp4",
    ".mp3": "audio/mpeg",
    ".flac": "audio/flac",
    ".ogg": "audio/ogg",
}


def version_key(shop: Workshop, job: Job, made: Plan, name: str) -> str:
    """The key of a file of the version that this run makes."""
    if shop.version_folder is not None:
        return f"{shop.version_folder}{name}"
    return keys.version(job.upload.asset_id, made.version_id, name)
