from cutroom import ids
from cutroom.media import keys
from cutroom.media.timeline import EncodeChunk

CHUNK = EncodeChunk(
    index=3, start_pts=-450, end_pts=900, first_packet=0, end_packet=9, boundaries=(-450,), frames=9
)


def test_objects_of_one_thing_lie_in_one_folder() -> None:
    assert keys.plan("pl_1").rsplit("/", 1)[0] == keys.plan_file("pl_1", "x.json").rsplit("/", 1)[0]
    assert keys.encode("en_1").rsplit("/", 1)[0] == keys.encode_facts("en_1").rsplit("/", 1)[0]
    assert keys.rendition_facts("rn_1").startswith(keys.rendition("rn_1", ""))


def test_the_names_of_what_is_kept_do_not_change() -> None:
    assert keys.chunk("abc", 2, CHUNK) == f"chunks/abc/2/{keys.CHUNK_REVISION}/-450-900.nut"
    assert keys.encode("en_1") == "encodes/en_1/media"
    assert keys.encode_facts("en_1") == "encodes/en_1/facts.json"
    assert keys.rendition_facts("rn_1") == "renditions/rn_1/rendition.json"
    assert keys.version("as_1", "av_1", "master.m3u8") == "assets/as_1/av_1/master.m3u8"
    assert keys.tool_log("r", "encode_video", "h264 00001") == "logs/r/encode_video/h264 00001.log"
    assert keys.source_facts("abc") == "sources/abc/facts.json"


def test_a_chunks_key_does_not_depend_on_its_number() -> None:
    # Cut otherwise, the same window is the same object.
    again = EncodeChunk(
        index=9, start_pts=-450, end_pts=900, first_packet=0, end_packet=9, boundaries=(-450,), frames=9
    )
    assert keys.chunk("abc", 2, again) == keys.chunk("abc", 2, CHUNK)


def test_ids_say_what_they_name() -> None:
    assert ids.asset_id("uploads", "a.mp4").startswith("as_")
    assert ids.file_version_id("uploads", "a.mp4", "1").startswith("fv_")
    assert ids.run_id(ids.file_version_id("uploads", "a.mp4", "1"), "dig").endswith("--dig")
