"""Variants that break the rules, one each, and the toy games, as a plugin that is installed for the kit's tests."""
