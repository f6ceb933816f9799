"""The fleet: who is connected where, and how nodes tell each other."""
