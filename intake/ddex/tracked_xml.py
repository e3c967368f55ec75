"""A message as a tree that remembers what of it was read, so that the rest can be listed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lxml import etree

#: A long box set has some 30,000 elements; DDEX nests them 12 deep.
MAX_ELEMENTS, MAX_DEPTH = 300_000, 60
#: A text longer than this is no title and no name.
MAX_TEXT = 60_000

#: Attributes that say how the message is written, and nothing about the release.
_ABOUT_THE_MESSAGE = re.compile(r"\{http://www\.w3\.org/.*|.*(VersionId|SchemaVersionId)$")


class Refused(Exception):
    """The bytes are no message that can be read: the code says why, in words and with a line."""

    def __init__(self, code: str, message: str, line: int | None = None) -> None:
        self.code, self.message, self.line = code, message, line
        super().__init__(message)


class _Inspector:
    """Looks at a message as it streams past, before anything is built of it."""

    def __init__(self) -> None:
        self._depth = self._elements = 0

    def doctype(self, *_: object) -> None:
        raise Refused("ddex.doctype", "The message has a document type declaration.")

    def start(self, *_: object) -> None:
        self._depth += 1
        self._elements += 1
        if self._depth > MAX_DEPTH or self._elements > MAX_ELEMENTS:
            limit = f"{MAX_ELEMENTS} elements, nested {MAX_DEPTH} deep"
            raise Refused("ddex.too_large", f"A message has at most {limit}.")

    def end(self, *_: object) -> None:
        self._depth -= 1

    def close(self) -> None:
        return None


def parse_tracked_xml(content: bytes) -> Tree:
    """The message as a tree. Raises Refused."""
    try:
        inspector = etree.XMLParser(target=_Inspector(), resolve_entities=False, no_network=True)
        etree.fromstring(content, inspector)
        parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
        return Tree(etree.fromstring(content, parser))
    except etree.XMLSyntaxError as error:
        if error.code == etree.ErrorTypes.ERR_NO_MEMORY:
            raise MemoryError from None
        raise Refused("ddex.not_xml", f"The message is not well-formed XML: {error.msg}", error.lineno) from None
    except ValueError as error:
        raise Refused("ddex.not_xml", f"The message is not well-formed XML: {error}") from None


class Tree:
    """The whole message."""

    def __init__(self, root: Any) -> None:
        self.root = root
        self.seen: set[Any] = set()
        self.seen_attributes: set[tuple[Any, str]] = set()
        self._paths: dict[Any, str] = {}

    @property
    def namespace(self) -> str:
        return etree.QName(self.root).namespace or ""

    def node(self) -> Node:
        """Its root."""
        return Node(self, (self.root,))

    def path(self, element: Any) -> str:
        """Where an element stands, as an XPath of local names."""
        if element not in self._paths:
            parent = element.getparent()
            if parent is None:
                self._paths[element] = f"/{_local_element_name(element)}"
            else:
                self._number(parent)
        return self._paths[element]

    def _number(self, parent: Any) -> None:
        """Write down the paths of all children at once: asked one by one, a long list would be counted for each."""
        above = self.path(parent)
        counts: dict[str, int] = {}
        for child in _iterate_child_elements(parent):
            name = _local_element_name(child)
            counts[name] = counts.get(name, 0) + 1
            self._paths[child] = f"{above}/{name}[{counts[name]}]"

    def unread(self) -> Iterator[tuple[str, int, str]]:
        """Path, line and text of every unread value."""
        for element in self.root.iter(tag=etree.Element):
            if element not in self.seen and len(element) == 0 and (element.text or "").strip():
                yield self.path(element), element.sourceline, element.text.strip()
            for name, value in element.attrib.items():
                known = (element, name) in self.seen_attributes or _ABOUT_THE_MESSAGE.fullmatch(name)
                if not known and value.strip():
                    yield f"{self.path(element)}/@{etree.QName(name).localname}", element.sourceline, value.strip()


@dataclass(frozen=True)
class Node:
    """One or several elements, looked through in turn: older versions nest what newer ones have side by side."""

    tree: Tree
    elements: tuple[Any, ...]

    @property
    def place(self) -> tuple[str, int]:
        """XPath and line of the first."""
        return self.tree.path(self.elements[0]), self.elements[0].sourceline

    @property
    def name(self) -> str:
        return _local_element_name(self.elements[0])

    def all(self, *names: str) -> list[Node]:
        """The children of these names: those of the first element that has any."""
        for element in self.elements:
            for name in names:
                if found := [child for child in _iterate_child_elements(element) if _local_element_name(child) == name]:
                    return [Node(self.tree, (child,)) for child in found]
        return []

    def each(self, *names: str) -> list[Node]:
        """The children of any of these names, of all elements, in the order of the message."""
        return [
            Node(self.tree, (child,))
            for element in self.elements
            for child in _iterate_child_elements(element)
            if _local_element_name(child) in names
        ]

    def one(self, *names: str) -> Node | None:
        """The first of them."""
        found = self.all(*names)
        return found[0] if found else None

    def within(self, *names: str) -> Node:
        """The same, looking also into the children of these names."""
        inner = tuple(item.elements[0] for item in self.each(*names))
        return Node(self.tree, self.elements + inner)

    def text(self, *names: str) -> str | None:
        """The text of the first child of these names, without the space around it; comments do not cut it short."""
        found = self.one(*names) if names else self
        if found is None:
            return None
        element = found.elements[0]
        self.tree.seen.add(element)
        return _element_text(element)[:MAX_TEXT] or None

    def attribute(self, name: str) -> str | None:
        """An attribute of the first element."""
        element = self.elements[0]
        self.tree.seen_attributes.add((element, name))
        value = element.get(name)
        return value.strip() or None if value is not None else None

    def settle(self, *attributes: str) -> None:
        """Take these attributes as read: they say what is understood anyway."""
        for element in self.elements:
            self.tree.seen_attributes.update((element, name) for name in attributes)

    @property
    def interrupted(self) -> bool:
        """Whether a comment or an instruction stands inside the text: naive readers see only what is before it."""
        return any(not isinstance(child.tag, str) for child in self.elements[0])


def _local_element_name(element: Any) -> str:
    return str(etree.QName(element).localname)


def _iterate_child_elements(parent: Any) -> Iterator[Any]:
    return parent.iterchildren(tag=etree.Element)


def _element_text(element: Any) -> str:
    parts = [element.text or ""]
    parts += [child.tail or "" for child in element if not isinstance(child.tag, str)]
    return "".join(parts).strip()
