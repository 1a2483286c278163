"""Makes ganzoo/data/shipped/digits.npz from scikit-learn's copy of the UCI digits: `python benchmarks/make_digits.py`.

The arrays are `levels`, uint8 (1797, 8, 8) in 0..16, and `labels`, uint8 (1797,). The printed MD5 stands in
ganzoo/data/digits.py.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

TARGET = Path(__file__).parents[1] / "ganzoo" / "data" / "shipped" / "digits.npz"


def main() -> None:
    """Write the file and print its size and checksum."""
    digits = load_digits()
    np.savez_compressed(TARGET, levels=digits.images.astype(np.uint8), labels=digits.target.astype(np.uint8))
    content = TARGET.read_bytes()
    print(f"{TARGET.name}: {len(content):,} bytes, MD5 {hashlib.md5(content).hexdigest()}")


if __name__ == "__main__":
    main()
