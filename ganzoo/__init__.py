"""ganzoo: a pluggable zoo of generative adversarial networks."""

__version__ = "0.1.0"
