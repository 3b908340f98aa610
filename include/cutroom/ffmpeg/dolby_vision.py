"""What becomes of Dolby Vision, by its configuration record beside a track. Pure."""

from cutroom.errors import SourceUnsupported
from cutroom.ffmpeg.ffprobe import Stream

WITHOUT_BASE_LAYER = {5, 10, 20}
"""Profiles whose pictures may be in colours (IPTPQc2) that only Dolby's metadata turn into others."""


def notes(stream: Stream) -> tuple[str, ...]:
    """That a picture loses Dolby Vision, in words.

    Raises:
        SourceUnsupported: Without it the colours of the picture are false, as its base layer is compatible with none.
    """
    for one in stream.side_data_list:
        match one:
            case {"side_data_type": "DOVI configuration record", "dv_profile": int(profile), **rest}:
                if profile in WITHOUT_BASE_LAYER and not rest.get("dv_bl_signal_compatibility_id"):
                    raise SourceUnsupported(
                        f"The picture is in Dolby Vision (profile {profile}), whose colours nothing here can show. "
                        "Export it as HDR10, HLG, SDR, or Dolby Vision with one of these as its base (profile 8)."
                    )
                return (f"Its Dolby Vision (profile {profile}) is left out.",)
    return ()
