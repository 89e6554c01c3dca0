#!/usr/bin/python3
"""Makes client-server.json (what the tests need of it) from the specification's own OpenAPI file.

usage: reduce.py FULL.json > client-server.json"""
import json
import re
import sys

PROSE = {"description", "example", "examples", "title", "summary", "$schema", "deprecated"}
BY_NAME = {"properties", "patternProperties", "responses", "content", "headers"}  # their keys are names, not keywords


def strip(node, names=False):
    if isinstance(node, list):
        return [strip(x) for x in node]
    if not isinstance(node, dict):
        return node
    return {k: strip(v, k in BY_NAME and not names) for k, v in node.items() if names or not (k in PROSE or k.startswith("x-"))}


def reduce(full):
    out = {"errcodes": sorted(set(re.findall(r"\bM_[A-Z0-9_]+", json.dumps(full)))), "operations": []}
    for path, methods in full["paths"].items():
        for method, op in methods.items():
            body = op.get("requestBody")
            out["operations"].append({
                "method": method.upper(), "path": path.strip(), "id": op["operationId"],
                "auth": {} not in op.get("security", []) and any("accessTokenBearer" in s for s in op.get("security", [])),
                "deprecated": op.get("deprecated", False),
                "parameters": [strip({k: p[k] for k in ("in", "name", "required", "schema") if k in p}) for p in op.get("parameters", [])],
                "body": body and {"required": body.get("required", False), "content": strip(body["content"], names=True)},
                "responses": {s: strip(r.get("content", {}), names=True) for s, r in op["responses"].items()},
            })
    out["operations"].sort(key=lambda o: (o["path"], o["method"], o["id"]))
    return out


if __name__ == "__main__":
    small = reduce(json.load(open(sys.argv[1])))
    lines = ",\n".join(json.dumps(o, sort_keys=True) for o in small["operations"])
    print('{"errcodes": %s,\n"operations": [\n%s\n]}' % (json.dumps(small["errcodes"]), lines))
