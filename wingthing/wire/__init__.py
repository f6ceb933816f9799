"""The wire contract in code: message types, limits, and the codec. Bytes only: no Twisted, clock or files."""
