"""What feature URIs mean."""

from __future__ import annotations

import pytest

from desirepath.domain.feature_uri import EVERY_TEXT, Feature, FeatureKind, read_feature
from desirepath.errors import InvalidRetriever

TEXT, VECTOR, SENT = FeatureKind.TEXT, FeatureKind.VECTOR, FeatureKind.SENT


@pytest.mark.parametrize(
    ("uri", "kind", "names"),
    [
        ("text://title", TEXT, ("title",)),
        ("text://title+brand", TEXT, ("brand", "title")),
        ("text://brand+title+brand", TEXT, ("brand", "title")),
        ("text://details.colour name", TEXT, ("details.colour name",)),
        (EVERY_TEXT, TEXT, ()),
        ("vector://image", VECTOR, ("image",)),
        ("vector://my index", VECTOR, ("my index",)),
        ("image", VECTOR, ("image",)),
        ("sdk_8", VECTOR, ("sdk_8",)),
        ("clip-v1.2", VECTOR, ("clip-v1.2",)),
        ("mixpeek://text@v1/e5", SENT, ("mixpeek://text@v1/e5",)),
        ("my index", SENT, ("my index",)),
        ("8bit", SENT, ("8bit",)),
        ("日本語", SENT, ("日本語",)),
        ("TEXT://title", SENT, ("TEXT://title",)),
    ],
)
def test_what_a_uri_means(uri: str, kind: FeatureKind, names: tuple[str, ...]) -> None:
    assert read_feature(uri) == Feature(kind, names)


@pytest.mark.parametrize(
    "uri", ["text://", "text://+", "text://title+", "text:// ", "vector://", "vector:// "]
)
def test_a_uri_that_names_nothing_is_refused(uri: str) -> None:
    with pytest.raises(InvalidRetriever):
        read_feature(uri)
