"""What the rehearsal imitates, and how: numbers and names of Fly.io, each with where it comes from.

Those that the nodes themselves go by are in wingthing.names; these are the platform's side of it.
"""

from __future__ import annotations

from typing import Final

APP_NAME: Final = "wingthing"
"""`FLY_APP_NAME` of every machine: the `.internal` names are made of it."""

LOGIN: Final = "login"
EDGE: Final = "edge"
"""The two process groups (fly.toml, `[processes]`)."""

ENV_FLY_PROCESS_GROUP: Final = "FLY_PROCESS_GROUP"
ENV_PRIMARY_REGION: Final = "PRIMARY_REGION"
"""Variables that Fly sets besides those in wingthing.names."""

FOREIGN_VARIABLES: Final = ("FLY_", "WT_", "WINGTHING_")
"""Variables of the caller that no machine inherits begin so."""

# -- machines ----------------------------------------------------------------------------------------

KILL_TIMEOUT_SECONDS: Final = 20.0
"""From `kill_signal` (SIGINT) to SIGTERM when a machine is stopped; `kill_timeout` of fly.toml."""

LAST_SECONDS: Final = 5.0
"""From SIGTERM to SIGKILL: Fly switches the machine off."""

CHECK_SECONDS: Final = 2.0
"""Between two health checks of a machine, and how long one may take. fly.toml has 15 and 5 seconds; who
rehearses does not want to wait so long."""

GRACE_SECONDS: Final = 5.0
"""So long after its start a machine is in rotation as soon as its port accepts, whatever its checks say."""

FIRST_CHECK_SECONDS: Final = 0.1
"""Between two looks at a machine that has been started and does not listen yet."""

READY_SECONDS: Final = 60.0
"""How long a machine that was started may take to become healthy before the start counts as failed."""

# -- DNS ---------------------------------------------------------------------------------------------

DNS_TTL: Final = 5
"""Seconds, of every `.internal` answer."""

DNS_PORT: Final = 8053
"""Where the resolver of a machine listens, at the machine's own address; Fly's is at port 53 of `fdaa::3`."""

# -- public proxy ------------------------------------------------------------------------------------

MOST_REPLAYS: Final = 10
"""Chained replays of one request."""

REPLAY_BODY_BYTES: Final = 1_000_000
"""A request with more cannot be replayed (another of Fly's pages says 10 MB)."""

HEAD_BYTES: Final = 65_536
"""Request line and headers, or status line and headers, together."""

PIPELINE_BYTES: Final = 65_536
"""What a client may send ahead of the answer that it waits for, before it is read no further."""

CONNECT_SECONDS: Final = 5.0
"""How long a connection to a machine may take to open when nothing else is said."""

CONNECT_TRIES: Final = 3
CONNECT_PAUSE_SECONDS: Final = 0.1
"""A replay's target that refuses connections is tried this often, with this pause."""

LEFTOVER_SECONDS: Final = 5.0
"""How long the rest of a request body is read and thrown away when the answer was complete before it."""

MACHINE_HEADER: Final = b"X-Rehearsal-Machine"
"""On every answer: the id of the machine that gave it. An addition of ours, for drills and tests."""

# -- private network ---------------------------------------------------------------------------------

LANE_BYTES: Final = 4_194_304
"""What is on the way in one direction of one connection, before its sender is read no further."""

# -- the work folder ---------------------------------------------------------------------------------

WORK_DIR: Final = "~/.cache/wingthing/fleet"
"""Where a rehearsal keeps its files when `--dir` does not say otherwise."""

CONTROL_SOCKET: Final = "control"
"""`wt fleet status` and the others talk to the rehearsal here (mode 0600)."""

LOCK_FILE: Final = "lock"
"""Locked (flock) while a rehearsal uses the folder."""

LOG_FILE: Final = "fleet.log"
"""What the rehearsal itself logs."""

KEY_FILE: Final = "jwt_key"
"""`WT_JWT_KEY` of the fleet, made once."""

VOLUME_DIR: Final = "volume"
"""The volume of login: its `WINGTHING_DIR`. It survives; all else of a machine is new at each start."""

MACHINES_DIR: Final = "machines"
"""A log file for each machine, and a folder that is its home and working directory."""

FIRST_PORT: Final = 8800
"""The public port of the first region; the next regions have the next ports."""

MOST_MACHINES: Final = 30
"""In one rehearsal: there is a listening socket for every ordered pair."""
