"""Peers: the packages that benchmarks compare with, in an environment of their own."""
