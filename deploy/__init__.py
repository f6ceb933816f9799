"""What `make` hands to Fly: `python -m deploy deploy|deploy-edge|scale|status`. See docs/operations.md."""
