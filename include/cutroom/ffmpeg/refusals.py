"""What a user reads where a media tool refuses a file."""

from cutroom.errors import SourceCorrupt, SourceUnsupported


def reason_of(said: str) -> SourceCorrupt | SourceUnsupported:
    """What the user reads, from what the tool said. Pure."""
    if "moov atom not found" in said:
        return SourceCorrupt(
            "The file is truncated: the index of this MP4 (its moov box) is missing. Upload it again, or save it anew."
        )
    if "not on whitelist" in said:
        return SourceUnsupported(
            "The file is in a format that is not taken; docs/sources.md lists those that are."
        )
    return SourceCorrupt("The file is damaged, or not video or audio: it can't be read. Upload it again.")
