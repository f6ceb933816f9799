"""The fleet's benchmarks, one module for each table: `online`, `gossip`, `replay`, `proxy`."""
