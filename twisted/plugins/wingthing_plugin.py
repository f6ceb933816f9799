"""Makes `twistd wingthing` and `twistd --reactor wingthing` known to Twisted."""

from twisted.application.reactors import Reactor
from twisted.application.service import ServiceMaker

wingthing = ServiceMaker(
    "wingthing",
    "wingthing.assembly.tap",
    "Reach the terminals on your own machines from any browser.",
    "wingthing",
)
quick_reactor = Reactor(
    "wingthing", "wingthing.assembly.reactor", "epoll(7) without a logging context for each event."
)
