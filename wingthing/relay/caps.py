"""What users feel of the cap: a notice, and the end of their terminals at this node. Wings feel nothing."""

from __future__ import annotations

from wingthing.relay import tunnels
from wingthing.relay.allowance import Changes
from wingthing.relay.peers import FEATURE_NOTICE, Viewer
from wingthing.relay.router import Router
from wingthing.wire import codec
from wingthing.wire.closing import CloseCode
from wingthing.wire.node_messages import BandwidthExceeded, BandwidthNotice
from wingthing.wire.plans import cap_near, month_end


def apply(router: Router, changes: Changes) -> None:
    """Do what `Allowance` has found."""
    for user_id in changes.noticed:
        _tell(router, user_id)
    for user_id in changes.cut:
        for viewer in router.meter.viewers(user_id):
            _cut(router, viewer)
    if changes.cut:
        router.dashboards.publish(changes.cut, _exceeded(router))
    for viewer in changes.freed:
        # Whatever its web app has made of the end, it begins anew after this.
        viewer.peer.close(CloseCode.PLAN_CHANGED, "there is no limit any more: connect again")


def _tell(router: Router, user_id: str) -> None:
    allowance = router.allowance
    cap = allowance.cap or 0
    notice = BandwidthNotice(
        message=cap_near(cap, allowance.month),
        used_bytes=allowance.used(user_id),
        cap_bytes=cap,
        resets_at=month_end(allowance.month),
    )
    for viewer in router.meter.viewers(user_id):
        if FEATURE_NOTICE in viewer.features:
            viewer.deliver(codec.write(notice))


def _cut(router: Router, viewer: Viewer) -> None:
    """Detach a browser from all its terminals, which live on, and take its requests away."""
    for session_id in {*viewer.controls, *viewer.watches, *viewer.attaching}:
        router.detach(viewer, session_id)
    waiting = list(viewer.pending)
    tunnels.abandon_viewer(viewer)
    router.allowance.bar(viewer)
    viewer.deliver(codec.write(_exceeded(router)))
    for request_id in waiting:
        viewer.deliver(codec.write(_exceeded(router, request_id)))


def _exceeded(router: Router, request_id: str | None = None) -> BandwidthExceeded:
    allowance = router.allowance
    return BandwidthExceeded(
        message=allowance.sentence, request_id=request_id, resets_at=month_end(allowance.month)
    )
