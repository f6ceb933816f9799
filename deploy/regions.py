"""The regions that `make deploy-edge` knows: those of wingthing/regions.py."""

from __future__ import annotations

from typing import Final

from wingthing import regions

REGIONS: Final = {code: region.city for code, region in regions.REGIONS.items()}
"""Code -> city."""
