"""`python -m wingthing.cli`: the same as `wt`."""

from wingthing.cli import main

main()
