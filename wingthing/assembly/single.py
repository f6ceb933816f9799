"""The single node: everything on one machine, and nothing of a fleet."""

from __future__ import annotations

from wingthing.assembly.beside import provide_login, wing_inside
from wingthing.assembly.home import HomeNode
from wingthing.web.root import Tree
from wingthing.web.site import QuietSite


class SingleNode(HomeNode):
    """With `wt roost` there is a wing in the process, too."""

    def build(self) -> None:
        tree = Tree(
            pages=self.pages().app,
            apps={"auth": self.auth().app, "api": self.api(self.router.wings)},
            whole={**self.everywhere(), **self.accounts()},
            sockets=self.sockets(self.authenticator),
        )
        self.listen(QuietSite(self.guard, tree, reactor=self.reactor))

    def listening(self, url: str) -> None:
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
        super().listening(url)
