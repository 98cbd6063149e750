"""Patterns on a pair's chart: one module for each family of shapes, one calculation over all of them."""

from orchestrator_worker.intelligence.patterns.detection import Pattern, detect, look, walk

__all__ = ["Pattern", "detect", "look", "walk"]
