"""JSON Web Tokens and their keys, made with openssl, so that no library that wsidecar shares is asked."""

import base64
import hashlib
import hmac
import json
import os
import subprocess
import time


def url64(data):
    return base64.urlsafe_b64encode(data if isinstance(data, bytes) else data.encode()).rstrip(b"=").decode()


def openssl(*arguments, data=b""):
    return subprocess.run(["openssl", *arguments], input=data, check=True, capture_output=True).stdout


def content(claims, **header):
    return url64(json.dumps(header)) + "." + url64(json.dumps(claims))


def hs256(secret, claims, alg="HS256", **header):
    text = content(claims, alg=alg, **header)
    return text + "." + url64(hmac.new(secret if isinstance(secret, bytes) else secret.encode(), text.encode(), hashlib.sha256).digest())


def soon(seconds):
    return time.time() + seconds


class Key:
    """A private key in a file: RS256, ES256 or EdDSA."""

    OPTIONS = {"RS256": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
               "ES256": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
               "EdDSA": ["-algorithm", "ED25519"]}

    def __init__(self, folder, alg, kid):
        self.alg, self.kid = alg, kid
        self.file = os.path.join(str(folder), kid + ".pem")
        openssl("genpkey", *self.OPTIONS[alg], "-out", self.file)

    @property
    def public_der(self):
        return openssl("pkey", "-in", self.file, "-pubout", "-outform", "DER")

    @property
    def jwk(self):
        out = {"kid": self.kid, "alg": self.alg, "use": "sig"}
        if self.alg == "RS256":
            n = openssl("rsa", "-in", self.file, "-modulus", "-noout").decode().strip().partition("=")[2]
            return {**out, "kty": "RSA", "n": url64(bytes.fromhex(n)), "e": "AQAB"}
        if self.alg == "ES256":
            x, y = self.public_der[-64:-32], self.public_der[-32:]
            return {**out, "kty": "EC", "crv": "P-256", "x": url64(x), "y": url64(y)}
        return {**out, "kty": "OKP", "crv": "Ed25519", "x": url64(self.public_der[-32:])}

    def token(self, claims, **header):
        text = content(claims, **{"alg": self.alg, "kid": self.kid, **header})
        if self.alg == "EdDSA":
            path = self.file + ".text"  # pkeyutl wants to know the size
            with open(path, "w", encoding="ascii") as f:
                f.write(text)
            signature = openssl("pkeyutl", "-sign", "-rawin", "-inkey", self.file, "-in", path)
        else:
            signature = openssl("dgst", "-sha256", "-sign", self.file, data=text.encode())
        return text + "." + url64(self._raw(signature) if self.alg == "ES256" else signature)

    @staticmethod
    def _raw(der):
        """R and S of 32 bytes each."""
        r_size = der[3]
        r = der[4:4 + r_size]
        s = der[6 + r_size:]
        return b"".join(int.from_bytes(n, "big").to_bytes(32, "big") for n in (r, s))


def key_set(*keys):
    return json.dumps({"keys": [k.jwk for k in keys]})
