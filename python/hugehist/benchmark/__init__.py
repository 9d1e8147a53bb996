"""hugehist beside its peers: `python -m hugehist.benchmark --help`. Needs the extra `bench`."""
