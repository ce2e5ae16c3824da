"""The harness's own certificate authority, made with openssl for each run."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

_NAMES = "IP:127.0.0.1,DNS:localhost,DNS:istiod.istio-system.svc,DNS:kubernetes,DNS:kubernetes.default.svc"


@dataclass(frozen=True)
class Pair:
    """A certificate and its private key, as PEM files."""

    cert: Path
    key: Path


class Authority:
    """Issues certificates for loopback; nothing outside the run trusts it."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.ca = Pair(folder / "ca.crt", folder / "ca.key")
        _openssl(
            "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=migrate-e2e",
            "-keyout", str(self.ca.key), "-out", str(self.ca.cert),
            "-addext", "keyUsage=critical,keyCertSign,cRLSign",
        )  # fmt: skip

    def issue(self, name: str) -> Pair:
        pair = Pair(self.folder / f"{name}.crt", self.folder / f"{name}.key")
        if pair.cert.exists():
            return pair
        request = self.folder / f"{name}.csr"
        _openssl(
            "req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}",
            "-keyout", str(pair.key), "-out", str(request),
        )  # fmt: skip
        extensions = self.folder / f"{name}.ext"
        extensions.write_text(f"subjectAltName={_NAMES}\nextendedKeyUsage=serverAuth,clientAuth\n")
        _openssl(
            "x509", "-req", "-in", str(request), "-CA", str(self.ca.cert), "-CAkey", str(self.ca.key),
            "-CAcreateserial", "-days", "2", "-extfile", str(extensions), "-out", str(pair.cert),
        )  # fmt: skip
        return pair

    def service_account_key(self) -> Path:
        key = self.folder / "service-accounts.key"
        if not key.exists():
            _openssl("genrsa", "-out", str(key), "2048")
        return key


def _openssl(*arguments: str) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)  # noqa: S607
