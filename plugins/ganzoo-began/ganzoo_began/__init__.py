"""BEGAN (Berthelot et al. 2017, arXiv:1703.10717) for ganzoo: specs in `plugin`, the variant in `began`."""
