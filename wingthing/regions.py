"""The regions of Fly: the one place that lists them, for `make deploy-edge` as for the map on `/status`.

docs/operations.md has the same table; a test compares the two.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Region(NamedTuple):
    """Where machines may be: the city, and where on Earth that is, in degrees north and east."""

    city: str
    latitude: float
    longitude: float


REGIONS: Final = {
    "ams": Region("Amsterdam", 52.4, 4.9),
    "arn": Region("Stockholm", 59.3, 18.1),
    "bom": Region("Mumbai", 19.1, 72.9),
    "cdg": Region("Paris", 48.9, 2.4),
    "dfw": Region("Dallas", 32.8, -96.8),
    "ewr": Region("Newark", 40.7, -74.2),
    "fra": Region("Frankfurt", 50.1, 8.7),
    "gru": Region("São Paulo", -23.5, -46.6),
    "iad": Region("Ashburn", 39.0, -77.5),
    "jnb": Region("Johannesburg", -26.2, 28.0),
    "lax": Region("Los Angeles", 34.1, -118.2),
    "lhr": Region("London", 51.5, -0.1),
    "nrt": Region("Tokyo", 35.7, 139.7),
    "ord": Region("Chicago", 41.9, -87.6),
    "sea": Region("Seattle", 47.6, -122.3),
    "sin": Region("Singapore", 1.4, 103.8),
    "sjc": Region("San Jose", 37.3, -121.9),
    "syd": Region("Sydney", -33.9, 151.2),
    "yyz": Region("Toronto", 43.7, -79.4),
}
"""By code. `sea` is no longer in Fly's own table (2026); who still has machines there may name it."""
