"""Secrets in addresses that open something without an account: only their digest is ever kept."""

import secrets

from duban.core.integrity import sha256


def new_secret() -> str:
    """128 random bits, fit for an address."""
    return secrets.token_urlsafe(16)


def digest_of(secret: str) -> str:
    """SHA-256 in hexadecimal: with so many random bits nothing else is needed."""
    return sha256(secret.encode())
