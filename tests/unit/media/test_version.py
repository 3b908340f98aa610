import json

from hypothesis import given
from hypothesis import strategies as st

from cutroom.media.version import PublishedRendition, PublishedVersion

names = st.text(max_size=20)
numbers = st.integers(min_value=0, max_value=2**63 - 1)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | names,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=8,
)
renditions = st.builds(
    PublishedRendition,
    rendition_key=names, kind=st.sampled_from(["video", "audio", "text"]), codec_string=names, container=names,
    width=st.none() | numbers, height=st.none() | numbers, frame_rate=st.none() | names,
    channels=st.none() | numbers, sample_rate_hz=st.none() | numbers, language=st.none() | names,
    bandwidth_bps=numbers, average_bandwidth_bps=numbers, bytes=numbers, segments=numbers, prefix=names,
)  # fmt: skip
versions = st.builds(
    PublishedVersion,
    asset_id=names, version_id=names, profile=names, profile_digest=names, source_sha256=names, prefix=names,
    hls=names, dash=names, poster=st.none() | names, thumbnails=st.dictionaries(names, names, max_size=3),
    duration_s=st.fractions().map(str), renditions=st.lists(renditions, max_size=3).map(tuple),
    report=st.dictionaries(names, json_values, max_size=3),
)  # fmt: skip


@given(versions)
def test_a_version_survives_the_way_through_json(version: PublishedVersion) -> None:
    assert PublishedVersion.from_json(json.loads(json.dumps(version.to_json()))) == version
