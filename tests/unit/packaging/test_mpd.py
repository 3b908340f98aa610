import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mpegdash.parser import MPEGDASHParser

import strategies
from cutroom.packaging import mpd
from cutroom.packaging import packager_output as reading
from cutroom.packaging.facts import RenditionFacts

NAMESPACE = "{urn:mpeg:dash:schema:mpd:2011}"


def test_the_mpd_of_a_version(version: Any, golden: Callable[[str, str], None]) -> None:
    golden("mpd/manifest.mpd", version.manifest)


@given(strategies.versions_facts())
def test_every_rendition_is_read_back_as_it_was_measured(facts: list[RenditionFacts]) -> None:
    parsed = MPEGDASHParser.parse(mpd.mpd(facts, prefix="r/"))
    found = {
        one.id: (one, adaptation)
        for adaptation in parsed.periods[0].adaptation_sets
        for one in adaptation.representations
    }
    assert set(found) == {one.key for one in facts}
    for fact in facts:
        one, adaptation = found[fact.key]
        assert (one.bandwidth, one.codecs) == (fact.bandwidth_bps, fact.codec_string)
        assert (one.width, one.height) == (fact.width, fact.height)
        assert adaptation.content_type == fact.kind
        assert one.base_urls[0].base_url_value == f"r/{fact.key}/{fact.single_file or ''}"
        if fact.kind == "text":
            continue
        assert one.segment_templates[0].timescale == fact.timescale
        assert one.segment_templates[0].start_number == 1


@given(strategies.versions_facts())
def test_the_timeline_gives_back_every_segment(facts: list[RenditionFacts]) -> None:
    root = ET.fromstring(mpd.mpd(facts, prefix="r/"))
    by_key = {one.key: one for one in facts}
    for representation in root.iter(f"{NAMESPACE}Representation"):
        if by_key[representation.attrib["id"]].kind == "text":
            continue
        template = representation.find(f"{NAMESPACE}SegmentTemplate")
        assert template is not None
        assert reading._timeline(template) == [
            (one.start_ticks, one.duration_ticks) for one in by_key[representation.attrib["id"]].segments
        ]


@given(strategies.versions_facts())
def test_an_adaptation_set_holds_what_a_player_may_switch_between(facts: list[RenditionFacts]) -> None:
    sets = mpd.adaptation_sets(facts)
    assert sum(len(members) for _, members in sets) == len(facts)
    for kind, members in sets:
        assert {one.kind for one in members} == {kind}
        if kind == "audio":
            assert len({one.name.rsplit("-", 1)[-1] for one in members}) == 1
    kinds = [kind for kind, _ in sets]
    assert kinds.count("video") <= 1
    assert kinds == sorted(kinds, key=["video", "audio", "text"].index)


@given(strategies.versions_facts())
def test_the_presentation_lasts_until_its_last_track_ends(facts: list[RenditionFacts]) -> None:
    root = ET.fromstring(mpd.mpd(facts, prefix="r/"))
    stated = Fraction(root.attrib["mediaPresentationDuration"].removeprefix("PT").removesuffix("S"))
    assert abs(stated - max(one.end_s for one in facts if one.kind != "text")) <= Fraction(1, 1_000_000)


@pytest.mark.parametrize(
    ("seconds", "wanted"),
    [(Fraction(100), "PT100S"), (Fraction(1, 3), "PT0.333333S"), (Fraction(5, 2), "PT2.5S")],
)
def test_a_duration_is_written_as_xml_schema_has_it(seconds: Fraction, wanted: str) -> None:
    assert mpd._duration(seconds) == wanted


@given(strategies.rendition_facts("audio"), st.text("<>&\"'äß", max_size=9))
def test_what_comes_from_the_source_stays_inside_its_attribute(one: RenditionFacts, language: str) -> None:
    root = ET.fromstring(mpd.mpd([replace(one, language=language)], prefix="r/"))
    (adaptation,) = root.iter(f"{NAMESPACE}AdaptationSet")
    assert adaptation.attrib.get("lang", "") == language


def test_a_frame_rate_is_a_whole_number_or_a_fraction(version: Any) -> None:
    ntsc = replace(version.facts[0], frame_rate=Fraction(30_000, 1001))
    assert 'frameRate="30000/1001"' in mpd.mpd([ntsc], prefix="r/")
    assert 'frameRate="25"' in mpd.mpd([version.facts[0]], prefix="r/")


@pytest.mark.parametrize(
    ("wait_s", "stated"), [(None, "PT2S"), (Fraction(3, 2), "PT2S"), (Fraction(341, 100), "PT3.5S")]
)
def test_players_are_told_to_wait_longer_where_a_picture_needs_it(
    version: Any, wait_s: Fraction | None, stated: str
) -> None:
    facts = [replace(one, wait_s=wait_s) for one in version.facts]
    assert ET.fromstring(mpd.mpd(facts, prefix="r/")).attrib["minBufferTime"] == stated
