"""Actions of rules: registered faults, with the settings that a scenario gives them.

A setting is read by its type, from :mod:`fakesmtp.faults.settings` or the standard ones; a fault that is registered
needs nothing here.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, Final, Literal, NamedTuple, get_args, get_origin, get_type_hints

import attrs

from fakesmtp.faults import FAULTS, Entry
from fakesmtp.faults.settings import CertificateName, Octets, RefusalName, Seconds, StateName, Waiting, WireText
from fakesmtp.protocol.reply import Reply
from fakesmtp.protocol.wording import Wording
from fakesmtp.scenario import source, values
from fakesmtp.scenario.model import Act
from fakesmtp.scenario.problems import Findings, Wrong
from fakesmtp.scenario.source import Node, Scalar, Sequence
from fakesmtp.scenario.values import Read


class Setting(NamedTuple):
    """A fault's setting, as a scenario file writes it."""

    name: str
    """In kebab-case."""
    attribute: str
    type: Any
    required: bool
    doc: str
    least: int
    """Of numbers."""


@cache
def settings_of(entry: Entry) -> dict[str, Setting]:
    """A fault's settings by the names that scenario files use, the primary one first."""
    types = get_type_hints(entry.factory, include_extras=True)
    return {
        field.name.replace("_", "-"): Setting(
            name=field.name.replace("_", "-"),
            attribute=field.name,
            type=types[field.name],
            required=field.default is attrs.NOTHING,
            doc=field.metadata.get("doc", ""),
            least=field.metadata.get("least", 1),
        )
        for field in entry.settings
    }


def certificate_names() -> tuple[str, ...]:
    """The kinds of certificate that the server can show."""
    from fakesmtp.tls.certificates import KINDS

    return tuple(KINDS)


def certificate(node: Node, findings: Findings) -> str:
    """The name of a kind of certificate."""
    name = values.scalar(node, "a certificate").text
    if name != "valid" and name not in certificate_names():
        raise findings.unknown(node, "certificate", certificate_names(), "certificates")
    return name


class Acts:
    """Reads the actions of rules, in the words of one persona."""

    __slots__ = ("_persona",)

    def __init__(self, persona: Wording) -> None:
        self._persona = persona

    def read_list(self, node: Node, findings: Findings) -> tuple[Act, ...]:
        """``do``: one action or a list of them."""
        acts = values.list_of(self.read)(node, findings)
        if isinstance(node, Sequence) and not node.items:
            raise Wrong(node, "a rule needs an action", "for instance refuse: mailbox-full")
        return acts

    def read(self, node: Node, findings: Findings) -> Act:
        """One action: a word, ``{name: setting}`` or ``{name: {setting: …}}``."""
        if isinstance(node, Scalar):
            return self.read_named(values.scalar(node, "an action"), None, findings)
        given = values.mapping(node, "an action").pairs
        if len(given) != 1:
            hint = "write each with a '-' of its own, in the order in which they act"
            raise Wrong(node, f"an action is one word with its settings, not {len(given)}", hint)
        return self.read_named(*next(iter(given.values())), findings)

    def read_named(self, key: Scalar, value: Node | None, findings: Findings) -> Act:
        """The action that a key names, with what stands behind the key."""
        if (entry := FAULTS.get(key.text)) is None:
            raise findings.unknown(key, "action", FAULTS, "faults")
        settings = settings_of(entry)
        given = self._given(key, value, settings, findings)
        found = {
            setting.attribute: findings.attempt(self._reader(setting, key.text), given[name], None)
            for name, setting in settings.items()
            if name in given
        }
        if None in found.values():
            return _unusable(entry, key)
        missing = [name for name, setting in settings.items() if setting.required and name not in given]
        if missing:
            raise Wrong(key, f"'{key.text}' needs {' and '.join(missing)}", settings[missing[0]].doc)
        return _made(entry, found, key)

    def _given(
        self, key: Scalar, value: Node | None, settings: dict[str, Setting], findings: Findings
    ) -> dict[str, Node]:
        """The nodes of the settings that are written, by name."""
        if value is None or (isinstance(value, Scalar) and value.missing):
            return {}
        primary = next(iter(settings.values()), None)
        if primary is None:
            return _nothing(key, value)
        if _means_the_defaults(value, settings):
            return {}
        if not isinstance(value, source.Mapping) or _may_be_primary(primary, value, settings):
            return {primary.name: value}
        if primary.type in (Reply, WireText) and (written := values.as_one_line(value)) is not None:
            raise Wrong(value, "text with ': ' in it needs quotes", f'{key.text}: "{written}"')
        for name, (inner, _) in value.pairs.items():
            if name not in settings:
                raise findings.unknown(inner, f"setting of '{key.text}':", settings)
        return {name: inner for name, (_, inner) in value.pairs.items()}

    def _reader(self, setting: Setting, action: str = "") -> Read[Any]:
        if setting.type is RefusalName:
            return self.refusal
        return reader_of(setting.type, f"value of '{action}':", setting.least)

    def refusal(self, node: Node, findings: Findings) -> str:
        """The name of a refusal that the persona, or the one behind it, has words for."""
        from fakesmtp.scenario.persona import refusal_names

        name = values.scalar(node, "a refusal").text
        if self._persona.words_for(name) is not None:
            return name
        known = refusal_names()
        if name in known:
            message = f"the persona '{self._persona.name}' has no words for {name!r}"
            raise Wrong(node, message, "choose another persona, or give the reply itself")
        raise findings.unknown(node, "refusal", [each for each in known if self._persona.words_for(each)], "refusals")


def reader_of(kind: Any, what: str, least: int = 1) -> Read[Any]:
    """How a setting of this type is read; refusals are read by whoever knows the persona.

    :param what: what a choice is called in messages. :param least: of whole numbers and sizes.
    """
    if get_origin(kind) is Literal:
        return values.choice(what, get_args(kind))
    if get_origin(kind) is Annotated:
        return values.choice(what, get_args(kind)[1])
    if kind in (int, Octets):
        return (values.integer if kind is int else values.size_from)(least)
    if kind not in _READERS:
        raise TypeError(f"settings of the type {kind} cannot be given by scenarios")
    return _READERS[kind]


def _means_the_defaults(value: Node, settings: dict[str, Setting]) -> bool:
    """Whether this is the ``true`` of an action that needs no settings, although it has some."""
    plain = isinstance(value, Scalar) and value.truth is True
    primary, *_ = settings.values()
    return plain and primary.type is not bool and not any(each.required for each in settings.values())


def _may_be_primary(primary: Setting, value: source.Mapping, settings: dict[str, Setting]) -> bool:
    """Whether a mapping is the primary setting itself: a distribution, or EHLO keywords."""
    takes_mapping = primary.type == Waiting or get_origin(primary.type) is Mapping
    return takes_mapping and not value.pairs.keys() <= settings.keys()


def _nothing(key: Scalar, value: Node) -> dict[str, Node]:
    """An action without settings: its value, where it must have one, is ``true``."""
    if (isinstance(value, Scalar) and value.text == "true") or (isinstance(value, source.Mapping) and not value.pairs):
        return {}
    raise Wrong(value, f"'{key.text}' has no settings, and this is {values.describe(value)}", f"write {key.text}: true")


def _unusable(entry: Entry, key: Scalar) -> Act:
    """Stands for an action whose settings are wrong, so that the rule around it is still read."""
    return Act(entry.name, entry.kind, None, key.place)


def _made(entry: Entry, settings: dict[str, Any], key: Scalar) -> Act:
    try:
        return Act(entry.name, entry.kind, entry.factory(**settings), key.place)
    except ValueError as error:
        raise Wrong(key, str(error)) from None
    except Exception as error:  # a fault of the user's own may raise anything
        raise Wrong(key, f"'{entry.name}' does not take these settings: {type(error).__name__}: {error}") from None


def _keywords(node: Node, findings: Findings) -> dict[str, str]:
    """EHLO keywords and their values; ``true`` for a keyword without one."""
    found = values.pairs(_keyword_value, "keywords")(node, findings)
    return {keyword.upper(): value for keyword, value in found.items()}


def _keyword_value(node: Node, findings: Findings) -> str:
    if isinstance(node, Scalar) and node.truth is not None:
        if not node.truth:
            raise Wrong(node, "'offer' adds keywords", "withhold leaves one out")
        return ""
    return values.line(node, findings)


_READERS: Final[dict[Any, Read[Any]]] = {
    str: values.text,
    bool: values.boolean,
    float: values.number(0),
    Seconds: values.duration,
    Waiting: values.waiting,
    WireText: values.octets,
    CertificateName: certificate,
    StateName: values.word,
    Reply: values.reply,
    tuple[int, ...]: values.list_of(values.integer(-values.LARGEST)),
    tuple[str, ...]: values.list_of(values.word),
    Mapping[str, str]: _keywords,
}
"""By type, where the type alone says how."""
