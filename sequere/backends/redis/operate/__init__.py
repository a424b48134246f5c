"""Functions for operators of a graph in Redis: audit, statistics, permissions, scripts."""
