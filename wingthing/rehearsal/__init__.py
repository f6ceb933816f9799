"""A small Fly.io on one Linux machine: machines, a private network with faults, DNS, and the public proxy."""
