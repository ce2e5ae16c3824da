"""A second evaluator of AuthorizationPolicies, written from the documentation and slow on purpose.

It reads a policy's text anew for each request and shares nothing with the model that it is held against.
"""

HTTP_FIELDS = {
    "methods",
    "notMethods",
    "paths",
    "notPaths",
    "requestPrincipals",
    "notRequestPrincipals",
}
L4_FIELDS = {
    "principals", "notPrincipals", "namespaces", "notNamespaces", "serviceAccounts",
    "notServiceAccounts", "ports", "notPorts",
}  # fmt: skip
L4_KEYS = {"source.namespace", "source.principal", "destination.port"}
ISSUER = "i"


def text(pattern, value):
    if value is None:
        return False
    if pattern == "*":
        return True
    if pattern[0] == "*":
        return value[-len(pattern) + 1 :] == pattern[1:]
    if pattern[-1] == "*":
        return value[: len(pattern) - 1] == pattern[:-1]
    return value == pattern


def told(seen, name):
    """The request's value of a field, by the name that policies give it in the plural or as a key."""
    principal = seen["principal"]
    parts = principal.split("/") if principal else [None] * 5
    return {
        "principals": principal, "source.principal": principal,
        "namespaces": parts[2], "source.namespace": parts[2],
        "serviceAccounts": f"{parts[2]}/{parts[4]}" if principal else None,
        "trustDomains": parts[0],
        "requestPrincipals": seen["token"], "request.auth.principal": seen["token"],
        "methods": seen["method"], "paths": seen["path"],
        "ports": seen["port"], "destination.port": seen["port"],
        "request.headers[x]": seen["header"],
    }[name]  # fmt: skip


def meets(seen, name, patterns, home):
    value = told(seen, name)
    if name == "serviceAccounts":
        patterns = [p if "/" in p else f"{home}/{p}" for p in patterns]
    return any(text(p, value) for p in patterns)


def holds(seen, fields, home):
    for name, patterns in fields.items():
        if name.startswith("not"):
            if meets(seen, name[3].lower() + name[4:], patterns, home):
                return False
        elif not meets(seen, name, patterns, home):
            return False
    return True


def condition(seen, when):
    key, yes, no = when["key"], when.get("values"), when.get("notValues")
    return (not yes or meets(seen, key, yes, "")) and not (no and meets(seen, key, no, ""))


def proxy_rule(rule, seen, home, action, http):
    sources = [one["source"] for one in rule.get("from", [])]
    operations = [one["operation"] for one in rule.get("to", [])]
    whens = list(rule.get("when", []))
    if not http:
        asks = any(HTTP_FIELDS & set(f) for f in sources + operations) or any(
            w["key"].startswith("request.") for w in whens
        )
        if asks and action == "ALLOW":
            return False
        sources = [{k: v for k, v in f.items() if k not in HTTP_FIELDS} for f in sources]
        operations = [{k: v for k, v in f.items() if k not in HTTP_FIELDS} for f in operations]
        whens = [w for w in whens if not w["key"].startswith("request.")]
    return (
        (not sources or any(holds(seen, f, home) for f in sources))
        and (not operations or any(holds(seen, f, home) for f in operations))
        and all(condition(seen, w) for w in whens)
    )


def ztunnel_rule(rule, seen, home, action):
    sources = [one["source"] for one in rule.get("from", [])]
    operations = [one["operation"] for one in rule.get("to", [])]
    whens = rule.get("when", [])
    asks = any(HTTP_FIELDS & set(f) for f in sources + operations) or any(
        w["key"] not in L4_KEYS for w in whens
    )
    if asks and action == "ALLOW":
        return False
    for clause in (sources, operations):
        left = [{k: v for k, v in f.items() if k in L4_FIELDS} for f in clause]
        if clause and not any(f and holds(seen, f, home) for f in left):
            return False
    return all(w["key"] in L4_KEYS and condition(seen, w) for w in whens)


def decide(policies, matches):
    """DENY before ALLOW; without any ALLOW all is allowed."""
    if any(matches(p) for p in policies if p["action"] == "DENY"):
        return False
    allows = [p for p in policies if p["action"] == "ALLOW"]
    return not allows or any(matches(p) for p in allows)


def at_proxy(policies, seen, home, http, issuer):
    token = seen["token"]
    if http and issuer and token and not token.startswith(f"{ISSUER}/"):
        return False
    seen = {**seen, "token": token if http and issuer else None}
    return decide(
        policies,
        lambda p: any(proxy_rule(r, seen, home, p["action"], http) for r in p.get("rules", [])),
    )


def at_ztunnel(policies, seen, home):
    return decide(
        policies,
        lambda p: any(ztunnel_rule(r, seen, home, p["action"]) for r in p.get("rules", [])),
    )
