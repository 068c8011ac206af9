#!/usr/bin/python3
"""Writes docs/api-reference.md from updater/api/openapi.json; with --check, says whether it is as it would be written."""
import hashlib
import json
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
SOURCE = ROOT / "updater" / "api" / "openapi.json"
TARGET = ROOT / "docs" / "api-reference.md"
METHODS = ("get", "post", "put", "patch", "delete")
A_TIME_MS = 1785412800000  # in examples

HEAD = """# API reference

Made from [`/openapi.json`](../updater/api/openapi.json) by `tools/api_reference.py`: change that, not this page. What holds
for every request, the roles and what goes with what is in [api.md](api.md).

Lengths of strings are in bytes of UTF-8. A time is Unix time in milliseconds; `null` is what has not come yet or is not there.
Fields that are not marked as needed may be left out of a request.
"""


class Reference:
    def __init__(self, document: dict):
        self.document = document
        self.schemas = document["components"]["schemas"]

    def resolve(self, thing: dict) -> dict:
        if "$ref" not in thing:
            return thing
        at = self.document
        for step in thing["$ref"].removeprefix("#/").split("/"):
            at = at[step]
        return at

    # ---- types, as words ----

    def type_of(self, name: str, schema: dict) -> str:
        if "$ref" in schema:
            return link(schema["$ref"].rsplit("/", 1)[1])
        if "oneOf" in schema:
            return " or ".join(self.type_of(name, part) for part in schema["oneOf"])
        kinds = schema.get("type", "any")
        kinds = kinds if isinstance(kinds, list) else [kinds]
        nullable = " or `null`" if "null" in kinds and kinds != ["null"] else ""
        if "enum" in schema:
            return ", ".join(f"`{value}`" for value in schema["enum"] if value is not None) + nullable
        kind = kinds[0]
        if kind == "array":
            once = ", none twice" if schema.get("uniqueItems") else ""
            return f"list of {self.type_of(name, schema['items'])}" + span(schema, "minItems", "maxItems", "") + once + nullable
        if kind == "object" and isinstance(schema.get("additionalProperties"), dict):
            return f"object of {self.type_of(name, schema['additionalProperties'])}" + nullable
        return {"any": "any value", "null": "`null`"}.get(kind, kind) + limits(name, schema) + nullable

    # ---- tables of fields ----

    def rows(self, schema: dict, prefix: str = ""):
        for name, part in schema.get("properties", {}).items():
            yield prefix + name, name, part, name in schema.get("required", [])
            part = self.inner(part)
            if part is not None:
                yield from self.rows(part, f"{prefix}{name}[]." if part.get("listed") else f"{prefix}{name}.")

    def inner(self, part: dict) -> dict | None:
        """The object whose fields are rows of the same table."""
        if part.get("type") == "array" and "properties" in part["items"]:
            return {**part["items"], "listed": True}
        for one in part.get("oneOf", [part]):
            if "properties" in one:
                return one
        return None

    def fields(self, schema: dict, asked: bool) -> str:
        rows = []
        for path, name, part, needed in self.rows(schema):
            said = [part.get("description", "")]
            if asked and needed:
                said.append("needed")
            elif not asked and not needed:
                said.append("not always there")
            if "default" in part:
                said.append(f"default `{json.dumps(part['default'])}`")
            rows.append(f"| `{path}` | {self.type_of(name, part)} | {cell('; '.join(word for word in said if word))} |\n")
        return "| field | type | |\n|---|---|---|\n" + "".join(rows) + "\n" if rows else ""

    # ---- examples ----

    def example(self, name: str, schema: dict):
        schema = self.resolve(schema)
        if "examples" in schema:
            return schema["examples"][0]
        if "oneOf" in schema:
            return self.example(name, schema["oneOf"][0])
        if "enum" in schema:
            return schema["enum"][0]
        if "default" in schema:
            return schema["default"]
        kind = schema.get("type", "string")
        kind = kind[0] if isinstance(kind, list) else kind
        if kind == "object":
            return {key: self.example(key, part) for key, part in schema.get("properties", {}).items()}
        if kind == "array":
            return [self.example(name, schema["items"])]
        if kind == "integer":
            return A_TIME_MS if schema.get("format") == "unix-ms" else schema.get("minimum", 0)
        if kind == "boolean":
            return False
        digits = schema.get("pattern", "").removeprefix("^[0-9a-f]{").removesuffix("}$")
        if digits.isdigit():
            return hashlib.sha256(name.encode()).hexdigest()[:int(digits)]
        return schema.get("pattern", "")

    # ---- the page ----

    def parameters(self, operation: dict) -> str:
        rows = []
        for parameter in map(self.resolve, operation.get("parameters", [])):
            schema = parameter["schema"]
            said = [parameter.get("description", "")] + ([f"default `{schema['default']}`"] if "default" in schema else [])
            rows.append(f"| `{parameter['name']}` | {parameter['in']} | {self.type_of(parameter['name'], schema)} | "
                        f"{cell('; '.join(word for word in said if word))} |\n")
        return "| parameter | in | type | |\n|---|---|---|---|\n" + "".join(rows) + "\n" if rows else ""

    def body(self, operation: dict) -> str:
        body = operation.get("requestBody")
        if body is None:
            return ""
        text = ""
        for kind, content in body["content"].items():
            schema = content["schema"]
            needed = "" if body.get("required") else ", or none"
            text += f"Body: `{kind}`{needed}"
            if "$ref" in schema:
                text += f", {link(schema['$ref'].rsplit('/', 1)[1])}"
            text += ".\n\n"
            if "$ref" not in schema:
                text += self.fields(schema, True)
            if kind == "application/json" and self.resolve(schema).get("properties"):
                text += f"```json\n{written(self.example('', schema))}\n```\n\n"
        return text

    def answers(self, operation: dict) -> str:
        text, refused = "", []
        for status, answer in sorted(operation["responses"].items()):
            if "$ref" in answer:
                refused.append(status)
                continue
            text += f"**{status}** {answer['description']}"
            headers = ", ".join(f"`{name}`" for name in answer.get("headers", {}))
            text += f", with {headers}" if headers else ""
            kinds = answer.get("content", {})
            schema = next(iter(kinds.values()))["schema"] if kinds else {}
            if kinds:
                text += ": " + ", ".join(f"`{kind}`" for kind in kinds)
            if "$ref" in schema:
                text += f", {link(schema['$ref'].rsplit('/', 1)[1])}"
            text += ".\n\n"
            if "$ref" not in schema:
                text += self.fields(schema, False)
            listed = list(schema.get("properties", {}).values())
            if "$ref" not in schema and listed and "$ref" not in listed[0].get("items", {}):
                text += f"```json\n{written(self.example('', schema))}\n```\n\n"
        return text + (f"[Refused](#problems) with {', '.join(refused)}.\n\n" if refused else "")

    def route(self, method: str, path: str, operation: dict) -> str:
        roles = operation["x-kedge-roles"]
        text = f"### {method.upper()} {path}\n\n{sentence(operation['summary'])}"
        text += f" {operation['description']}" if "description" in operation else ""
        return (text + f"\n\nRoles: {who(roles)}.\n\n" + self.parameters(operation) + self.body(operation)
                + self.answers(operation))

    def page(self) -> str:
        operations = [(method, path, item[method]) for path, item in self.document["paths"].items()
                      for method in METHODS if method in item]
        text = HEAD + "\n## Routes\n\n| route | roles | |\n|---|---|---|\n"
        for method, path, operation in operations:
            text += (f"| [{method.upper()} `{path}`](#{anchor(f'{method} {path}')}) | {who(operation['x-kedge-roles'])} | "
                     f"{cell(operation['summary'])} |\n")
        text += "\n" + "".join(self.route(*operation) for operation in operations)
        text += "## Records\n\n"
        for name, schema in self.schemas.items():
            text += f"### {name}\n\n"
            text += f"{sentence(schema['description'])}\n\n" if "description" in schema else ""
            text += self.fields(schema, schema.get("additionalProperties") is False)
            text += f"```json\n{written(self.example(name, schema))}\n```\n\n"
        return text + self.problems()

    def problems(self) -> str:
        text = "## Problems\n\nA refusal is a [Problem](#problem), `application/problem+json` (RFC 9457). Its `code` is for programs.\n\n"
        text += "| status | when | `code` |\n|---|---|---|\n"
        for answer in self.document["components"]["responses"].items():
            status, codes = answer[0].removeprefix("Problem"), answer[1]["x-kedge-codes"]
            text += f"| {status} | {cell(answer[1]['description'])} | {', '.join(f'`{code}`' for code in codes)} |\n"
        return text


def link(name: str) -> str:
    return f"[{name}](#{name.lower()})"


def anchor(heading: str) -> str:
    """As GitHub makes it: letters, digits, - and _ stay, a space is a dash."""
    return "".join("-" if mark == " " else mark for mark in heading.lower() if mark.isalnum() or mark in " -_")


def who(roles: list) -> str:
    return "any" if len(roles) == 6 else ", ".join(roles) or "no token"


def span(schema: dict, least: str, most: str, unit: str) -> str:
    if most not in schema:
        return f", {schema[least]}{unit} or more" if schema.get(least) else ""
    if schema.get(least) == schema[most]:
        return f", {schema[most]}{unit}"
    return f", {schema[least]} to {schema[most]}{unit}" if least in schema else f", up to {schema[most]}{unit}"


def limits(name: str, schema: dict) -> str:
    if schema.get("format") == "unix-ms":
        return ", a time"
    unit = " s" if name.endswith("_s") else " %" if name.endswith("_percent") else ""
    text = span(schema, "minimum", "maximum", unit) + span(schema, "minLength", "maxLength", "")
    if unit and "maximum" not in schema:
        text += f", in{unit}"
    return text + (f", `{schema['pattern']}`" if "pattern" in schema else "")


def cell(text: str) -> str:
    return text.replace("|", "\\|")


def sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")


def written(value, room: int = 118, indent: int = 0) -> str:
    """JSON in lines as long as they may be."""
    line = json.dumps(value, ensure_ascii=False)
    if len(line) <= room or not isinstance(value, dict | list) or not value:
        return line
    pad = " " * (indent + 2)
    if isinstance(value, list):
        return "[\n" + ",\n".join(pad + written(one, room - 2, indent + 2) for one in value) + "\n" + " " * indent + "]"
    parts, current = [], pad
    for key, one in value.items():
        part = f"{json.dumps(key, ensure_ascii=False)}: {written(one, room - 2 - len(key) - 4, indent + 2)}"
        if current.strip() and ("\n" in part or len(current) + len(part) > room + indent):
            parts.append(current.rstrip())
            current = pad
        current += part + ", "
    parts.append(current.rstrip().removesuffix(","))
    return "{\n" + "\n".join(parts) + "\n" + " " * indent + "}"


def main() -> int:
    made = Reference(json.loads(SOURCE.read_text())).page().rstrip() + "\n"
    if sys.argv[1:] == ["--check"]:
        if TARGET.exists() and TARGET.read_text() == made:
            return 0
        print(f"{TARGET.relative_to(ROOT)} is not what {SOURCE.relative_to(ROOT)} says: run tools/api_reference.py", file=sys.stderr)
        return 1
    TARGET.write_text(made)
    return 0


if __name__ == "__main__":
    sys.exit(main())
