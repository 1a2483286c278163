"""Evaluations from samples to figures: the protocol, what is refused, and that a seed brings everything back."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import platformdirs
import pytest
import torch
from torch import Tensor

from ganzoo.data import ImageSet
from ganzoo.errors import ConfigError, DataError
from ganzoo.metrics.evaluation import evaluate
from ganzoo.metrics.evidence import Estimate
from ganzoo.metrics.judge import Judge
from ganzoo.metrics.results import Evaluation, Score
from ganzoo.metrics.samples import StreamSamples, read
from ganzoo.registry import Figure

if TYPE_CHECKING:
    from .conftest import Plugin

Make = Callable[..., Judge]


def plain(evaluation: Evaluation) -> dict[str, Any]:
    """As JSON gives it back, without the time it took."""
    found = json.loads(json.dumps(evaluation.as_dict(), allow_nan=False))
    assert found.pop("seconds") >= 0
    return found


def numbered(n: int) -> StreamSamples:
    """Images that hold their own numbers."""
    images = torch.arange(n, dtype=torch.uint8).view(n, 1, 1, 1).expand(n, 1, 6, 6)
    return StreamSamples(ImageSet(images), "numbered", (1, 6, 6))


def taken(samples: StreamSamples, n: int, **more: int) -> list[int]:
    return [int(image[0, 0, 0]) for batch in samples.batches(n, **more) for image in batch]


class TestSamples:
    def test_repeats_take_images_that_no_other_takes(self) -> None:
        parts = [taken(numbered(100), 30, seed=0, repeat=repeat) for repeat in range(3)]
        assert [len(part) for part in parts] == [30, 30, 30]
        assert len({number for part in parts for number in part}) == 90

    def test_a_seed_brings_the_same_ones_back_and_another_brings_others(self) -> None:
        first = taken(numbered(100), 30, seed=0, repeat=1)
        assert first == taken(numbered(100), 30, seed=0, repeat=1)
        assert first != taken(numbered(100), 30, seed=1, repeat=1)
        assert first != sorted(first)  # files are often sorted by class

    def test_all_are_taken_in_order_and_of_too_many_a_part_that_is_always_the_same(self) -> None:
        every, part, again = (
            [int(image[0, 0, 0]) for batch in numbered(100).all(limit) for image in batch] for limit in (100, 40, 40)
        )
        assert every == list(range(100))
        assert part == again == sorted(set(part))
        assert len(part) == 40
        assert part != list(range(40))

    def test_images_come_in_batches_from_memory_and_from_elsewhere(self) -> None:
        class Elsewhere(ImageSet):
            pass

        images = numbered(256).stream
        stream = type("Stream", (), {"__getitem__": lambda self, index: images[index]})()
        chosen = torch.arange(255, -1, -1)
        one, other = (list(read(each, chosen)) for each in (images, stream))
        assert [len(batch) for batch in one] == [250, 6]
        assert torch.equal(torch.cat(one), torch.cat(other))

    @pytest.mark.parametrize(
        ("n", "repeats", "problem", "fix"),
        [
            (101, 1, "has 100 images, too few for 101 samples", "--n 100 --repeats 1"),
            (51, 2, "has 100 images, too few for 2 x 51 samples", "--repeats 1"),
            (30, 10, "has 100 images, too few for 10 x 30 samples", "--repeats 3"),
            (1000, 3, "has 100 images, too few for 3 x 1,000 samples", "--n 100 --repeats 1"),
        ],
    )
    def test_too_few_are_refused_with_a_fix_that_works(self, n: int, repeats: int, problem: str, fix: str) -> None:
        with pytest.raises(DataError, match=problem) as caught:
            numbered(100).check(n, repeats)
        assert f"with {fix};" in str(caught.value.fix)
        words = fix.split()
        asked = {"--n": n, "--repeats": repeats} | dict(zip(words[::2], map(int, words[1::2]), strict=True))
        numbered(100).check(asked["--n"], asked["--repeats"])

    def test_a_single_image_has_no_fix_by_options(self) -> None:
        with pytest.raises(DataError, match="at least 2 are needed"):
            numbered(1).check(2)

    def test_a_repeat_beyond_the_images_is_refused(self) -> None:
        with pytest.raises(DataError, match="too few for 4 x 30 samples"):
            taken(numbered(100), 30, seed=0, repeat=3)

    def test_what_can_be_made_is_never_too_few(self) -> None:
        endless = numbered(2)
        endless.size = None
        endless.check(10**9, 10**9)


class TestProtocol:
    def test_a_split_is_at_no_distance_from_itself(self, judge: Make, samples) -> None:
        found = evaluate(samples("test"), judge(), n=60, repeats=1).scores
        assert found["fid"].mean == pytest.approx(0, abs=1e-9)
        assert [found[name].mean for name in ("precision", "recall", "coverage")] == [1, 1, 1]
        assert found["density"].mean == pytest.approx(1.2)
        assert found["copying"].mean == 0.5
        # The other split is at some distance, and it is the floor.
        assert min(found["fid"].floor) > 0.1

    def test_the_training_images_are_all_copies(self, judge: Make, samples) -> None:
        found = evaluate(samples("train"), judge(metrics=["memorisation"]), n=90).scores
        assert (found["copying"].mean, found["nn-ratio"].mean) == (1, 0)

    def test_repeats_judge_other_samples_and_their_deviation_is_the_error_bar(self, judge: Make, samples) -> None:
        found = evaluate(samples("train"), judge(metrics=["fid"]), n=30).scores["fid"]
        assert len(set(found.values)) == 3
        assert found.mean == pytest.approx(sum(found.values) / 3)
        assert found.std == pytest.approx(torch.tensor(found.values, dtype=torch.float64).std().item())

    @pytest.mark.parametrize("wrong", ["type", "shape", "number"])
    def test_samples_of_another_program_must_be_what_they_promise(self, judge: Make, wrong: str) -> None:
        class Foreign(StreamSamples):
            def batches(self, n: int, *, seed: int, repeat: int) -> Iterator[Tensor]:
                for images in super().batches(n, seed=seed, repeat=repeat):
                    yield {"type": images.float(), "shape": images[..., :5], "number": images[1:]}[wrong]

        foreign = Foreign(ImageSet(torch.zeros(50, 1, 6, 6, dtype=torch.uint8)), "theirs", (1, 6, 6))
        message = {"type": r"torch\.float32", "shape": r"\(50, 1, 6, 5\)", "number": "gave 49 images, and 50"}[wrong]
        with pytest.raises(ConfigError, match=f"theirs .*{message}"):
            evaluate(foreign, judge(metrics=["fid"]), n=50, repeats=1)

    def test_a_metric_that_was_named_and_gives_nothing_is_an_error(self, judge: Make, plugin: Plugin, samples) -> None:
        plugin.metric("silent", lambda evidence: {})
        with pytest.raises(ConfigError, match="metric 'silent' has no figure"):
            evaluate(samples("test"), judge(metrics=["fid", "silent"]), n=20)
        assert "silent" not in evaluate(samples("test"), judge(), n=20).scores

    def test_what_a_metric_refuses_names_it(self, judge: Make, samples) -> None:
        with pytest.raises(ConfigError, match="metric 'density-coverage': nearest neighbour number 5"):
            evaluate(samples("test"), judge(metrics=["density-coverage"]), n=4)

    def test_repeats_have_randomness_of_their_own(self, judge: Make, plugin: Plugin, samples) -> None:
        plugin.metric("draw", lambda evidence: {"draw": torch.rand((), generator=evidence.rng)})
        found = evaluate(samples("test"), judge(metrics=["draw"]), n=20).scores["draw"]
        assert len(set(found.values)) == 3

    @pytest.mark.parametrize(("n", "repeats"), [(20, 3), (30, 2), (31, 1), (60, 1)])
    def test_there_are_three_repeats_or_as_many_as_there_are_images(
        self, n: int, repeats: int, judge: Make, samples
    ) -> None:
        assert evaluate(samples("test"), judge(metrics=["fid"]), n=n).repeats == repeats

    def test_repeats_that_are_asked_for_are_not_fewer(self, judge: Make, samples) -> None:
        said: list[str] = []
        with pytest.raises(DataError, match="blobs:test has 60 images, too few for 4 x 20 samples"):
            evaluate(samples("test"), judge(metrics=["fid"], say=said.append), n=20, repeats=4)
        assert "samples, 1 of 4" not in said
        with pytest.raises(DataError, match="blobs:test has 60 images, too few for 61 samples"):
            evaluate(samples("test"), judge(metrics=["fid"]), n=61)

    @pytest.mark.parametrize(
        ("numbers", "said"), [({"n": 1}, "n is 1"), ({"n": 0}, "n is 0"), ({"n": 9, "repeats": 0}, "repeats is 0")]
    )
    def test_numbers_that_mean_nothing_are_refused(
        self, numbers: dict[str, int], said: str, judge: Make, samples
    ) -> None:
        with pytest.raises(ConfigError, match=said):
            evaluate(samples("test"), judge(metrics=["fid"]), **numbers)

    def test_it_says_what_was_judged_and_how(self, judge: Make, samples) -> None:
        ours = judge(metrics=["fid", "modes"], seed=5)
        found = evaluate(samples("train"), ours, n=45, seed=5)
        assert (found.source, found.against, found.real) == ("blobs:train", "blobs:test", 60)
        assert found.floor_from == "45 images of blobs:train"
        assert (found.extractor, found.digest) == ("look", ours.extractor.digest)
        assert (found.n, found.repeats, found.seed, found.device) == (45, 2, 5, "cpu")
        assert list(found.scores) == ["fid", "modes", "kl", "least", "most", "confident"]
        assert found.notes == ()

    def test_notes_tell_how_samples_were_read_and_converted(self, judge: Make, samples) -> None:
        wide = numbered(60)
        wide.stream = wide.stream.to_shape((3, 8, 8))
        wide.shape, wide.note = (3, 8, 8), "uint8, read as ever"
        found = evaluate(wide, judge(shape=(3, 8, 8), resize=True, metrics=["fid"]), n=60)
        assert found.notes[0] == "uint8, read as ever"
        assert [note.partition(" ")[0] for note in found.notes] == ["uint8,", "blobs:test", "the"]

    def test_shares_are_those_of_the_classes_over_all_repeats(self, judge: Make, samples) -> None:
        ours = judge(metrics=["fid"])
        found = evaluate(samples("train"), ours, n=30, repeats=3)
        classes = ours.features(samples("train").all(90)).logits.argmax(1)
        assert found.shares == pytest.approx([(classes == k).float().mean().item() for k in range(3)])

    def test_an_error_that_a_metric_gives_is_kept(self, judge: Make, plugin: Plugin, samples) -> None:
        plugin.metric("sure", lambda evidence: {"sure": Estimate(1.0, len(evidence.fake) / 10)})
        plugin.metric("lost", lambda evidence: {"lost": Estimate(1.0, math.inf)})
        found = evaluate(samples("test"), judge(metrics=["sure", "lost", "fid"]), n=20, repeats=2).scores
        assert [found[name].error for name in ("sure", "lost", "fid")] == [2.0, None, None]

    def test_a_judge_tells_of_these_samples_and_not_of_those_before(self, judge: Make, plugin: Plugin, samples) -> None:
        def few(evidence: Any) -> dict[str, float]:
            if len(evidence.fake) < 30:
                evidence.warn("few samples")
            return {"few": 1.0}

        plugin.metric("few", few)
        ours = judge(metrics=["few"])
        told = [evaluate(samples("test"), ours, n=n).warnings for n in (20, 30, 20)]
        assert told == [("few samples",), (), ("few samples",)]


class TestReproducibility:
    def test_one_seed_gives_the_same_bits_with_and_without_a_cache(
        self, judge: Make, samples, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        found = []
        for cache in ("one", "one", "other"):
            monkeypatch.setattr(platformdirs, "user_cache_path", lambda name, cache=cache: tmp_path / cache)
            torch.manual_seed(len(found))  # nothing may hang on the global stream
            before = torch.get_rng_state()
            found.append(plain(evaluate(samples("train"), judge(seed=3), n=40, seed=3)))
            assert torch.equal(torch.get_rng_state(), before)
        assert found[0] == found[1] == found[2]

    def test_another_seed_gives_other_figures(self, judge: Make, samples) -> None:
        one, other = (evaluate(samples("train"), judge(seed=seed), n=40, seed=seed).scores for seed in (3, 4))
        for name in ("fid", "kid"):
            assert one[name].values != other[name].values
            assert one[name].floor != other[name].floor


class TestResults:
    def test_plain_values_survive_json(self, judge: Make, samples) -> None:
        found = evaluate(samples("train"), judge(), n=40)
        assert plain(found) == {name: value for name, value in found.as_dict().items() if name != "seconds"}
        figure = plain(found)["figures"]["fid"]
        assert figure["values"] == list(found.scores["fid"].values)
        assert figure["floor"]["values"] == list(found.scores["fid"].floor)
        assert (figure["mean"], figure["std"], figure["better"]) == (
            found.scores["fid"].mean,
            found.scores["fid"].std,
            "lower",
        )
        assert plain(found)["figures"]["copying"]["floor"] is None

    def test_one_value_has_no_deviation(self) -> None:
        score = Score(Figure("odd", "for tests"), (2.0,))
        assert (score.mean, score.std, score.error, score.as_dict()["floor"]) == (2.0, None, None, None)
