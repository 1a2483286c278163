"""Images in memory, and their fingerprint."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from ganzoo.data import DataOptions, ImageSet, Stream
from ganzoo.data.idx import IdxSource


def images(n: int = 5, seed: int = 0) -> torch.Tensor:
    return torch.randint(0, 256, (n, 1, 6, 6), generator=torch.Generator().manual_seed(seed), dtype=torch.uint8)


LABELS = torch.tensor([0, 1, 2, 0, 1])


def test_a_set_is_a_stream() -> None:
    labelled, bare = ImageSet(images(), LABELS), ImageSet(images())
    assert isinstance(labelled, Stream)
    assert len(labelled) == 5
    assert torch.equal(labelled[2][0], images()[2])
    assert [labelled[i][1] for i in range(5)] == LABELS.tolist()
    assert bare[0][1] == -1
    assert (labelled.labelled, bare.labelled) == (True, False)
    assert repr(labelled) == "ImageSet(5 images of (1, 6, 6), labels)"


def test_the_fingerprint_is_that_of_pixels_labels_and_shape() -> None:
    same = ImageSet(images(), LABELS).fingerprint
    assert same == ImageSet(images(), LABELS.clone()).fingerprint
    changed = images()
    changed[3, 0, 2, 2] ^= 1
    others = [
        ImageSet(images()),
        ImageSet(changed, LABELS),
        ImageSet(images(), LABELS.flip(0)),
        ImageSet(images().view(5, 1, 4, 9), LABELS),
        ImageSet(images(), LABELS).to_shape((3, 6, 6)),
        ImageSet(images(), LABELS).to_shape((1, 8, 8)),
    ]
    assert len({same, *(other.fingerprint for other in others)}) == 7
    assert all(len(other.fingerprint) == 64 for other in others)


def test_a_set_of_the_right_shape_stays_itself() -> None:
    whole = ImageSet(images(), LABELS)
    assert whole.to_shape((1, 6, 6)) is whole


def test_joining_drops_labels_that_a_part_lacks() -> None:
    joined = ImageSet.concat([ImageSet(images(), LABELS), ImageSet(images(3, seed=1))])
    assert len(joined) == 8
    assert joined.labels is None


@pytest.mark.parametrize("more", [{}, {"image_size": 32}, {"image_size": 40, "channels": 3}])
@pytest.mark.parametrize("split", ["train", "all"])
def test_opened_and_loaded_are_the_same(
    tiny: type[IdxSource], tiny_options: Callable[..., DataOptions], more: dict[str, int], split: str
) -> None:
    source = tiny(tiny_options(**more))
    loaded, opened = source.load(split), source.open(split)  # type: ignore[arg-type]
    assert loaded.fingerprint == opened.fingerprint
    assert len(loaded) == len(opened)
    for index in (0, 7, len(loaded) - 1):
        assert torch.equal(loaded[index][0], opened[index][0])
        assert loaded[index][1] == opened[index][1]
