"""The benchmarks: `python -m bench [relay|memory|echo|fleet]`. How they measure: docs/benchmarks.md."""
