"""Benchmarks: how fast a variant trains, how good it becomes, and what that costs, under one protocol for all."""
