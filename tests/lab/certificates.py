"""Authorities of the invented world, and certificates good and bad."""

import datetime

from lab.invented import HOST
from lab.programs import sh


def _openssl(*arguments):
    sh("openssl", *arguments)


def _key(path, bits=None):
    """An elliptic key, or an RSA key of so many bits."""
    if bits:
        _openssl("genrsa", "-out", path, bits)
    else:
        _openssl("ecparam", "-genkey", "-name", "prime256v1", "-noout", "-out", path)
    path.chmod(0o644)  # the servers give up root; these are keys of invented hosts


def authority(folder, name, subject):
    """A root: NAME.key, NAME.pem."""
    _key(folder / f"{name}.key")
    _openssl(
        "req", "-x509", "-new", "-key", folder / f"{name}.key", "-days", 30, "-sha256", "-out", folder / f"{name}.pem",
        "-subj", subject, "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign,cRLSign",
    )


def _stamp(days):
    moment = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=days)
    return moment.strftime("%Y%m%d%H%M%SZ")


def certificate(folder, name, issuer, names=(HOST,), start=-1, end=30, bits=None, digest="sha256", kind="server"):
    """A server's certificate, valid from `start` to `end`, in days from now: NAME.pem with its key in NAME.key. Its `kind`:
    server, bare (a name only in the subject's CN, as before 2000), issuer (an authority below the authority)."""
    _key(folder / f"{name}.key", bits)
    _openssl("req", "-new", "-key", folder / f"{name}.key", "-out", folder / f"{name}.csr", "-subj", f"/O=Invented/CN={names[0]}")
    work = folder / f"ca-{name}"
    work.mkdir()
    (work / "index").write_text("")
    (work / "serial").write_text("%016x\n" % (abs(hash((name, start))) % (1 << 60) + 1))
    alternative = ",".join(f"DNS:{one}" for one in names)
    (work / "config").write_text(
        f"[ca]\ndefault_ca=one\n[one]\ndatabase={work}/index\nserial={work}/serial\nnew_certs_dir={work}\n"
        f"default_md={digest}\npolicy=any\nx509_extensions={kind}\ncopy_extensions=none\n[any]\norganizationName=optional\ncommonName=supplied\n"
        f"[server]\nsubjectAltName={alternative}\nbasicConstraints=CA:FALSE\nkeyUsage=digitalSignature\n"
        f"extendedKeyUsage=serverAuth\n"
        f"[bare]\nbasicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth\n"
        f"[issuer]\nbasicConstraints=critical,CA:TRUE,pathlen:0\nkeyUsage=critical,keyCertSign,cRLSign\n"
    )
    _openssl(
        "ca", "-batch", "-notext", "-config", work / "config", "-cert", folder / f"{issuer}.pem", "-keyfile",
        folder / f"{issuer}.key", "-in", folder / f"{name}.csr", "-out", folder / f"{name}.pem",
        "-startdate", _stamp(start), "-enddate", _stamp(end),
    )


def chained(folder, name, issuer):
    """Puts the issuer's certificate behind the server's, as a server must send them."""
    file = folder / f"{name}.pem"
    file.write_text(file.read_text() + (folder / f"{issuer}.pem").read_text())
