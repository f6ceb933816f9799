"""The single node: everything on one machine, and nothing of a fleet."""

from __future__ import annotations

from wingthing.assembly.beside import provide_login, wing_inside
from wingthing.assembly.home import HomeNode
from wingthing.errors import OperatorError
from wingthing.web.root import Tree
from wingthing.web.site import QuietSite


class SingleNode(HomeNode):
    """With `wt roost` there is a wing in the process, too."""

    def build(self) -> None:
        if self.config.with_wing and self.config.sign_in is not None:
            raise OperatorError(
                "'wt roost' runs a server without sign-in, whose wing needs no login. With sign-in, run "
                "'wt serve', and log the wing of this machine in as yours: 'wt login', then 'wt wing start'."
            )
        tree = Tree(
            pages=self.pages().app,
            apps={"auth": self.auth(), "api": self.api(self.router.wings)},
            whole={**self.everywhere(), **self.accounts()},
            sockets=self.sockets(self.authenticator),
        )
        self.listen(QuietSite(self.guard, tree, reactor=self.reactor, limits=self.limits))

    def listening(self, url: str) -> None:
        if self.config.sign_in is None:
            self._wing_beside(url)
        super().listening(url)

    def _wing_beside(self, url: str) -> None:
        known_as = provide_login(
            self.directory,
            url,
            self.config.base_url or url,
            self.keys,
            self.database.path,
            self.reactor.seconds(),
        )
        if self.config.with_wing:
            wing_inside(self.reactor, self.config, self.directory, url, known_as).setServiceParent(self)
