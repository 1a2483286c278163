"""Grids and curves are looked at pixel by pixel."""

import matplotlib
import numpy
import pytest
import torch
from PIL import Image

from ganzoo.report.curves import write_curves
from ganzoo.report.grid import make_grid, to_pixels, write_grid


def test_pixels_cover_the_whole_range_and_are_clipped():
    values = torch.tensor([-2.0, -1.0, 0.0, 1.0, 2.0]).view(1, 1, 1, 5)
    assert to_pixels(values).flatten().tolist() == [0, 0, 128, 255, 255]


def test_images_lie_row_by_row():
    images = torch.stack([torch.full((1, 64, 64), value) for value in (-1.0, 0.0, 1.0)])
    grid = numpy.asarray(make_grid(images, columns=2))
    assert grid.shape == (2 * 66 + 2, 2 * 66 + 2, 3)
    assert (grid[10, 10] == 0).all()
    assert (grid[10, 76] == 128).all()
    assert (grid[76, 10] == 255).all()
    assert (grid[76, 76] == 32).all()  # background where there is no fourth image


def test_small_images_are_enlarged_by_a_whole_factor():
    assert make_grid(torch.zeros(1, 1, 8, 8)).size == (60, 60)
    assert make_grid(torch.zeros(1, 1, 28, 28)).size == (60, 60)
    assert make_grid(torch.zeros(1, 1, 64, 64)).size == (68, 68)


def test_colours_stay_apart():
    red = torch.tensor([1.0, -1.0, -1.0]).view(1, 3, 1, 1).expand(1, 3, 28, 28)
    assert make_grid(red).getpixel((10, 10)) == (255, 0, 0)


def test_captions_take_room_of_their_own_and_are_cut(tmp_path):
    images = torch.full((2, 1, 64, 64), -1.0)
    path = tmp_path / "grid.png"
    write_grid(images, path, labels=["7", "a name that is far too long"], columns=2)
    pixels = numpy.asarray(Image.open(path))
    assert pixels.shape[0] == 64 + 2 + 12 + 2
    assert (pixels[66:78] > 200).any()
    assert not (pixels[2:66] > 200).any()


@pytest.mark.parametrize("shape", [(0, 1, 8, 8), (3, 8, 8), (2, 2, 8, 8)])
def test_refuses_what_is_no_batch_of_images(shape):
    with pytest.raises(ValueError, match="a grid takes"):
        make_grid(torch.zeros(shape))


def test_refuses_labels_that_do_not_match():
    with pytest.raises(ValueError, match="1 labels were given for 2 images"):
        make_grid(torch.zeros(2, 1, 8, 8), labels=["x"])


def test_curves_are_drawn_for_terms_and_for_what_was_shown(tmp_path):
    when = {"images": 64, "seconds": 0.0, "time": 0.0}
    lines = [{"step": s, **when, "d/real": 1 / s, "g/fake": float(s), "k": 0.1, "eval/fid": 9.0} for s in (1, 2, 3)]
    write_curves(lines, tmp_path / "two.png", title="both")
    write_curves([{"step": 1, "images": 1, "d/real": 0.5}], tmp_path / "one.png", title="terms alone")
    write_curves([], tmp_path / "none.png", title="nothing")
    two, one = Image.open(tmp_path / "two.png"), Image.open(tmp_path / "one.png")
    assert two.height > 1.8 * one.height
    assert len(set(two.convert("RGB").getcolors(1 << 20))) > 50


def test_drawing_curves_leaves_the_backend_of_a_notebook_alone(tmp_path):
    matplotlib.use("svg")
    try:
        write_curves([{"step": 1, "d/real": 0.5}], tmp_path / "a.png", title="t")
        assert matplotlib.get_backend() == "svg"
    finally:
        matplotlib.use("agg")
