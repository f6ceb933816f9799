"""Minimal relays on other WebSocket libraries, to hold this node against. Each is one process."""
