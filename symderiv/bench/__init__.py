"""Measurements against other programs: what they are given, how they are timed."""

from .derive_times import Measured, measure
