"""certs.py: certificate authorities and certificates of a test, by openssl."""
import os
import ssl
import subprocess


def _openssl(*argv):
    subprocess.run(["openssl"] + list(argv), check=True,
                   capture_output=True)


class Authority:
    def __init__(self, dir, name="ca"):
        self.dir, self.name = dir, name
        self.pem = os.path.join(dir, name + ".pem")
        self.key = os.path.join(dir, name + "-key.pem")
        _openssl("req", "-x509", "-newkey", "ec", "-pkeyopt",
                 "ec_paramgen_curve:P-256", "-nodes", "-keyout", self.key,
                 "-out", self.pem, "-days", "2", "-subj", "/CN=" + name,
                 "-addext", "basicConstraints=critical,CA:TRUE",
                 "-addext", "keyUsage=critical,keyCertSign,cRLSign")

    def issue(self, name, san):
        """(certificate file, key file) for the subjectAltName san."""
        cert, key, req, ext = (os.path.join(self.dir, "%s-%s%s" % (
            self.name, name, x)) for x in (".pem", "-key.pem", ".csr",
                                           ".ext"))
        _openssl("req", "-newkey", "ec", "-pkeyopt",
                 "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out",
                 req, "-subj", "/CN=" + name)
        with open(ext, "w") as f:
            f.write("subjectAltName=%s\n"     # RFC 5280 4.2.1.1, 4.2.1.3
                    "authorityKeyIdentifier=keyid\n"
                    "subjectKeyIdentifier=hash\n"
                    "keyUsage=critical,digitalSignature\n" % san)
        _openssl("x509", "-req", "-in", req, "-CA", self.pem, "-CAkey",
                 self.key, "-CAcreateserial", "-days", "2", "-extfile", ext,
                 "-out", cert)
        return cert, key


def server_context(cert, key):
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    c.load_cert_chain(cert, key)
    return c


def client_context(ca, cert=None, key=None):
    """Verifies the chain; names are not the point here."""
    c = ssl.create_default_context(cafile=ca)
    c.check_hostname = False
    if cert:
        c.load_cert_chain(cert, key)
    return c


class Trunk:
    """What gateway and telephone need for TLS: conf is the gateway's, which
    listens on 5071; the telephone is pbx.test, of the same authority."""

    def __init__(self, dir, port=5060):
        self.ca = Authority(dir)
        own = self.ca.issue("gateway", "DNS:gw.test,IP:127.0.0.1")
        self.pbx = self.ca.issue("pbx", "DNS:pbx.test")
        self.conf = {
            "sip": {"listen": "udp:127.0.0.1:5070, tls:127.0.0.1:5071",
                    "certificate": own[0], "key": own[1]},
            "trunk pbx": {"uri": "sip:127.0.0.1:%d;transport=tls" % port,
                          "tls_ca": self.ca.pem, "tls_name": "pbx.test"}}

    def contexts(self):
        return server_context(*self.pbx), client_context(self.ca.pem)

    def chain(self):
        """One file with certificate and key."""
        path = self.pbx[0] + ".chain"
        with open(path, "w") as out:
            for name in self.pbx:
                with open(name) as f:
                    out.write(f.read())
        return path
