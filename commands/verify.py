"""Checks that what is stored is what was noted: `flask --app app verify`. Reads only, beside a running server or without one.

With the path of a package it checks that, on any machine: no settings and no database are needed for it.
"""

from __future__ import annotations

import re
import sys
import time
from pathlib import Path

import click
from flask import Flask
from flask.cli import with_appcontext

from basics.errors import InvalidInput, ProctorError
from cluster.own_names import known_names
from records.kept_files import files_of
from records.package_check import Checked, check_package
from records.reader import stored
from records.stores import PlainStore
from records.verification import verify
from records.verified import Verified
from settings.settings import Settings, load_settings

HEAD = re.compile(r"([1-9][0-9]{0,11}):([0-9a-f]{64})")


def register(app: Flask, settings: Settings | None = None) -> None:
    """Give `app` the command. Without `settings` they are read when the command runs."""

    @app.cli.command(
        "verify", help="Check the audit's chain, the sealed records, the decisions and the clips, or a package; name whatever was altered."
    )
    @click.argument("package", required=False, type=click.Path(path_type=Path))
    @click.option("--session", "session_id", default="", metavar="ID", help="Of records and clips those of this session only.")
    @click.option("--head", "heads", multiple=True, metavar="SEQ:HASH", help="A head of the chain that was kept elsewhere; again for more.")
    @click.option("--key", default="", metavar="KEY", help="The public key, or its fingerprint, that must have signed the package.")
    @with_appcontext
    def command(package: Path | None, session_id: str, heads: tuple[str, ...], key: str) -> None:
        started = time.monotonic()
        try:
            if package is not None:
                checked = check_package(package, key)
                click.echo(package_report(checked, time.monotonic() - started))
                sys.exit(0 if checked.whole else 1)
            wanted = dict(_head(head) for head in heads)
            in_force = settings or load_settings()
            with stored(in_force) as database:
                files, names = files_of(in_force, PlainStore(database)), known_names(in_force.data_dir)
                verified = verify(database, in_force.clips_dir, session_id=session_id, heads=wanted, files=files, names=names)
        except ProctorError as error:
            raise click.ClickException(error.message) from None
        click.echo(report(verified, time.monotonic() - started))
        if verified.findings:
            sys.exit(1)


def report(verified: Verified, seconds: float) -> str:
    """What was checked and found, in lines."""
    speed = f" ({verified.clip_bytes / 1e6 / seconds:.0f} MB/s)" if verified.clip_bytes and seconds > 0 else ""
    erased = f", {verified.erased} of them erased" if verified.erased else ""
    thinned = f", {verified.thinned} of them without their readings (their time was over)" if verified.thinned else ""
    deleted = f"; {verified.clips_deleted} more were deleted (their time was over)" if verified.clips_deleted else ""
    lines = [
        f"Audit: {verified.entries} entries{erased}; the chain's head is {verified.seq}:{verified.head}",
        *_cut(verified),
        f"Sealed sessions: {verified.sessions}{thinned}",
        f"Decisions: {verified.decisions}",
        f"Clips: {verified.clips}, {verified.clip_bytes / 1e6:.1f} MB{speed}{deleted}",
    ]
    if verified.pictures:
        lines.append(f"Pictures of faces, cards and rooms: {verified.pictures}")
    for server, count in sorted(verified.on_others.items()):
        lines.append(f"Clips on the disk of another server, {server}: {count}, not looked at. Verify there, too.")
    lines += [f"ALTERED: {finding.kind} {finding.which}: {finding.wrong}" for finding in verified.findings]
    lines.append(f"{len(verified.findings)} found that are not as they were." if verified.findings else "Nothing was altered.")
    return "\n".join(lines)


def _cut(verified: Verified) -> list[str]:
    """What is said of entries that were deleted because their time was over."""
    cut = verified.cut
    if not cut.upto:
        return []
    until = f"{cut.until:%Y-%m-%d %H:%M} UTC" if cut.until is not None else "an unknown time"
    lines = [
        f"Entries up to {cut.upto} were deleted under KEEP_AUDIT_DAYS={cut.days}, the youngest of {until}; the head was {cut.head}. "
        f"The chain is checked from there on."
    ]
    if verified.beyond:
        lines.append(f"Heads that can't be compared any more, because they lie before that: {', '.join(map(str, sorted(verified.beyond)))}")
    return lines


def package_report(checked: Checked, seconds: float) -> str:
    """What was checked of a package and found, in lines."""
    about = checked.about
    speed = f" ({checked.size / 1e6 / seconds:.0f} MB/s)" if seconds > 0 else ""
    chain = about.get("chain") or {}
    lines = [
        f"Package of {len(about.get('sessions') or [])} sessions, made {about.get('made_at')} by {about.get('made_by') or '(no name)'}",
        f"Files: {checked.files}, {checked.size / 1e6:.1f} MB{speed}",
        f"Sealed sessions whose records are those that were sealed: {len(checked.sealed)}",
        f"The audit's chain ended with {chain.get('seq')}:{chain.get('hash')}",
        f"{'Signed' if checked.signed else 'NOT signed'} by the key {checked.fingerprint or '(none)'}; the server's is at /api/packages/key",
    ]
    lines += [f"Not in it: {one.get('path')} ({one.get('why')})" for one in about.get("missing") or []]
    lines += [f"CHANGED: {finding.kind} {finding.which}: {finding.wrong}" for finding in checked.findings]
    if checked.lacking:
        lines.append(
            f"NOT WHOLE: {len(checked.lacking)} files are not in it that its records say are there. Have it made again when they can be had."
        )
    lines.append(f"{len(checked.findings)} found that are not as they were." if checked.findings else "Nothing was changed.")
    return "\n".join(lines)


def _head(given: str) -> tuple[int, str]:
    found = HEAD.fullmatch(given.strip().lower())
    if found is None:
        raise InvalidInput(f"--head {given!r} is no head of a chain. Give its place and its hash as the log has them: 1234:{'0' * 8}… (64 digits).")
    return int(found[1]), found[2]
