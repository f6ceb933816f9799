"""The SQLite database: schema and migrations, a pool, and one access module per table family.

Access modules are plain functions on a cursor, so that the server (through the pool) and the command line
(through a connection of its own) use the same ones. No other package has SQL.
"""
