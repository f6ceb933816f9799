"""The WebSockets of a node: thin shells around Autobahn that hand whole messages to the relay."""
