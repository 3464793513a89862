"""Chaos on purpose: real runs killed and a vendor that misbehaves, until all is as it should be.

`python -m chaos` (which is `make chaos`). Development only.
"""
