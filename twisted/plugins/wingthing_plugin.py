"""Makes `twistd wingthing` known to Twisted."""

from twisted.application.service import ServiceMaker

wingthing = ServiceMaker(
    "wingthing",
    "wingthing.assembly.tap",
    "Reach the terminals on your own machines from any browser.",
    "wingthing",
)
