"""WGAN-GP (Gulrajani et al. 2017, arXiv:1704.00028) for ganzoo: specs in `plugin`, the variant in `wgan_gp`."""
