"""What each public call costs, in bare round trips: ``python -m tests.benchmarks``."""
