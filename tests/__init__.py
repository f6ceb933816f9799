"""Tests of wingthing.

Loaded machines are slow at times: examples of hypothesis have no deadline. They are the same in every run, so
that a change is judged by what it changed; `WT_TEST_EXPLORE=1` looks for new ones.
"""

import os

from hypothesis import settings

EXPLORE = "WT_TEST_EXPLORE"

settings.register_profile("wingthing", deadline=None, derandomize=not os.environ.get(EXPLORE))
settings.load_profile("wingthing")
