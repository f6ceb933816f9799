"""Makes `twistd --reactor wingthing` known to Twisted."""

from twisted.application.reactors import Reactor

quick = Reactor(
    "wingthing", "wingthing.assembly.reactor", "epoll(7) without a logging context for each event."
)
