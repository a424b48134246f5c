"""Generates Lua from the ARGV of a header: the unpacking of arguments, and their two tests.

The quick test is one expression at the head of the text, and a loop if an argument is repeated. Only if it fails, the
whole test checks each value in turn: it finds the first that is wrong, or it finds none and brings the values into
their usual form.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from header import Argument, BuildError

_TYPE = re.compile(
    r"^--- (?P<name>\w+) (?P<code>SEQUERE_\w+): (?P<text>.+)\n"
    r"(?:--- mostly: (?P<mostly>.+)\n)?(?:--- form: (?P<form>.+)\n)?"
    r"(?P<function>local function (?P<test>is_\w+)\(value\)\n(?:.*\n)*?end)$",
    re.MULTILINE,
)
_ONE_LINE = re.compile(r".*\n  return (.+)\nend")


@dataclass(frozen=True)
class Type:
    """The type of one value in ARGV."""

    code: str
    text: str
    #: Lua, in terms of "value"; implies the whole test.
    quick: str
    #: Lua: the function that is the whole test.
    test: str
    #: Lua, in terms of "value": how it is written from then on, where only the whole test let it pass.
    form: str | None = None
    is_number: bool = False


@dataclass(frozen=True)
class Value:
    """One place in ARGV: its name in errors and in the body, its type, and whether it may be empty."""

    name: str
    type: Type
    absent: str | None = None


@dataclass
class Tests:
    """The pieces for the frame, by the names of its marks, and the names that the body takes."""

    names: list[str] = field(default_factory=list)
    unpack: list[str] = field(default_factory=list)
    quick: list[str] = field(default_factory=list)
    check: list[str] = field(default_factory=list)
    defaults: list[str] = field(default_factory=list)


class Types:
    """The types that a header may name, read from ``types.lua``, where ``words`` replace the names in capitals."""

    def __init__(self, path: Path, words: Mapping[str, str]) -> None:
        text = re.sub(r"\b[A-Z_]+_NAMES\b", lambda match: words[match[0]], path.read_text(encoding="utf-8"))
        self.by_name: dict[str, Type] = {}
        #: The texts of the functions, each after those that it calls.
        utf8 = (path.parent / "include" / "_utf8.lua").read_text(encoding="utf-8")
        self.functions: dict[str, str] = {"is_utf8": utf8[utf8.index("local") :].rstrip()}
        for match in _TYPE.finditer(text):
            one_line = _ONE_LINE.fullmatch(match["function"])
            quick = match["mostly"] or (one_line and one_line[1]) or f"{match['test']}(value)"
            self.by_name[match["name"]] = Type(match["code"], match["text"], quick, match["test"], match["form"])
            self.functions[match["test"]] = match["function"]

    def find(self, name: str) -> Type:
        """The type that a header names. Raises :class:`BuildError`."""
        if name in self.by_name:
            return self.by_name[name]
        if "|" in name:
            test = " or ".join(f"value == '{choice}'" for choice in name.split("|"))
            return Type("SEQUERE_ARGUMENT", name.replace("|", " or "), test, f"function(value) return {test} end")
        least, _, most = name.partition("..")
        if not (least.isdigit() and most.isdigit()):
            raise BuildError(f"not a type: {name}; types.lua has {', '.join(sorted(self.by_name))}")
        test = f"#value <= 15 and find(value, '^%d+$') and value + 0 >= {least} and value + 0 <= {most}"
        text = f"a whole number from {least} to {most}"
        return Type("SEQUERE_LIMIT", text, test, f"function(value) return {test} end", is_number=True)

    def values_of(self, argument: Argument) -> list[Value]:
        """The places in ARGV that an argument takes once."""
        if argument.type == "group":
            return [value for member in argument.members for value in self.values_of(member)]
        if argument.type != "resource":
            return [Value(argument.name, self.find(argument.type), argument.absent)]
        side = "" if argument.name == "resource" or argument.most else f"{argument.name}_"
        return [Value(side + part, self.by_name[part]) for part in ("identifier", "object_id")]

    def functions_for(self, types: Sequence[Type]) -> list[str]:
        """The names of the functions that are the whole tests of these types, each after those that it calls."""
        wanted = " ".join(kind.test for kind in types)
        for test in reversed(self.functions):
            if re.search(rf"\b{test}\b", wanted):
                wanted += " " + self.functions[test]
        return [test for test in self.functions if re.search(rf"\b{test}\b", wanted)]


def write_tests(arguments: Sequence[Argument], types: Types, there: Collection[str]) -> Tests:
    """The pieces of the frame that follow from the arguments of a header. ``there``: functions that it has anyway."""
    tests = Tests()
    alone = [argument for argument in arguments if not argument.most]
    values = [value for argument in alone for value in types.values_of(argument)]
    if values:
        tests.names = [value.name for value in values]
        places = ", ".join(f"ARGV[{place + 1}]" for place in range(len(values)))
        tests.unpack.append(f"local {', '.join(tests.names)} = {places}")
    quick: list[str] = []
    for argument in alone:
        for value in types.values_of(argument):
            _test_alone(tests, quick, value)
        if argument.unlike:
            ends = [value.name for value in types.values_of(argument)]
            quick.append(_unlike(argument.unlike, *ends))
            tests.check += _refuse_same(argument.name, argument.unlike, *ends)

    # The last one that must be there: what may be left out before it is sent as an empty text.
    least = max((place for place, value in enumerate(values, 1) if not value.absent), default=0)
    arity, said = f"#ARGV >= {least} and #ARGV <= {len(values)}", _range(least, len(values))
    loop: list[str] = []
    repeated = arguments[-1] if len(alone) < len(arguments) else None
    if repeated:
        arity, said, loop = _test_repeated(tests, types, repeated, len(values))
    tests.quick = [f"local right = #KEYS == 2 and {arity}", *(f"  and {one}" for one in quick), *loop]
    tests.check = [
        f"if not (#KEYS == 2 and {arity}) then",
        f"  reason = {{'SEQUERE_ARGUMENT', 'takes 2 keys and {said}; got ' .. #KEYS .. ' and ' .. #ARGV}}",
        "end",
        *tests.check,
    ]
    every = [value.type for argument in arguments for value in types.values_of(argument)]
    _add_functions(tests, types, every, there)
    return tests


def _range(least: int, most: int) -> str:
    return f"{least} arguments" if least == most else f"{least} to {most} arguments"


def _test_alone(tests: Tests, quick: list[str], value: Value) -> None:
    name, kind = value.name, value.type
    check = f"check('{name}', {name}, {kind.test}, '{kind.code}', '{kind.text}')"
    if value.absent:
        tests.unpack.append(f"if {name} == '' then {name} = nil end")
        quick.append(f"(not {name} or {_put(kind.quick, name)})")
        form = [f"  {name} = not reason and {_put(kind.form, name)} or {name}"] if kind.form else []
        tests.check += [f"if {name} then", f"  {check}", *form, "end"]
    else:
        quick.append(_put(kind.quick, name))
        tests.check.append(check)
    if kind.is_number:
        tests.defaults.append(f"{name} = tonumber({name})")
    if value.absent == "=now":
        tests.defaults += [
            f"if not {name} then",
            "  local time = call('TIME')",
            f"  {name} = format('%s.%06d', time[1], time[2])",
            "end",
        ]


def _test_repeated(tests: Tests, types: Types, argument: Argument, before: int) -> tuple[str, str, list[str]]:
    """The test of how many there are, in Lua and in words, and the loop of the quick test."""
    values, first = types.values_of(argument), before + 1
    size = len(values)
    places = ["ARGV[i]", *(f"ARGV[i + {place}]" for place in range(1, size))]
    locals_ = [f"each_{value.name}" for value in values]
    tests.names.append(argument.name)
    tests.unpack.append(f"local {argument.name} = {first} -- the place of the first one in ARGV")
    quick: list[str] = []
    tests.check.append(f"for i = {first}, reason and 0 or #ARGV, {size} do")
    for place, local, value in zip(places, locals_, values, strict=True):
        kind = value.type
        number = f"(i - {first}) / {size} + 1" if size > 1 else f"i - {before}"
        label = f"'{argument.name} ' .. {number}" + (f" .. ' {value.name}'" if value.name != argument.name else "")
        check = f"check({label}, {place}, {kind.test}, '{kind.code}', '{kind.text}')"
        quick.append(f"({local} == '' or {_put(kind.quick, local)})" if value.absent else _put(kind.quick, local))
        if value.absent:
            form = [f"    {place} = not reason and {_put(kind.form, place)} or {place}"] if kind.form else []
            tests.check += [f"  if {place} ~= '' then", f"    {check}", *form, "  end"]
        else:
            tests.check.append(f"  {check}")
    for name, other, ends in _differing(types, argument):
        quick.append(_unlike(other, *(f"each_{end}" for end in ends), each=argument.type == "group"))
        by_name = dict(zip((value.name for value in values), places, strict=True))
        others = [by_name[end] if argument.type == "group" else end for end in _ends(other)]
        tests.check += ["  " + line for line in _refuse(name, other, *(by_name[end] for end in ends), *others)]
    tests.check.append("end")
    loop = [
        f"for i = {first}, right and #ARGV or 0, {size} do",
        f"  local {', '.join(locals_)} = {', '.join(places)}",
        f"  right = right and {quick[0]}",
        *(f"    and {one}" for one in quick[1:]),
        "end",
    ]
    arity = f"#ARGV >= {before + size * argument.least} and #ARGV <= {before + size * argument.most}"
    if size > 1:
        arity += f" and (#ARGV - {before}) % {size} == 0"
    said = f"{argument.least} to {argument.most} {argument.name}" + (f" of {size} arguments each" if size > 1 else "")
    return arity, f"{before} arguments and {said}" if before else said, loop


def _differing(types: Types, argument: Argument) -> list[tuple[str, str, list[str]]]:
    """What of a repeated argument must differ from what: name, other, and the names of its two values."""
    members = argument.members or [argument]
    return [
        (member.name, member.unlike, [value.name for value in types.values_of(member)])
        for member in members
        if member.unlike
    ]


def _put(expression: str | None, name: str) -> str:
    """An expression of "value" with a name in its place, in brackets where others can come beside it."""
    text = re.sub(r"\bvalue\b", name, expression or "")
    return f"({text})" if " or " in text else text


def _unlike(other: str, identifier: str, object_id: str, *, each: bool = False) -> str:
    prefix = "each_" if each else ""
    other_identifier, other_object_id = _ends(other)
    return f"({object_id} ~= {prefix}{other_object_id} or {identifier} ~= {prefix}{other_identifier})"


def _ends(name: str) -> list[str]:
    """The names of the two values of a resource."""
    side = "" if name == "resource" else f"{name}_"
    return [f"{side}identifier", f"{side}object_id"]


def _refuse_same(name: str, other: str, identifier: str, object_id: str) -> list[str]:
    return _refuse(name, other, identifier, object_id, *_ends(other))


def _refuse(name: str, other: str, identifier: str, object_id: str, *others: str) -> list[str]:
    """What refuses a resource that must not be the same as another."""
    return [
        f"if not reason and {identifier} == {others[0]} and {object_id} == {others[1]} then",
        f"  reason = {{'SEQUERE_SELF', '{name} must not be the same resource as {other}', "
        f"{identifier} .. ' ' .. {object_id}}}",
        "end",
    ]


def _add_functions(tests: Tests, types: Types, every: Sequence[Type], there: Collection[str]) -> None:
    """Put each function before the first test that calls it."""
    head = types.functions_for([kind for kind in every if f"{kind.test}(value)" in kind.quick])
    rest = [test for test in types.functions_for(every) if test not in head and test not in there]
    tests.quick = [line for test in head for line in types.functions[test].splitlines()] + tests.quick
    tests.check = [line for test in rest for line in types.functions[test].splitlines()] + tests.check
