"""The benchmarks: `python -m bench [relay|memory|echo]`. How they measure: docs/benchmarks.md."""
