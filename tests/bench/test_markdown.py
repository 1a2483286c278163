"""A result as Markdown."""

from __future__ import annotations

from toys.results import contender, contest, result, training

from ganzoo.bench.markdown import escaped, to_markdown

PLAIN = contender(kind="plain", seconds=(2.0,) * 10)
OURS = contender(seconds=(1.0,) * 10, plain=(2.0,) * 10, noise=["load of 3.1 on 2 cores"])


def test_speeds() -> None:
    text = to_markdown(result(contests=[contest(PLAIN, OURS)]))
    assert "| dcgan | plain loop | fp32 | 64 | 320 (320 to 320) | - | 200 | 200 | 0.90 | - |" in text
    assert "| dcgan | eager | fp32 | 64 | 640 (640 to 640) | 2.00 (2.00 to 2.00) | 100 | 100 | 0.90 | noisy |" in text
    assert "Quality" not in text


def test_quality() -> None:
    seeds = [training(seed=0, fids=(60.0, 20.0)), training(seed=1, fids=(40.0, 30.0))]
    text = to_markdown(result(trainings=seeds))
    assert "| variant | FID at the end | FID at 12,800 images | FID at 23.0 s | FID floor |" in text
    assert "| dcgan | 25.0 +- 7.1 | 25.0 +- 7.1 | 25.0 +- 7.1 | 1.50 |" in text
    assert "| dcgan | 13.0 +- 0 | 18.0 +- 7.1 | 23.0 (1 of 2 seeds) | - |" in text
    assert "Speed" not in text


def test_what_ran_where_and_how_it_was_judged() -> None:
    text = to_markdown(result(contests=[contest(OURS)], trainings=[training(seed=7)]))
    head = text.partition("\n")[0]
    for fact in (
        *("Suite test", "2026-01-01 00:00 UTC", "commit 0123456789ab", "Example 9000 (2 cores)", "torch 2.14.1"),
        *("tier eager", "precision fp32", "seeds 7", "mnist-cnn abababababab", "10,000 samples", "mnist:test"),
    ):
        assert fact in head


def test_samples_along_the_way_are_told_where_they_are_others() -> None:
    config = {"training": {"eval_samples": 2000}, "data": {"dataset": "mnist"}}
    text = to_markdown(result(trainings=[training().model_copy(update={"config": config})]))
    assert "10,000 samples (along the way by 2,000)" in text


def test_a_start_up_that_was_not_recorded_is_told() -> None:
    unknown = training("lsgan").model_copy(update={"startup_seconds": None})
    assert "the start-up of lsgan was not recorded" in to_markdown(result(trainings=[training(), unknown]))
    assert "not recorded" not in to_markdown(result(trainings=[training()]))


def test_figures_that_do_not_compare_are_told() -> None:
    other = training("lsgan")
    other = other.model_copy(update={"evaluation": other.evaluation | {"against": "usps:test"}})
    assert "do not compare" in to_markdown(result(trainings=[training(), other]))
    assert "do not compare" not in to_markdown(result(trainings=[training(), training("lsgan")]))


def test_a_note_for_each_noisy_row_and_each_failure() -> None:
    found = result(contests=[contest(PLAIN, OURS)], failures=[{"what": "began", "reason": "no room"}])
    text = to_markdown(found)
    assert "- dcgan fp32 eager, batch 64 is noisy: load of 3.1 on 2 cores" in text
    assert "- began: no room" in text


def test_reasons_that_differ_in_their_numbers_alone_are_told_in_one_line() -> None:
    loads = [f"load of {load} on 2 cores" for load in (3.1, 1.2, 10)]
    noisy = [contender(f"v{index}", noise=[load, "the GPU was hot"]) for index, load in enumerate(loads)]
    lines = to_markdown(result(contests=[contest(PLAIN, *noisy, OURS)])).splitlines()
    assert [line for line in lines if line.startswith("- ")] == [
        "- 4 of 5 are noisy: load of 1.2 to 10 on 2 cores",
        "- v0 fp32 eager, batch 64, v1 fp32 eager, batch 64, v2 fp32 eager, batch 64 are noisy: the GPU was hot",
    ]


def test_names_mean_nothing_to_markdown() -> None:
    text = to_markdown(result(contests=[contest(contender("<script>a|b_c\nd", distribution="evil"))]))
    assert "<script>" not in text
    assert "| &lt;script&gt;a\\|b\\_c; d (evil) |" in text
    assert escaped("a*b`c`[d](e) & f") == "a\\*b\\`c\\`\\[d\\](e) &amp; f"


def test_a_result_of_nothing() -> None:
    assert to_markdown(result()).startswith("Suite test of")
