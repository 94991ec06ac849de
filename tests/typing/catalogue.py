"""What the two shops sell: code that knows no framework."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any


@dataclass
class Item:
    """One kind of thing that is sold."""

    number: int
    name: str
    price: int
    picture: bytes = b""

    def as_json(self) -> dict[str, Any]:
        """Return what the interface for programs shows of it."""
        return {name: value for name, value in asdict(self).items() if name != "picture"}


class OutOfStock(Exception):
    """There is no such item."""

    def __init__(self, number: int) -> None:
        super().__init__(f"there is no item {number}")
        self.number = number


class Catalogue:
    """All items."""

    def __init__(self) -> None:
        self._items: dict[int, Item] = {}

    def add(self, name: str, price: int) -> Item:
        """Add an item under the next number."""
        number = len(self._items) + 1
        item = self._items[number] = Item(number, name, price)
        return item

    def get(self, number: int) -> Item:
        """Return an item; raise OutOfStock if there is none."""
        try:
            return self._items[number]
        except KeyError:
            raise OutOfStock(number) from None

    def search(self, words: str) -> list[Item]:
        """Return the items that have these words in their names."""
        return [item for item in self if words in item.name]

    def __iter__(self) -> Iterator[Item]:
        return iter(self._items.values())

    def __len__(self) -> int:
        return len(self._items)


LIST = """<title>{{ title }}</title>
{% for message in get_flashed_messages() %}<p>{{ message }}</p>{% endfor %}
<ul>
{% for item in items %}
<li><a href="{{ url_for('items.show', number=item.number) }}">{{ item.name }}</a> {{ item.price | euros }}</li>
{% endfor %}
</ul>"""
LINE = "{{ item.number }};{{ item.name }};{{ item.price }}"
