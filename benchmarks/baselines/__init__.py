"""The training loops that tutorials teach, written plainly: what `python benchmarks/race.py` races ganzoo against.

Each module is one loop, to be read from top to bottom. They keep what the loops that everybody copies have in common:
a DataLoader that decodes and normalises one PIL image at a time, Adam as it comes, discriminator gradients that are
computed in the generator's step and thrown away, and ``.item()`` on every loss. The networks, their first weights,
the learning rates and the batch are those of ganzoo's variant, so that a difference in speed is the loop's alone.
"""
