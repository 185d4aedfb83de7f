"""The lab's authority, the root of an invented security program, and the certificates that the rows use."""

from pathlib import Path

from lab.certificates import authority, certificate, chained
from lab.invented import DOMAIN, HOST


def make(folder: Path):
    """Everything the rows use."""
    authority(folder, "ca", "/O=Invented/CN=Invented Test CA")
    authority(folder, "shield", "/O=Invented/CN=Invented Mail Shield Root")
    authority(folder, "stranger", "/O=Nobody/CN=Nobody's CA")
    certificate(folder, "host", "ca", (HOST, DOMAIN))
    certificate(folder, "expired", "ca", start=-400, end=-20)
    certificate(folder, "long_ago", "ca", start=-1500, end=-1100)
    certificate(folder, "ahead", "ca", start=900, end=1300)
    certificate(folder, "other_name", "ca", ("server7.hosting.test", "*.hosting7.test"))
    certificate(folder, "untrusted", "stranger")
    certificate(folder, "proxy", "stranger", ("relay.isp.test",))
    certificate(folder, "shielded", "shield")
    certificate(folder, "between", "ca", ("Invented Issuing CA",), kind="issuer")
    certificate(folder, "between_old", "ca", ("Invented Issuing CA of last year",), start=-400, end=-20, kind="issuer")
    certificate(folder, "unchained", "between")
    certificate(folder, "old_issuer", "between_old")
    chained(folder, "old_issuer", "between_old")
    certificate(folder, "rsa1024", "ca", bits=1024)
    certificate(folder, "sha1", "ca", digest="sha1")
    certificate(folder, "cn_only", "ca", kind="bare")
    certificate(folder, "renamed", "ca", ("server7.hosting.test",))
