"""plain.py: an slixmpp client's connection to loopback, without TLS."""
import inspect


def connect(client, port):
    """slixmpp 1.8 (Debian 12) is told by words, 1.10 (Debian 13) before."""
    if "force_starttls" in inspect.signature(client.connect).parameters:
        client.connect(("127.0.0.1", port), force_starttls=False,
                       disable_starttls=True)
        return
    client.enable_direct_tls = client.enable_starttls = False
    client.enable_plaintext = True
    client.connect("127.0.0.1", port)
