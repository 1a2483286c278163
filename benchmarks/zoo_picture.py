"""Draw the picture of the README: samples of several runs, one under the other.

    python benchmarks/zoo_picture.py RUN [RUN ...] --out docs/images/zoo.png

The samples are the first ones of seed 0, not chosen by hand.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from ganzoo.api import load
from ganzoo.report.grid import make_grid

COLUMNS, ROWS = 16, 2
MARGIN = 120


def main() -> None:
    """Draw the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    runs = [load(path) for path in arguments.runs]
    grids = [make_grid(run.generate(ROWS * COLUMNS), columns=COLUMNS) for run in runs]
    picture = Image.new("RGB", (MARGIN + grids[0].width, sum(grid.height for grid in grids)), "white")
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(size=22)
    top = 0
    for run, grid in zip(runs, grids, strict=True):
        draw.text((12, top + grid.height // 2), run.config.variant, fill="black", font=font, anchor="lm")
        picture.paste(grid, (MARGIN, top))
        top += grid.height
    picture.save(arguments.out, optimize=True)


if __name__ == "__main__":
    main()
