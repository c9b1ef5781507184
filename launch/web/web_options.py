"""Web options: which clients a web server answers, as its command is told."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from .access import Access, open_access


@dataclass(frozen=True, slots=True)
class WebOptions:
    """A web server's token, TLS files and names."""

    token: Annotated[Path | None, typer.Option(help="Want the token in this file; it is made where it is missing.")] = (
        None
    )
    tls_certificate: Annotated[Path | None, typer.Option(help="Serve HTTPS: the certificate, a PEM file.")] = None
    tls_key: Annotated[Path | None, typer.Option(help="The certificate's private key, a PEM file.")] = None
    insecure: Annotated[bool, typer.Option("--insecure", help="Allow an address others can reach without HTTPS.")] = (
        False
    )
    host_name: Annotated[
        list[str] | None, typer.Option(help="A further name of this host in the network; may be given again.")
    ] = None

    def access(self, address: str) -> Access:
        """The access to a server at `address`; raises as `open_access` does."""
        return open_access(
            address,
            token_file=self.token,
            certificate=self.tls_certificate,
            private_key=self.tls_key,
            insecure=self.insecure,
            names=self.host_name or (),
        )
