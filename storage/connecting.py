"""The way to MongoDB: the client of an address, and what a replica set without a primary is told by."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote_plus

import pymongo
from pymongo.errors import PyMongoError

from basics.errors import ConfigError
from basics.texts import ngettext
from storage.writes import reason_of

Client = pymongo.MongoClient[dict[str, Any]]


def connect(uri: str, timeout_s: float) -> Client:
    """A client, which has asked nobody yet. Raise `ConfigError` where the address can't be used."""
    if not uri.startswith(("mongodb://", "mongodb+srv://")):
        raise ConfigError("MONGO_URI must begin with mongodb:// or mongodb+srv://, or be `embedded`.", field="mongo_uri")
    if re.search(r"[?&;]compressors=[^&;]*zlib", unquote_plus(uri), re.IGNORECASE):
        raise ConfigError(
            "MONGO_URI must not ask for zlib (compressors=…): servers have given away memory by it (CVE-2025-14847).", field="mongo_uri"
        )
    milliseconds = int(timeout_s * 1000)
    try:
        return pymongo.MongoClient(
            uri,
            connect=False,
            appname="proctor",
            retryWrites=True,
            serverSelectionTimeoutMS=milliseconds,
            connectTimeoutMS=milliseconds,
            heartbeatFrequencyMS=2000,  # notice a new primary soon
        )
    except (PyMongoError, ValueError, TypeError) as error:
        raise ConfigError(f"MONGO_URI can't be used: {error}", field="mongo_uri") from error


def why_away(client: Client, error: PyMongoError) -> str:
    """What a failed question says of the database: that its replica set has no primary where some of its members answer."""
    topology = client.topology_description
    members = topology.server_descriptions().values()
    answer = sum(bool(member.is_server_type_known) for member in members)
    if topology.topology_type_name != "ReplicaSetNoPrimary" or not answer:
        return reason_of(error)
    return ngettext(
        "the replica set has no primary: %(count)s of %(all)s members answers, which is no majority, or they are choosing one",
        "the replica set has no primary: %(count)s of %(all)s members answer, which is no majority, or they are choosing one",
        answer,
        all=len(members),
    )
