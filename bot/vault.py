"""Encryption of private text at rest, and the tokens that stand for people.

The only module that imports cryptography, and the only one that sees key bytes. A key file holds one root
secret, from which tokens are derived and which never changes, and a ring of data keys: one seals, all open.
Errors name files, places and remedies, never keys or text, and are chained to no error that holds them.
Needs POSIX (file modes, owners, flock): Linux, macOS, WSL.
"""

import base64
import fcntl
import hmac
import json
import os
import secrets
import stat
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any, Self, cast

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from bot.clock import SystemClock

_FORMAT = 1  # of the key file, and the first byte of everything sealed
_KEY, _ID, _NONCE, _TAG = 32, 4, 12, 16  # bytes; AES-256, 96-bit nonce and full tag as in NIST SP 800-38D
_HEADER = 1 + _ID
_LETTERS = "abcdefghijklmnopqrstuvwxyz234567"  # base 32 as in RFC 4648, in small letters
_PAIRS = [one + two for one in _LETTERS for two in _LETTERS]  # of ten bits each
_LARGEST_FILE = 1 << 20
_BACKUP = "Restore it from a backup; without it, what was sealed cannot be opened."


class VaultError(Exception):
    """Keys or sealed text cannot be used; the message says which, what is wrong, and what to do."""


@dataclass(frozen=True, slots=True)
class _Key:
    secret: bytes = field(repr=False)
    created: str


@dataclass(frozen=True, slots=True)
class _Ring:
    """What a key file holds; data keys by id, oldest first."""

    root: bytes = field(repr=False)
    keys: dict[str, _Key]
    current: str

    def grown(self) -> "_Ring":
        """The same ring with a new current key."""
        key_id = secrets.token_hex(_ID)
        while key_id in self.keys:
            key_id = secrets.token_hex(_ID)
        key = _Key(AESGCM.generate_key(8 * _KEY), SystemClock().now().date().isoformat())
        return replace(self, keys={**self.keys, key_id: key}, current=key_id)


class Vault:
    """Seals and opens private text, and derives tokens. Made by open or ephemeral; cannot be pickled."""

    __slots__ = ("_derived", "_path", "_ring", "_seen")

    def __init__(self, ring: _Ring, path: Path | None = None, seen: object = None) -> None:
        """For open and ephemeral only; seen is the file's mark from just before it was read."""
        self._ring, self._path, self._seen = ring, path, seen
        self._derived: dict[tuple[str, str], _Key] = {}  # the root never changes, and purposes are few

    @classmethod
    def open(cls, path: Path) -> Self:
        """The vault of a key file, which is created (0600, its folder 0700) when there is none.

        Processes that start together end with the same keys. VaultError when it is not a regular file of this
        user that others cannot reach, or is empty, damaged or out of reach.
        """
        path = path.resolve()
        seen = _mark(path)
        with _reaching(path):
            ring = _read(path)
            if ring is None:
                with _locked(path) as folder:
                    ring = _read(path)
                    if ring is None:
                        ring = _new_ring()
                        _write(path, ring, folder)
        return cls(ring, path, seen)

    @classmethod
    def ephemeral(cls) -> Self:
        """A vault in memory with keys of its own, for tests; what it sealed is lost with it."""
        return cls(_new_ring())

    @staticmethod
    def exists(path: Path) -> bool:
        """Whether there is a key file, good or bad: tells a first start from a lost key. Creates nothing."""
        return os.path.exists(path)

    @property
    def key_ids(self) -> tuple[str, ...]:
        """Ids of the data keys, oldest first. An id is no secret."""
        return tuple(self._ring.keys)

    @property
    def current(self) -> str:
        """Id of the data key that seals."""
        return self._ring.current

    def rotate(self) -> str:
        """Add a new current data key and give its id; old text still opens, and tokens stay as they are.

        Rotate long before 2**32 sealed texts per key (SP 800-38D, random nonces). The file is replaced whole,
        under a lock, so nothing is lost to a crash or to another process. VaultError as for open.
        """
        if self._path is None:
            self._ring = self._ring.grown()
            return self.current
        with _reaching(self._path), _locked(self._path) as folder:
            self._load(self._path)
            ring = self._ring.grown()
            _write(self._path, ring, folder)
            self._ring, self._seen = ring, _mark(self._path)
        return self.current

    def seal(self, text: str, about: str) -> bytes:
        """Encrypt text for one place, such as "rejections.story"; 33 bytes are added to its UTF-8.

        Any str is taken and comes back as it was, lone surrogates too: losing what somebody wrote would be
        worse, and what a platform cannot show is the platform's to mend. ValueError when about is empty.
        """
        header = bytes([_FORMAT]) + bytes.fromhex(self._ring.current)
        nonce = secrets.token_bytes(_NONCE)
        cipher = AESGCM(self._ring.keys[self._ring.current].secret)
        return header + nonce + cipher.encrypt(nonce, _bytes(text), _bound(header, about))

    def unseal(self, data: bytes, about: str) -> str:
        """Open what seal made for the same place; VaultError when it was changed, moved or has no key here.

        An unknown key is looked up in the file again if another process has replaced that since.
        """
        header, nonce, body = data[:_HEADER], data[_HEADER : _HEADER + _NONCE], data[_HEADER + _NONCE :]
        if len(body) < _TAG or header[0] != _FORMAT:
            raise VaultError(f"{about}: this is no sealed text known here. Restore it from a backup.")
        key_id = _key_id(data)
        if key_id not in self._ring.keys and self._path is not None and _mark(self._path) != self._seen:
            with _reaching(self._path):
                self._load(self._path)
        key = self._ring.keys.get(key_id)
        if key is None:
            raise VaultError(f"{about}: the key of this text is missing. Restore the newest key file.")
        with suppress(InvalidTag):
            raw = AESGCM(key.secret).decrypt(nonce, body, _bound(header, about))
            return raw.decode("utf-8", "surrogatepass")
        raise VaultError(f"{about}: the sealed text was changed or moved here. Restore it from a backup.")

    def seal_json(self, value: object, about: str) -> bytes:
        """Seal what json can write (NaN excluded: ValueError; other types: TypeError)."""
        return self.seal(json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")), about)

    def unseal_json(self, data: bytes, about: str) -> object:
        """Open what seal_json made; VaultError as for unseal, and when the text is no JSON."""
        text = self.unseal(data, about)
        with suppress(ValueError):
            return cast(object, json.loads(text))
        raise VaultError(f"{about}: the sealed text is no JSON. It was stored as plain text; use unseal.")

    def needs_reseal(self, data: bytes) -> bool:
        """Whether sealed text is under another key than the current one."""
        return _key_id(data) != self._ring.current

    def token(self, purpose: str, *parts: str) -> str:
        """A keyed name of 64 hex digits for some parts: never changes, cannot be linked between purposes."""
        return self._mac("token", purpose, parts).hex()

    def owner(self, user_key: str) -> str:
        """The token stored in place of an author's id."""
        return self.token("owner", user_key)

    def block(self, user_key: str) -> str:
        """The token that moderators block by; it cannot be matched with owner."""
        return self.token("block", user_key)

    def short_key(self, *parts: str) -> str:
        """A keyed name of 25 characters a-z2-7 (125 bits), the length of a Discord nonce, for outbox rows."""
        number = int.from_bytes(self._mac("short", "", parts)[:16], "big") >> 3
        pairs = [_PAIRS[number >> shift & 1023] for shift in range(115, 0, -10)]
        return "".join(pairs) + _LETTERS[number & 31]

    def number(self, purpose: str, *parts: str) -> int:
        """A keyed number below 2**256 for some parts; it cannot be linked to a token of the same purpose."""
        return int.from_bytes(self._mac("number", purpose, parts), "big")

    def _mac(self, kind: str, purpose: str, parts: tuple[str, ...]) -> bytes:
        """HMAC-SHA256 of the parts, under a key derived (HKDF, RFC 5869) for this kind and purpose alone."""
        if (key := self._derived.get((kind, purpose))) is None:
            info = _framed("bounceback 1", kind, purpose)
            key = _Key(HKDF(SHA256(), _KEY, salt=None, info=info).derive(self._ring.root), "")
            self._derived[kind, purpose] = key
        return hmac.digest(key.secret, _framed(*parts), "sha256")

    def _load(self, path: Path) -> None:
        """Take over keys that another process added to the file."""
        seen, ring = _mark(path), _read(path)
        if ring is None or ring.root != self._ring.root or not ring.keys.keys() >= self._ring.keys.keys():
            raise VaultError(f"{path}: the key file was removed or replaced while in use. {_BACKUP}")
        self._ring, self._seen = ring, seen

    def __repr__(self) -> str:
        return f"<Vault: {len(self._ring.keys)} keys, current {self._ring.current}>"

    def __reduce__(self) -> str | tuple[Any, ...]:
        raise TypeError("a vault cannot be pickled or copied")


def _new_ring() -> _Ring:
    return _Ring(secrets.token_bytes(_KEY), {}, "").grown()


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _framed(*parts: str) -> bytes:
    """Parts with their lengths in front, so that ("ab", "c") and ("a", "bc") differ."""
    raws = [part.encode("utf-8", "surrogatepass") for part in parts]
    return b"".join([piece for raw in raws for piece in (len(raw).to_bytes(8, "big"), raw)])


def _bound(header: bytes, about: str) -> bytes:
    """What is authenticated beside the text: format, key id and place."""
    if not about:
        raise ValueError("about must name the place of the text")
    return header + _bytes(about)


def _key_id(data: bytes) -> str:
    return data[1:_HEADER].hex()


def _mark(path: Path) -> object:
    """What changes when a key file is replaced; None when there is none."""
    with suppress(OSError):
        now = path.stat()
        return now.st_ino, now.st_mtime_ns
    return None


@contextmanager
def _reaching(path: Path) -> Generator[None]:
    """Say what a system's error means for the key file."""
    try:
        yield
    except OSError as error:
        raise VaultError(
            f"{path}: the key file cannot be read or written ({error.strerror}). Check its folder and rights."
        ) from None


@contextmanager
def _locked(path: Path) -> Generator[int]:
    """Make the file's folder if needed and lock it against other processes; gives its descriptor."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield folder
    finally:
        os.close(folder)


def _write(path: Path, ring: _Ring, folder: int) -> None:
    """Replace the key file whole: a temporary file of mode 0600, synced, renamed; the folder synced."""
    keys = {
        key_id: {"created": key.created, "key": base64.b64encode(key.secret).decode()}
        for key_id, key in ring.keys.items()
    }
    root = base64.b64encode(ring.root).decode()
    page = json.dumps({"version": _FORMAT, "root": root, "current": ring.current, "keys": keys}, indent=2)
    draft = path.with_name(f".{path.name}.new")
    draft.unlink(missing_ok=True)  # of a process that was killed here: the folder is locked
    try:
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(page + "\n")
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    os.fsync(folder)


def _read(path: Path) -> _Ring | None:
    """The ring of a key file; None when there is no file, VaultError when it must not be used."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    try:
        about = os.fstat(handle)
        if not stat.S_ISREG(about.st_mode):
            raise VaultError(f"{path}: this is no regular file. Move it away, or name another key file.")
        if about.st_uid != os.geteuid():
            raise VaultError(f"{path}: the key file is another user's. Give it to the bot's user (chown).")
        if about.st_mode & 0o077:
            raise VaultError(f"{path}: others can reach the key file. Run: chmod 600 '{path}'")
        with os.fdopen(handle, "rb", closefd=False) as file:
            page = file.read(_LARGEST_FILE)
    finally:
        os.close(handle)
    if not page.strip():
        raise VaultError(f"{path}: the key file is empty. {_BACKUP}")
    with suppress(ValueError, KeyError, TypeError, AttributeError):
        return _parsed(json.loads(page))
    raise VaultError(f"{path}: the key file is damaged. {_BACKUP}")


def _parsed(page: Any) -> _Ring:
    """The ring in a key file's JSON; KeyError, TypeError, AttributeError or ValueError when it is none."""
    keys: dict[str, _Key] = {}
    for key_id, entry in page["keys"].items():
        if len(key_id) != 2 * _ID or bytes.fromhex(key_id).hex() != key_id:
            raise ValueError
        keys[key_id] = _Key(_secret(entry["key"]), date.fromisoformat(entry["created"]).isoformat())
    if page["version"] != _FORMAT or page["current"] not in keys:
        raise ValueError
    return _Ring(_secret(page["root"]), keys, page["current"])


def _secret(text: str) -> bytes:
    raw = base64.b64decode(text, validate=True)
    if len(raw) != _KEY:
        raise ValueError
    return raw
