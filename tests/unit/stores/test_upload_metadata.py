from hypothesis import assume, given
from hypothesis import strategies as st

from cutroom.errors import UsageError
from cutroom.media.upload import UploadedObject
from cutroom.stores.provision import allowing_policy, merged_notifications
from cutroom.stores.uploads import described, metadata_of

UPLOAD = UploadedObject(
    bucket="b",
    key="k",
    version="v",
    versioned=True,
    size_bytes=1,
    uploaded_at="2026-01-01T00:00:00.000+00:00",
)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


@given(title=TEXT, owner=TEXT, tags=st.lists(TEXT, max_size=5))
def test_what_is_said_of_an_upload_is_read_back(title: str, owner: str, tags: list[str]) -> None:
    try:
        metadata = metadata_of(title=title, owner=owner, tags=tags)
    except UsageError:
        assume(False)
    for value in metadata.values():
        assert value.isascii()
        assert value.isprintable()
        assert value == value.strip()
    read = described(UPLOAD, metadata)
    assert (read.title, read.owner) == (title.strip(), owner.strip())
    assert read.tags == tuple(dict.fromkeys(tag.strip() for tag in tags if tag.strip()))


def test_tags_that_look_encoded_come_back_as_they_were() -> None:
    tags = ("50%25", "100%", "a%2Cb", "plain")
    assert described(UPLOAD, metadata_of(tags=tags)).tags == tags


def test_what_other_tools_wrote_is_understood() -> None:
    read = described(UPLOAD, {"title": "=?UTF-8?Q?Z=C3=BCrich?=", "owner": "100% me", "tags": "a, b ,,a"})
    assert (read.title, read.owner, read.tags) == ("Zürich", "100% me", ("a", "b"))


def test_a_wrongly_encoded_title_stays_as_it_is() -> None:
    assert described(UPLOAD, {"title": "=?nonsense?Q?=ff?="}).title == "=?nonsense?Q?=ff?="


def test_our_statement_joins_the_others_once() -> None:
    theirs = '{"Version": "2012-10-17", "Statement": {"Sid": "theirs", "Effect": "Deny"}}'
    made = allowing_policy(theirs, queue_arn="arn:q", bucket="b")
    assert made is not None
    assert '"theirs"' in made
    assert '"cutroom-uploads"' in made
    assert allowing_policy(made, queue_arn="arn:q", bucket="b") is None
    moved = allowing_policy(made, queue_arn="arn:q", bucket="other")
    assert moved is not None
    assert moved.count('"cutroom-uploads"') == 1


def test_our_notification_is_known_under_any_name() -> None:
    made = merged_notifications({}, queue_arn="arn:q", prefixes=["incoming/", "manifests/"])
    assert made is not None
    made["QueueConfigurations"][0] |= {"Id": "renamed"}
    made["QueueConfigurations"][0]["Filter"]["Key"]["FilterRules"][0]["Name"] = "Prefix"
    assert merged_notifications(made, queue_arn="arn:q", prefixes=["incoming/", "manifests/"]) is None
