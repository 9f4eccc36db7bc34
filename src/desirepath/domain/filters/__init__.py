"""Filters: which interactions a caller wants to see.

:func:`parse_filter` turns JSON into a frozen tree or refuses it; :func:`compile_filter` turns the
tree into the one test that decides. SQL may only narrow what is tested, so every database gives
the same answer.

The grammar is that of the Mixpeek SDK. A node is a condition ``{"field", "operator", "value",
"case_sensitive"}`` or a group. A group holds ``AND``, ``OR`` and ``NOT`` (arrays; ``NOT`` also a
single object), ``case_sensitive`` for what is inside, and shorthand: ``{"position": 5}``,
``{"position": {"gte": 1, "lt": 5}}``, ``{"interaction_type": ["click", "share"]}`` (one of them).
All parts of a group must hold; an empty one always does, so ``AND []`` and ``NOT []`` match
everything and ``OR []`` nothing. Operators may wear Mongo's ``$``. A node with ``field`` and
``value`` or ``operator`` is always a condition, since the generated SDK sends conditions with
``case_sensitive: false`` added, as if they were groups.

================================  =================================================================
operator                          holds when the value at the path ...
================================  =================================================================
``eq``, ``in``                    equals the value, or one of the values
``ne``, ``nin``                   does not: the exact negation, so also for null and other types
``gt``, ``gte``, ``lt``, ``lte``  is of the same family (text, number, time) and orders so
``exists``, ``is_null``           is not null, is null (``false`` asks for the opposite)
``contains``, ``text``            has the value as a substring; ``text`` never looks at case
``starts_with``, ``ends_with``    begins or ends with the value
``phrase``                        has the words of the value, whole, one after another
``words``                         has every word of the value, whole, compared by English stem
``regex``                         has a match of the RE2 pattern somewhere
================================  =================================================================

- **Null.** A missing path is null. Only ``is_null: true``, ``exists: false``, ``eq`` null, ``in``
  with null, and negations (``ne``, ``nin``, ``NOT``) hold for it. Null elements of arrays match
  nothing.
- **Types.** Text, numbers, booleans, times, arrays and objects never equal or order each other.
  Booleans are not numbers; integers and decimals compare by exact value.
- **Text** orders by code point, which is the order of its UTF-8 bytes. ``eq``, ``in`` and the
  orders always look at case; ``contains``, ``starts_with``, ``ends_with``, ``phrase`` and
  ``regex`` only with ``case_sensitive``. Folding is ASCII (``É`` is not ``é``), except in
  ``regex``, where RE2 folds all of Unicode.
- **Words** are runs of letters, marks, digits and ``_``; an apostrophe inside belongs to them.
- **Arrays.** A condition holds if the array itself or any one of its elements satisfies it:
  ``eq [1, 2]`` is the whole array (or an element that is that array), ``eq 1`` any element.
  Objects equal whatever the order of their keys.
- **Paths** step into objects by key and into arrays by index; a key steps into all objects of an
  array, and any of the values found may match. A key that contains a dot cannot be reached.
- **Times** are compared as instants; a condition's is ISO 8601, naive is UTC, a date its midnight.
- **Limits**: 10 groups deep, 1,000 conditions and groups, 10,000 values in ``in``, patterns of
  1,000 characters.
"""

from desirepath.domain.filters.evaluate import compile_filter, needs_narrowing, search_matches
from desirepath.domain.filters.grammar import parse_filter
from desirepath.domain.filters.tree import OPERATORS, And, Condition, FieldKind, Filter, Not, Or

__all__ = [
    "OPERATORS",
    "And",
    "Condition",
    "FieldKind",
    "Filter",
    "Not",
    "Or",
    "compile_filter",
    "needs_narrowing",
    "parse_filter",
    "search_matches",
]
