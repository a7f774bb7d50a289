"""sdes.py: SRTP sessions of RFC 4568 keys, by pylibsrtp."""
import base64

from pylibsrtp import Policy, Session

SUITE = "AES_CM_128_HMAC_SHA1_80"


def inline(key):
    return base64.b64encode(key).decode()


def key_of(line):
    """Key and salt of a crypto attribute of SUITE."""
    tag, suite, params = line.split()[:3]
    if suite != SUITE:
        raise ValueError("crypto suite " + suite)
    if not params.startswith("inline:"):
        raise ValueError("key " + params)
    return base64.b64decode(params[7:].split("|")[0])


def choose(lines):
    """The crypto attribute of SUITE among those of an offer."""
    return next(x for x in lines if x.split()[1] == SUITE)


def sessions(own, line):
    """(tx, rx) for our key and the crypto line of the other side."""
    tx = Policy(key=own, ssrc_type=Policy.SSRC_ANY_OUTBOUND,
                srtp_profile=Policy.SRTP_PROFILE_AES128_CM_SHA1_80)
    rx = Policy(key=key_of(line), ssrc_type=Policy.SSRC_ANY_INBOUND,
                srtp_profile=Policy.SRTP_PROFILE_AES128_CM_SHA1_80)
    return Session(tx), Session(rx)
