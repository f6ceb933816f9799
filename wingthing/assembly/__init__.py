"""The only place that builds things: role, configuration, one service, and the twistd plugin."""
