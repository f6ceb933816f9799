"""wingthing: terminals on your own machines, from any browser, end-to-end encrypted."""

__version__ = "0.1.0"
