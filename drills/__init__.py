"""The drills: what a fleet must survive, done to a rehearsed one, with figures; docs/drills.md has them."""
