"""hugehist beside its peers: `python -m benchmarks.run`."""
