"""Writes the embedded database's files anew, so that nothing that was erased is in them: not in freed blocks, the journal, the oplog.

A second mongod makes a new database beside the old one and is given every record; it is ended, started again and compared (MongoDB's `dbHash`), then
the folders are exchanged. Rewriting the collections where they are would leave MongoDB's history, journal and catalogue, and no way back from the
middle. Until the exchange the old files are only read: whatever ends this leaves them as they are, and the next try begins anew.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, cast

import pymongo
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument
from pymongo.collection import Collection
from pymongo.errors import PyMongoError
from pymongo.write_concern import WriteConcern

from basics.errors import Conflict, StorageError
from basics.texts import _
from storage.erased import ErasedMark
from storage.folder_swap import ASIDE, COPY, settle, swap
from storage.mongod import EmbeddedMongod

log = logging.getLogger(__name__)

Client = pymongo.MongoClient[dict[str, Any]]
Say = Callable[[str], None]

BATCH = 1000  # records
SAY_S = 5.0
MONGODS_OWN = frozenset({"admin", "config", "local"})
MONGODS_IN_ADMIN = frozenset({"system.version", "system.keys"})


def write_anew(mark: ErasedMark, say: Say, busy: Callable[[Client], str] = lambda _client: "") -> None:
    """Write all anew, and clear the mark. No server may run on the folder.

    `say` is told how it goes on, `busy` why this is no time for it. Raise `Conflict` where it isn't, `StorageError` where it can't be done: then all
    is as it was.
    """
    folder = mark.data_dir.resolve() / "mongo"
    source = EmbeddedMongod(mark.data_dir, alone=True)
    try:
        with ExitStack() as closing:  # its folder is given back last, when nothing of the copy is left
            uri = source.start()
            closing.callback(source.stop)
            closing.callback(settle, folder)
            closing.callback(source.end)
            _check_gone(folder)
            with _client(uri) as old:
                if reason := busy(old):
                    raise Conflict(reason)
                if no_room := mark.why_no_room():
                    raise StorageError(_("There is not room enough: %(no_room)s.", no_room=no_room))
                _copy_all(old, folder, say)
            source.end()
            say("the new files take the place of the old ones")
            swap(folder)
            _check_gone(folder)
            mark.clear()
    except (OSError, PyMongoError) as error:
        raise StorageError(_("The database's files can't be written anew: %(error)s.", error=error)) from error
    log.info("the database's files were written anew: nothing that was erased is in them")


def _check_gone(folder: Path) -> None:
    for rest in (folder / ASIDE, folder / COPY):
        if rest.exists():
            raise StorageError(_("%(path)s can't be deleted, and has records in it. Delete it.", path=rest))


def _copy_all(old: Client, folder: Path, say: Say) -> None:
    collections = list(_collections(old))
    with _mongod(folder / COPY) as new:
        _copy_records(old, new, collections, say)
        for database, name, _options in collections:
            say(f"indexes of {name}")
            _copy_indexes(old[database][name], new[database][name])
        new.admin.command("fsync")  # whatever time that takes; ending has a limit
    say("comparing")
    with _mongod(folder / COPY) as new:
        for database in sorted({database for database, _name, _options in collections}):
            if _seen(old, database) != _seen(new, database):
                raise StorageError(_("The copy of the database %(name)s is not as it is itself. All stays as it was; try again.", name=database))


def _collections(client: Client) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """The database, name and options of each collection. Raise `StorageError` where there is what can't be copied."""
    if foreign := sorted(name for name in set(client.admin.list_collection_names()) - MONGODS_IN_ADMIN if client.admin[name].find_one()):
        raise StorageError(_("Somebody keeps %(names)s in MongoDB's own database, which is not copied.", names=", ".join(foreign)))
    for database in sorted(set(client.list_database_names()) - MONGODS_OWN):
        for each in sorted(client[database].list_collections(), key=lambda one: str(one["name"])):
            name = str(each["name"])
            if name == "system.profile":
                continue
            if each["type"] != "collection" or name.startswith("system."):
                raise StorageError(_("%(name)s is no collection of records, and not copied.", name=f"{database}.{name}"))
            yield database, name, dict(each["options"])


def _copy_records(old: Client, new: Client, collections: list[tuple[str, str, dict[str, Any]]], say: Say) -> None:
    total = sum(old[database][name].estimated_document_count() for database, name, _options in collections)
    done, said_at = 0, time.monotonic()
    say(f"copying {total} records")
    for database, name, options in collections:
        new[database].create_collection(name, **options)
        to = _raw(new, database, name)
        with _raw(old, database, name).find({}, batch_size=BATCH) as found:
            for batch in _batches(found):
                to.insert_many(batch, bypass_document_validation=True)
                done += len(batch)
                if time.monotonic() - said_at > SAY_S:
                    said_at = time.monotonic()
                    say(f"copied {done} of {total} records")


def _copy_indexes(old: Collection[dict[str, Any]], new: Collection[dict[str, Any]]) -> None:
    wanted = [{name: value for name, value in index.items() if name != "ns"} for index in old.list_indexes() if index["name"] != "_id_"]
    if wanted:
        new.database.command("createIndexes", new.name, indexes=wanted)


def _seen(client: Client, database: str) -> dict[str, Any]:
    """What a database must have in common with its copy: of each collection the hash of its records, its options and indexes."""
    hashes = client[database].command("dbHash")["collections"]
    described = {
        str(each["name"]): (each["options"], {str(index["name"]): dict(index) for index in client[database][each["name"]].list_indexes()})
        for each in client[database].list_collections()
        if each["name"] != "system.profile"
    }
    return {name: (hashes.get(name), *rest) for name, rest in described.items()}


def _batches(found: Iterator[RawBSONDocument]) -> Iterator[list[RawBSONDocument]]:
    batch: list[RawBSONDocument] = []
    for document in found:
        batch.append(document)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _raw(client: Client, database: str, name: str) -> Collection[RawBSONDocument]:
    """A collection whose documents stay the bytes that they are."""
    codec: CodecOptions[RawBSONDocument] = CodecOptions(document_class=RawBSONDocument)
    return cast("Collection[RawBSONDocument]", client[database].get_collection(name, cast(Any, codec), write_concern=WriteConcern(w=1)))


@contextmanager
def _mongod(data_dir: Path) -> Iterator[Client]:
    mongod = EmbeddedMongod(data_dir, alone=True)
    try:
        with _client(mongod.start()) as client:
            yield client
    finally:
        mongod.stop()


def _client(uri: str) -> Client:
    return pymongo.MongoClient(uri)
