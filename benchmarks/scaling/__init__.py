"""What `python benchmarks/scale.py` measures with: folders of images, a process's memory, an observer, a verdict."""
